"""What has no effect is refused: empty options, selections of nothing, options that nothing reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.tests.suites import Session, inside, run, run_harness, write

pytest_plugins = ["pytester"]

TWO = """
@claim(PAPER, "S1", says="x is large", reported="words", adapted=SMALL)
@trained(x=about(1.0))
@control(says="no shift", x=NULL)
def test_large(x, check):
    large(x, check)

@claim(PAPER, "S2", says="x is small", reported="words", adapted=SMALL)
@trained(x=about(-1.0))
@control(says="a shift", x=about(1.0))
def test_small(x, check):
    large(x, check)
"""


@pytest.fixture
def session(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Start a session over the two claims in this process: the second comes out refuted."""

    def start(*arguments: str, **env: str) -> Session:
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        write(pytester.path, TWO)
        return inside(pytester, monkeypatch, *arguments)

    return start


def with_cache(folder: Path) -> Path:
    """The suite without the setting that switches pytest's cache off."""
    file = write(folder, TWO) / "pyproject.toml"
    file.write_text(file.read_text().replace('"-p", "no:cacheprovider", ', ""))
    return folder


@pytest.mark.parametrize("option", ["--lf", "--ff", "--nf", "--sw"])
def test_what_needs_the_last_session_is_refused_where_nothing_remembers_it(option: str, session: Any) -> None:
    session(option).refused(option, "leave out -p no:cacheprovider")


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "two workers"])
def test_what_failed_is_judged_alone_or_first(tmp_path: Path, workers: tuple[str, ...]) -> None:
    suite = with_cache(tmp_path)
    assert run(suite, "-m", "quick").status == 1
    last = run(suite, "-m", "quick", "--lf", "--report", "rep", *workers)
    assert last.status == 1
    assert list(last.verdicts) == ["small"]
    if not workers:
        first = run(suite, "-m", "quick", "--ff", "-v")
        order = [row.partition("::")[2].partition("[")[0] for row in first.text.splitlines() if "%]" in row]
        assert order == ["test_small", "test_large"]


def test_only_what_failed_is_planned_and_trained(tmp_path: Path) -> None:
    suite = with_cache(tmp_path)
    assert run(suite, "-m", "quick").status == 1
    run(suite, "-m", "quick", "--lf", "--plan", HARNESS_STORE=str(tmp_path / "new")).says("plan: 10 runs")


@pytest.mark.parametrize(
    "arguments, says",
    [
        (("-k", "no_such"), "is of the quick tier and matches -k no_such"),
        (("-m", "standard"), "matches -m standard"),
        (("-m", "quick", "-k", "huge"), "matches -m quick and matches -k huge"),
        (("-m", "not quick"), "matches -m 'not quick'"),
        (("-k", "no_such", "--plan"), "is of the quick tier and matches -k no_such"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_selection_of_nothing_is_told(arguments: tuple[str, ...], says: str, session: Any) -> None:
    done = session(*arguments)
    assert done.status == 5
    done.says(f"nothing is selected: no item of 2 {says} (python -m harness list)")


def test_a_selection_of_nothing_is_told_by_workers_too(tmp_path: Path) -> None:
    done = run(write(tmp_path, TWO), "-n", "2", "-k", "no_such")
    assert done.status == 5
    done.says("nothing is selected: no item of 2 is of the quick tier and matches -k no_such")


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "two workers"])
def test_a_deselection_of_nothing_is_refused(tmp_path: Path, workers: tuple[str, ...]) -> None:
    suite = write(tmp_path, TWO)
    done = run(suite, "--deselect", "test_tiny.py::test_huge", *workers)
    assert done.status == 4
    done.says("--deselect test_tiny.py::test_huge: no test's id begins so")
    assert "Traceback" not in done.text
    assert run(suite, "--deselect", "test_tiny.py::test_small", *workers).status == 0


def test_a_plain_test_may_be_deselected_beside_claims(tmp_path: Path) -> None:
    suite = write(tmp_path, TWO + "\ndef test_plain():\n    raise AssertionError\n")
    assert run(suite, "--deselect", "test_tiny.py::test_plain", "--plan").status == 0


def test_shipped_records_need_neither_data_nor_a_device(session: Any, pytester: pytest.Pytester) -> None:
    (pytester.path / "records.jsonl.gz").write_bytes(b"\x1f\x8b")
    session("--store", "records.jsonl.gz", "--data-root", ".").refused("--data-root has no effect")
    session("--store", "records.jsonl.gz", "--device", "cuda").refused("--device has no effect")


def test_a_repeated_claim_is_one(session: Any, pytester: pytest.Pytester) -> None:
    """pytest-repeat's own way of repeating: a parameter that is none of the claim's."""
    write(pytester.path, TWO)
    (pytester.path / "conftest.py").write_text(
        (pytester.path / "conftest.py").read_text()
        + """

import pytest

@pytest.fixture
def __pytest_repeat_step_number(request):
    return getattr(request, "param", None)

@pytest.hookimpl(trylast=True)
def pytest_generate_tests(metafunc):
    metafunc.fixturenames.append("__pytest_repeat_step_number")
    name = "__pytest_repeat_step_number"
    metafunc.parametrize(name, range(2), indirect=True, ids=lambda i: f"{i + 1}-2", scope="function")
"""
    )
    done = run(pytester.path, "--report", "rep", "-k", "large")
    assert done.letters == ".."
    assert [c.id for c in done.report.claims] == ["test_tiny.py::test_large"]
    assert [c.command for c in done.report.claims] == ['python -m pytest "test_tiny.py::test_large[quick]"']
    assert [(c.id, c.selected) for c in done.report.collected] == [
        ("test_tiny.py::test_large", True),
        ("test_tiny.py::test_small", False),
    ]


def test_the_report_keeps_the_order_in_which_claims_are_written(tmp_path: Path) -> None:
    suite = write(tmp_path, TWO)
    conftest = suite / "conftest.py"
    conftest.write_text(
        f"{conftest.read_text()}\ndef pytest_collection_modifyitems(items):\n    items.reverse()\n"
    )
    done = run(suite, "--report", "rep")
    assert list(done.verdicts) == ["large", "small"]


def test_a_claim_has_one_name_wherever_pytest_is_started(tmp_path: Path) -> None:
    package = write(tmp_path / "top", "").joinpath("claims")
    write(package, TWO)
    for name in ("conftest.py", "pyproject.toml"):
        (package / name).unlink()
    (package / "__init__.py").write_text("")
    for folder, argument in ((tmp_path / "top", "claims"), (package, ".")):
        store = {"HARNESS_STORE": str(tmp_path / "store")}
        done = run(
            folder, argument, "--rootdir", str(folder), "--report", "rep", "-p", "no:cacheprovider", **store
        )
        assert [c.id for c in done.report.claims] == [
            "claims/test_tiny.py::test_large",
            "claims/test_tiny.py::test_small",
        ]
        assert done.report.claims[0].command == 'python -m pytest "claims/test_tiny.py::test_large[quick]"'


def test_processes_that_cannot_say_what_they_read_are_refused(
    session: Any, pytester: pytest.Pytester
) -> None:
    write(pytester.path, TWO)
    conftest = pytester.path / "conftest.py"
    conftest.write_text(
        f"{conftest.read_text()}\ndef pytest_addoption(parser):\n"
        "    parser.addoption('--forked', action='store_true')\n"
    )
    run(pytester.path, "--forked").refused(
        "--forked judges claims in processes that cannot say what they read"
    )


@pytest.mark.parametrize("level", ["1", "2"])
def test_a_python_without_assertions_is_refused(tmp_path: Path, level: str) -> None:
    run(write(tmp_path, TWO), "-m", "quick", PYTHONOPTIMIZE=level).refused("assertions", "PYTHONOPTIMIZE")
    refused = run_harness(tmp_path, "list", PYTHONOPTIMIZE=level)
    assert (refused.status, refused.text.count("\n")) == (1, 1)
    assert "unset PYTHONOPTIMIZE" in refused.text
