"""Outcomes of exact claims are computed once for a code, a world and an environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.evidence.schema import ClaimReport
from harness.lab import pinning, provenance
from harness.lab.drawn import Drawings
from harness.lab.store import Store
from harness.suite import kept
from harness.tests.suites import Session, run, write

BODY = """
from fractions import Fraction


def twice(number):
    return number + number


def noted():
    with open("tried", "a") as file:
        file.write("x")


@claim(PAPER, "Section 1", reported="words", adapted=SMALL)
@trained(step=0)
@control(step=1, says="one more")
@control(step=2, says="wrong in two ways")
@given(number=st.integers(0, 50))
def test_doubling(step, number):
    \"\"\"Twice a number is even.\"\"\"
    noted()
    assert (twice(number) + min(step, 1)) % 2 == 0
    assert step < 2 or number < 7


@claim(PAPER, "Section 2", reported="words", adapted=SMALL,
       expected={"quick": ("refuted", "large numbers are left out")})
@trained(most=Fraction(50))
@control(most=Fraction(5), positive=True, says="small ones alone")
@given(number=st.integers(0, 50))
def test_small(most, number):
    \"\"\"Numbers are below ten.\"\"\"
    noted()
    assert min(number, most) < 10


@pytest.fixture(scope="module")
def ten():
    return 10


@claim(PAPER, "Section 3", reported="words", adapted=SMALL)
@trained(most=5)
@control(most=50, says="all of them")
@given(number=st.integers(0, 50))
def test_fixed(most, ten, number):
    \"\"\"Small numbers are below a fixture.\"\"\"
    assert min(number, most) < ten
"""


def tried(session: Session) -> int:
    """How many examples were tried since last asked."""
    file = session.folder / "tried"
    count = len(file.read_text()) if file.exists() else 0
    file.unlink(missing_ok=True)
    return count


def judged(session: Session) -> list[ClaimReport]:
    """The report's claims without what they cost."""
    import msgspec

    return [msgspec.structs.replace(claim, seconds=0.0) for claim in session.report.claims]


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """A session in a new store."""
    return again(write(tmp_path_factory.mktemp("kept"), BODY))


def again(folder: Path, *arguments: str) -> Session:
    return run(folder, "-n", "0", "--report", "rep", *arguments)


def test_what_an_exact_claim_found_is_kept_with_its_words(first: Session) -> None:
    before, claims = tried(first), judged(first)
    assert before > 100
    assert first.status == 0, first.text
    assert "outcomes kept" not in first.text
    second = again(first.folder)
    assert judged(second) == claims
    assert tried(second) == 0
    second.says("exact claims: 5 outcomes kept from earlier sessions (--fresh computes them anew)")
    assert second.report.provenance.kept_outcomes == 5
    assert claims[0].checks[0].n == 51

    fresh = again(first.folder, "--fresh")
    assert (tried(fresh), judged(fresh)) == (before, claims)
    assert fresh.report.provenance.kept_outcomes == 0

    workers = run(first.folder, "-n", "2", "--report", "rep")
    assert (tried(workers), judged(workers)) == (0, claims)
    workers.says("exact claims: 5 outcomes kept")


def test_other_code_is_computed_anew_and_no_other_claim(first: Session) -> None:
    tried(first)
    file = first.folder / "test_tiny.py"
    text = file.read_text()
    file.write_text(text.replace("return number + number", "return 2 * number"))
    changed = again(first.folder)
    file.write_text(text)
    assert changed.verdicts == first.verdicts
    assert tried(changed) > 50
    changed.says("exact claims: 2 outcomes kept")


@pytest.mark.parametrize("content", [b"", b"{}", b'{"sha256":"","record":{"key":"","examples":9}}'])
def test_what_is_torn_or_foreign_is_computed_again(first: Session, content: bytes) -> None:
    again(first.folder)
    tried(first)
    for file in (first.folder / "store" / "v1" / "exact").iterdir():
        file.write_bytes(content)
    mended = again(first.folder)
    assert mended.verdicts == first.verdicts
    assert tried(mended) > 100
    assert "outcomes kept" not in mended.text
    again(first.folder).says("exact claims: 5 outcomes kept")


def test_a_search_with_another_seed_is_a_search_of_its_own(first: Session) -> None:
    again(first.folder)
    tried(first)
    assert tried(again(first.folder, "--hypothesis-seed", "0")) > 100


def test_what_computes_is_part_of_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same processor computes by other kernels of OpenBLAS where they are pinned to others."""
    monkeypatch.setattr(kept, "_machine", kept._machine.__wrapped__)
    here = list(kept._surroundings())
    for owner, name in ((pinning, "core"), (provenance, "processor")):
        with monkeypatch.context() as other:
            other.setattr(owner, name, lambda: "another")
            assert list(kept._surroundings()) != here
    assert list(kept._surroundings()) == here


DRAWING = '''
@claim(PAPER, "Section 1", reported="words", adapted=SMALL)
@trained(x=about(1.0))
@control(x=NULL, says="no effect")
def test_drawn(x, check):
    """Numbers are large."""
    check.draw("Figure 1", series="s", x=[1, 2], y=x.array("curve"))
    large(x, check)
'''


def test_a_figure_is_drawn_once(tmp_path: Path) -> None:
    """What stands in the store is shown; what is torn there, or asked for fresh, is drawn."""
    folder = write(tmp_path, DRAWING)
    store, page = folder / "store" / "v1" / "drawings", folder / "rep" / "pages" / "figures"

    def drawn(*arguments: str) -> str:
        session = again(folder, *arguments)
        assert session.status == 0, session.text
        (figure,) = page.iterdir()
        return figure.read_text()

    svg = drawn()
    (file,) = store.iterdir()
    drawings = Drawings(Store(folder / "store"))
    assert drawings.read(file.name) == svg
    drawings.keep(file.name, "<svg>read</svg>")
    assert drawn() == "<svg>read</svg>"
    assert drawn("--fresh") == svg
    file.write_bytes(file.read_bytes()[:-9])
    assert drawings.read(file.name) is None
    assert drawn() == svg == drawings.read(file.name)
