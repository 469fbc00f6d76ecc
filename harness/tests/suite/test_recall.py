"""Items are judged, and rehearsed, once by the same code from the same records; later sessions read it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from harness.lab.store import Store
from harness.tests.suites import Session, run, write

HEADING = """
import warnings


def noted(name):
    with open("bodies", "a") as file:
        file.write(f"{name} ")


def half():
    return 0.5


@pytest.fixture
def bound():
    return 0.5
"""
LARGE = "large(x, check)"


def claim_of(
    name: str, *body: str, x: str = "about(1.0)", control: str = "x=NULL", more: str = "", takes: str = ""
) -> str:
    """The text of a claim whose body notes that it runs."""
    lines = "".join(f"    {line}\n" for line in (f'noted("{name}")', *body))
    return f"""

@claim(PAPER, "Section 1", says="numbers are large", reported="words", adapted=SMALL{more})
@trained(x={x})
@control({control}, says="no effect, or one")
def test_{name}(x, check{takes}):
{lines}"""


NEAR = ', expected={"quick": ("inconclusive", "they lie near the bound")}'
BODY = HEADING + "".join(
    (
        claim_of("large", 'check(above(x.final("x"), half(), because="half of what was reported"))'),
        claim_of("climbs", LARGE, x="about(0.56)", more=NEAR),
        claim_of("warns", 'warnings.warn("of something")', LARGE),
        claim_of(
            "fixture", 'check(above(x.final("x"), bound, because="half of it"))', takes=", bound"
        ),
        claim_of(
            "unexpected", 'print("of what is looked into")', LARGE,
            x="NULL", control="x=about(1.0), positive=True",
        ),
        claim_of("leaves", 'os.chdir("/")', LARGE),
    )
)  # fmt: skip
KEPT, ALWAYS = {"large", "climbs"}, {"fixture", "unexpected", "warns"}
ALL = KEPT | ALWAYS | {"leaves"}


def bodies(session: Session) -> set[str]:
    """The claims whose bodies were run since last asked."""
    file = session.folder / "bodies"
    names = set(file.read_text().split()) if file.exists() else set()
    file.unlink(missing_ok=True)
    return names


def entries(session: Session) -> list[object]:
    """The report's claims without what they cost."""
    return [msgspec.structs.replace(claim, seconds=0.0) for claim in session.report.claims]


def again(folder: Path, *arguments: str) -> Session:
    return run(folder, "-n", "0", "--report", "rep", *arguments)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """A session in a new store."""
    return again(write(tmp_path_factory.mktemp("recall"), BODY))


def test_a_claim_is_judged_once(first: Session) -> None:
    """Kept is what came out as expected without a word; other bodies are run, and say what they say."""
    before, claims = bodies(first), entries(first)
    assert before == ALL
    assert "judged before" not in first.text
    assert first.report.provenance.kept_judgements == 0
    second = again(first.folder)
    assert bodies(second) == ALL - KEPT
    assert entries(second) == claims
    assert {claim.checks[0].n for claim in second.report.claims} == {5, 10}
    second.says("judged before: 2 claims, by this code from these records (--no-train judges anew)")
    for told in ("UserWarning: of something", "test_leaves left os.chdir behind", "of what is looked into"):
        assert first.text.count(told) == second.text.count(told) > 0
    assert second.report.provenance.kept_judgements == 2
    assert "2 kept from earlier sessions" in (first.folder / "rep" / "report.md").read_text()


def test_workers_read_what_is_kept(first: Session) -> None:
    claims = entries(again(first.folder))
    bodies(first)
    workers = run(first.folder, "-n", "2", "--report", "rep")
    assert bodies(workers) == ALL - KEPT
    assert entries(workers) == claims
    workers.says("judged before: 2 claims")


@pytest.mark.parametrize("arguments", [("--no-train",), ("-s",), ("--fresh",), ("--first-replicate", "3000")])
def test_who_wants_it_anew_has_it_anew(first: Session, arguments: tuple[str, ...]) -> None:
    again(first.folder)
    bodies(first)
    anew = run(first.folder, "-n", "0", *arguments)
    assert bodies(anew) == ALL
    assert "judged before" not in anew.text


def test_what_is_rehearsed_is_kept_apart_from_judgements(first: Session) -> None:
    """A mistake is told in each session; a rehearsal without one is not repeated."""
    again(first.folder)
    bodies(first)
    run(first.folder, "-n", "0", "--plan")
    assert bodies(first) == {"leaves", "fixture"}
    file = first.folder / "test_tiny.py"
    text = file.read_text()
    file.write_text(text.replace("half(), because", "quarter(), because"))
    for _ in range(2):
        wrong = run(first.folder, "-n", "0", "--plan")
        assert bodies(first) == {"leaves", "fixture", "large"}
        wrong.says("name 'quarter' is not defined")
    file.write_text(text)


def test_changed_code_is_judged_anew_and_no_other(first: Session) -> None:
    again(first.folder)
    bodies(first)
    file = first.folder / "test_tiny.py"
    text = file.read_text()
    file.write_text(text.replace("return 0.5", "return 0.25"))
    changed = again(first.folder)
    assert bodies(changed) == ALL - KEPT | {"large"}
    assert changed.report.claims[0].checks[0].lower_bound == 0.25
    file.write_text(text)
    assert bodies(again(first.folder)) == ALL - KEPT


def test_another_record_is_judged_anew(first: Session) -> None:
    """A record of the same run that says something else is not what was judged."""
    again(first.folder)
    bodies(first)
    store = Store(first.folder / "store")
    address = again(first.folder).report.claims[1].runs[-1].address
    (record,) = [
        run for run in map(store.read, store.keys()) if run and (run.address, run.replicate) == (address, 9)
    ]
    bodies(first)
    other = msgspec.structs.replace(record, finals={**record.finals, "x": 0.75})
    store.publish(other)
    changed = again(first.folder)
    assert bodies(changed) == ALL - {"large"}
    assert 0.75 in changed.report.claims[1].checks[0].values
    store.publish(record)


@pytest.mark.parametrize("content", [b"", b"{}", b'{"sha256":"","record":{"key":"","records":{}}}'])
def test_what_is_torn_or_foreign_is_judged_again(first: Session, content: bytes) -> None:
    claims = entries(again(first.folder))
    for part in ("judgements", "rehearsals"):
        for file in (first.folder / "store" / "v1" / part).iterdir():
            file.write_bytes(content)
    bodies(first)
    mended = again(first.folder)
    assert (bodies(mended), entries(mended)) == (ALL, claims)
    assert bodies(again(first.folder)) == ALL - KEPT
