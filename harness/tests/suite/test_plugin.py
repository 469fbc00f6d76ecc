"""The plugin as a user meets it: names, tiers, letters, messages, plans, reports."""

from __future__ import annotations

import os
import re
from pathlib import Path

import msgspec
import pytest

from harness.tests.suites import Session, inside, run, without_times, write

OUTCOMES = """
@claim(PAPER, "S1", says="x is large", adapted={"quick": "small", "standard": "none"}, reported={"x": 1.0})
@trained(x=Tiers(quick=about(1.0), standard=about(1.5)))
@control(says="no shift", x=NULL)
def test_large(x, check):
    large(x, check)
    check.draw("Figure 1", series="s", x=[1, 2], y=x.array("curve"))

@claim(PAPER, "S1", says="x grows", reported="words", adapted=SMALL)
@trained(x=lambda width: about(float(width)))
@control(says="no shift", x=NULL)
@pytest.mark.parametrize("width", [2, 3], ids=["two", "three"])
def test_width(x, check, width):
    large(x, check)

@claim(PAPER, "S2", says="x is negative", reported="words", adapted=SMALL,
       expected={"quick": ("refuted", "known wrong")})
@trained(x=NULL)
@control(says="far down", positive=True, x=about(-9.0))
def test_known_wrong(x, check):
    check(below(x.final("x"), -0.5, because="half"))

@claim(PAPER, "S2", says="x is negative", reported="words", adapted=SMALL)
@trained(x=NULL)
@control(says="far down", positive=True, x=about(-9.0))
def test_wrong(x, check):
    check(below(x.final("x"), -0.5, because="half"))

@claim(PAPER, "S3", says="x is large", reported="words", adapted=SMALL)
@trained(x=about(1.0))
def test_without_control(x, check):
    large(x, check)

@claim(PAPER, "S3", says="x is large", reported="words", adapted=SMALL,
       expected={"quick": ("inconclusive", "blind")})
@trained(x=about(1.0))
@control(says="as large", x=about(1.01))
def test_blind(x, check):
    large(x, check)

@claim(PAPER, "S3", says="at the edge", reported="words", adapted=SMALL,
       expected={"quick": ("inconclusive", "edge")})
@trained(x=about(0.5))
@control(says="no shift", x=NULL)
def test_edge(x, check):
    large(x, check)

@claim(PAPER, "S4", says="raises", reported="words", adapted=SMALL)
@trained(x=about(1.0))
@control(says="no shift", x=NULL)
def test_raises(x, check):
    raise RuntimeError("boom\\nsecond line")

@claim(PAPER, "S4", says="cannot be computed", reported="words", adapted=SMALL)
@trained(x=Simulation(fails))
@control(says="no shift", x=NULL)
def test_fails(x, check):
    large(x, check)

@claim(PAPER, "S4", says="skips", reported="words", adapted=SMALL)
@trained(x=about(1.0))
@control(says="no shift", x=NULL)
def test_skips(x, check):
    pytest.skip("needs the moon")

@claim(PAPER, "S4", says="checks nothing", reported="words", adapted=SMALL)
@trained(x=about(1.0))
@control(says="no shift", x=NULL)
def test_without_check(x, check):
    pass

@claim(PAPER, "S4", says="asserts", reported="words", adapted=SMALL)
@trained(x=about(1.0))
@control(says="no shift", x=NULL)
def test_asserts(x, check):
    assert 1 == 2

@claim(PAPER, "S5", says="adding nothing changes nothing", reported="words", adapted=SMALL)
@trained(world=0)
@control(says="one off", world=-1)
@given(n=st.integers(0, 100))
def test_exact(world, n):
    assert n == n + world, f"n={n} differs"

@claim(PAPER, "S5", says="adding one changes nothing", reported="words", adapted=SMALL)
@trained(world=1)
@control(says="one off", world=-1)
@given(n=st.integers(0, 100))
def test_exact_wrong(world, n):
    assert n == n + world, f"n={n} differs"

@claim(PAPER, "S5", says="as before", reported="words", adapted=SMALL,
       expected={"quick": ("refuted", "it is one off")})
@trained(world=1)
@control(says="one off", world=-1)
@given(n=st.integers(0, 100))
def test_exact_silent(world, n):
    assert n == n + world
"""

VERDICTS = {
    "large": "reproduced", "width[two]": "reproduced", "width[three]": "reproduced",
    "known_wrong": "refuted", "wrong": "refuted", "without_control": "error",
    "blind": "inconclusive", "edge": "inconclusive", "raises": "error", "fails": "error",
    "skips": "not run", "without_check": "error", "asserts": "error", "exact": "reproduced",
    "exact_wrong": "refuted", "exact_silent": "refuted",
}  # fmt: skip

ONE = """
@claim(PAPER, "S1", says="x is large", reported="words", adapted={"quick": "small", "standard": "none"})
@trained(x=Tiers(quick=about(1.0), standard=about(1.5)))
@control(says="no shift", x=NULL)
@pytest.mark.parametrize("model", ["mlp", "standard"])
def test_x(x, check, model):
    large(x, check)

@claim(PAPER, "S1", says="at the edge", reported="words", adapted=SMALL,
       expected={"quick": ("inconclusive", "edge")})
@trained(x=about(0.5))
@control(says="no shift", x=NULL)
def test_edge(x, check):
    large(x, check)
"""


pytest_plugins = ["pytester"]


NETWORK = """
from harness import Experiment, Sgd
from harness.data import Digits, RandomLabels
from harness.models import Mlp

FIT = Experiment(Digits(n=60), Mlp(8), Sgd(lr=0.5, epochs=2, batch=20))

@claim(PAPER, "S1", says="errors are rates", reported="words", adapted=SMALL,
       expected={"quick": ("inconclusive", "blind")})
@trained(fit=FIT)
@control(says="random labels", fit=FIT.but(data__labels=RandomLabels(1.0)))
def test_network(fit, check):
    check(above(fit.final("train_error"), -1.0, because="an error is a rate"))
    check.draw("Figure 2", series="s", x=fit.epochs, y=fit.curve("train_loss"))
"""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Session:
    folder = write(tmp_path_factory.mktemp("outcomes"), OUTCOMES)
    return run(folder, "--report", "rep")


@pytest.fixture(scope="module")
def spread(tmp_path_factory: pytest.TempPathFactory) -> Session:
    folder = write(tmp_path_factory.mktemp("spread"), OUTCOMES)
    return run(folder, "-n", "2", "--report", "rep")


def draws(folder: Path) -> dict[str, int]:
    """How often each simulation was computed."""
    lines = (folder / "draws").read_text().split() if (folder / "draws").exists() else []
    return {centre: lines.count(centre) for centre in sorted(set(lines))}


EACH_ONCE = {"-9.0": 5, "0.0": 10, "0.5": 10, "1.0": 5, "1.01": 5, "2.0": 5, "3.0": 5}


def test_verdicts_letters_and_status(outcomes: Session) -> None:
    assert outcomes.verdicts == VERDICTS
    assert outcomes.letters == "".join(sorted("...RREIIEEsEE.RR"))
    assert outcomes.status == 1
    outcomes.says("4 failed, 8 passed, 1 skipped, 1 deselected, 3 errors")
    outcomes.says("tier quick (none was named with -m)")
    outcomes.says("not selected: 1 at tier standard (python -m pytest test_tiny.py -m standard)")


def test_an_unexpected_verdict_fails_with_its_evidence_and_without_traceback(outcomes: Session) -> None:
    block = re.split(r"\n_{3,}", outcomes.text.partition("ERRORS")[2].partition("= verdicts =")[0])
    said = {b.removeprefix(" ERROR at setup of").split()[0]: b for b in block if b.split()}
    wrong = said["test_wrong[quick]"]
    assert "refuted, expected reproduced: " in wrong
    assert "the claim: x is negative" in wrong
    assert "n=5" in wrong
    assert "positive control (far down): reproduced" in wrong
    assert "test_tiny.py" not in wrong
    assert "no @control: nothing would show that this test can fail" in said["test_without_control[quick]"]
    assert "test_tiny.py:" in said["test_raises[quick]"]
    assert "harness/" not in said["test_raises[quick]"]
    assert "the claim made no check" in said["test_without_check[quick]"]
    assert "ValueError: no convergence" in said["test_fails[quick]"]
    for short in ("test_without_control[quick]", "test_without_check[quick]", "test_fails[quick]"):
        assert len(said[short].strip().splitlines()) == 2, said[short]
    assert "During handling" not in outcomes.text
    assert "direct cause" not in outcomes.text
    assert "Captured" not in outcomes.text


def test_reasons_are_single_lines(outcomes: Session) -> None:
    reasons = {c.id.partition("::test_")[2]: c.reason for c in outcomes.report.claims}
    assert reasons["exact_wrong"] == "n=0 differs"
    assert reasons["exact_silent"] == "assert 0 == (0 + 1) for world=1, n=0"
    assert reasons["raises"] == "RuntimeError: boom"
    assert reasons["fails"] == "ValueError: no convergence"
    assert reasons["skips"] == "needs the moon"
    assert reasons["asserts"].endswith("assert is no check outside hypothesis: write check(...) in its place")
    assert "does not discriminate" in reasons["blind"]
    assert not [r for r in reasons.values() if "\n" in r]
    outcomes.says("– not run      quick    skips  needs the moon", "NOT RUN [1]")


def test_every_run_is_computed_once(outcomes: Session) -> None:
    assert draws(outcomes.folder) == EACH_ONCE
    seen = outcomes.report.provenance
    assert (seen.trained_runs, seen.reused_runs) == (sum(EACH_ONCE.values()), 0)


def test_a_report_is_written_and_names_neither_path_nor_host_nor_user(outcomes: Session) -> None:
    for name in ("report.json", "report.md", "report.html"):
        text = (outcomes.folder / "rep" / name).read_text()
        assert str(outcomes.folder) not in text
        assert os.uname().nodename not in text
        assert "/home/" not in text
        assert Path.home() == Path("/") or str(Path.home()) not in text
    assert outcomes.report.provenance.command == "python -m pytest --report DIR"
    assert len(outcomes.report.collected) == 17
    assert [c.tier for c in outcomes.report.collected if not c.selected] == ["standard"]
    figure = outcomes.report.claims[0].figures[0]
    assert (figure.figure, figure.y) == ("Figure 1", ((1.0, 2.0),) * 5)


def test_workers_find_the_same_and_compute_nothing_twice(outcomes: Session, spread: Session) -> None:
    assert spread.letters == outcomes.letters
    assert spread.status == 1
    assert draws(spread.folder) == EACH_ONCE
    one, other = (without_times(msgspec.to_builtins(session.report)) for session in (outcomes, spread))
    assert one == other
    spread.says("trained 40 of 40 runs (100 %)")


def test_a_warm_session_computes_nothing_and_needs_no_torch(outcomes: Session) -> None:
    again = run(outcomes.folder, "-n", "0")
    assert draws(outcomes.folder) == EACH_ONCE
    assert again.letters == outcomes.letters
    again.says("imported torch: False", ", 35 in the store")


def test_fresh_computes_all_once_more(spread: Session) -> None:
    fresh = run(spread.folder, "-n", "2", "--fresh")
    assert draws(spread.folder) == {c: 2 * n for c, n in EACH_ONCE.items()}
    assert fresh.letters == spread.letters
    fresh.says("everything trained anew")


def test_a_plan_trains_nothing_and_folds_equal_runs(tmp_path: Path) -> None:
    write(tmp_path, ONE)
    for more in ((), ("-n", "2")):
        plan = run(tmp_path, "--plan", "-q", *more)
        assert plan.status == 0
        assert len(re.findall(r"^ +5 runs +5\.0 s  Simulation", plan.text, re.M)) == 3
        plan.says("imported torch: False")
    assert draws(tmp_path) == {}
    listing = run(tmp_path, "--collect-only", "-q")
    listing.says("test_tiny.py::test_x[quick-mlp]", "test_tiny.py::test_edge[quick]", "imported torch: False")
    assert draws(tmp_path) == {}


SELECTIONS = {
    (): ["edge[quick]", "x[quick-mlp]", "x[quick-standard]"],
    ("-m", "quick"): ["edge[quick]", "x[quick-mlp]", "x[quick-standard]"],
    ("-m", "standard"): ["x[standard-mlp]", "x[standard-standard]"],
    ("-m", "quick or standard", "-k", "mlp"): ["x[quick-mlp]", "x[standard-mlp]"],
    ("test_tiny.py::test_x[standard-mlp]",): ["x[standard-mlp]"],
    ("test_tiny.py::test_edge", "test_tiny.py::test_x[standard-mlp]"): ["edge[quick]", "x[standard-mlp]"],
    ("test_tiny.py::test_x",): ["x[quick-mlp]", "x[quick-standard]"],
}


@pytest.mark.parametrize("arguments", SELECTIONS, ids=" ".join)
def test_selection(
    arguments: tuple[str, ...], pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(pytester.path, ONE)
    session = inside(pytester, monkeypatch, "--collect-only", "-q", *arguments)
    assert sorted(re.findall(r"::test_(\S+)", session.text)) == SELECTIONS[arguments]
    assert session.status == 0


@pytest.mark.parametrize("tier", ["quick", "quik"])
def test_a_parameter_may_be_left_to_some_tiers(
    tier: str, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    dearer = f'[pytest.param("mlp", marks=pytest.mark.tiers("{tier}")), "standard"]'
    write(pytester.path, ONE.replace('["mlp", "standard"]', dearer))
    how = "--collect-only" if tier == "quick" else "--plan"
    session = inside(pytester, monkeypatch, how, "-q", "-m", "standard")
    if tier == "quick":
        assert re.findall(r"::test_(x\S+)", session.text) == ["x[standard-standard]"]
        judged = run(pytester.path, "-q", "-m", "quick")
        judged.says("not selected: 1 at tier standard")  # x[mlp] does not exist there
    else:
        assert session.status == 1
        session.says(": tiers(quik): one of quick, standard, full")


@pytest.mark.parametrize("field", ["adapted", "adopted"])
def test_a_claim_may_differ_for_a_parameter(
    field: str, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_parameter = f'{field}={{"standard": "own"}}, expected={{"standard": ("refuted", "known")}}'
    larger = f'["mlp", pytest.param("standard", marks=pytest.mark.claimed({of_parameter}))]'
    only_quick = ONE.replace('["mlp", "standard"]', larger).replace('"standard": "none"', "")
    write(pytester.path, only_quick)
    how = "--collect-only" if field == "adapted" else "--plan"
    session = inside(pytester, monkeypatch, how, "-q", "-m", "quick or standard")
    if field == "adapted":
        assert sorted(re.findall(r"::test_(x\S+)", session.text)) == ["x[quick-mlp]", "x[standard-standard]"]
        judged = run(pytester.path, "-q", "-m", "standard", "--report", "rep")
        (entry,) = judged.report.claims
        assert (entry.adapted, entry.expected.value, entry.unexpected) == ("own", "refuted", True)
    else:
        assert session.status == 1
        session.says(": claimed(adopted, expected): ", "'adopted'")


def test_a_plan_for_nothing_is_no_success(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    write(pytester.path, ONE)
    assert inside(pytester, monkeypatch, "--plan", "-k", "nothing").status == 5


def test_a_torn_record_is_set_aside_and_computed_again(tmp_path: Path) -> None:
    write(tmp_path, ONE)
    first = run(tmp_path, "-k", "mlp", "--report", "rep")
    before = first.report.claims
    record = next((tmp_path / "store" / "v1").glob("??/*/record.json"))
    record.write_bytes(record.read_bytes()[:-40])
    again = run(tmp_path, "-k", "mlp", "--report", "rep")
    assert again.status == 0
    assert again.report.claims[0].checks == before[0].checks
    assert sum(draws(tmp_path).values()) == 11
    assert (again.report.provenance.trained_runs, again.report.provenance.reused_runs) == (1, 9)
    assert len(list((tmp_path / "store" / "v1" / "aside").iterdir())) == 1


def test_a_session_that_stops_early_says_what_it_left_out(tmp_path: Path) -> None:
    write(tmp_path, OUTCOMES)
    stopped = run(tmp_path, "-x", "-k", "wrong", "--report", "rep", "--junitxml", "out.xml")
    assert stopped.verdicts == {"known_wrong": "refuted", "wrong": "refuted", "exact_wrong": "not run"}
    assert stopped.report.claims[2].reason == "the session stopped before it"
    assert not stopped.report.claims[2].unexpected
    evidence_stays_out = (tmp_path / "out.xml").read_text()
    assert "overclaim" not in evidence_stays_out
    assert "unexpected" not in evidence_stays_out


def test_torch_is_loaded_only_to_train(tmp_path: Path) -> None:
    write(tmp_path, NETWORK)
    cold = run(tmp_path, "--report", "rep")
    assert cold.status == 0
    cold.says("trained 10 of 10 runs (100 %)", "imported torch: True")
    first = cold.report
    warm = run(tmp_path, "--report", "rep")
    warm.says("0 runs to train, 10 in the store", "imported torch: False")
    assert without_times(msgspec.to_builtins(warm.report.claims)) == without_times(
        msgspec.to_builtins(first.claims)
    )
    seen = warm.report.provenance
    assert (seen.trained_runs, seen.reused_runs) == (0, 10)
    assert seen.data == {"digits (scikit-learn)": "embedded or generated"}
