"""What the terminal shows: above what is judged, and the table of verdicts below it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.evidence.outcome import Evidence
from harness.evidence.schema import ClaimReport, Collected, RunRead
from harness.lab.lab import Lab
from harness.lab.names import Names
from harness.lab.plan import Plan
from harness.lab.runs import Fleet
from harness.spec.verdict import Expected, Verdict
from harness.suite import opening
from harness.suite.terminal import FEW, Line, Spent, summary
from harness.tests.reports import bare, claim, control, every_kind, evidence
from harness.tests.simulated import at, drawn, named

NOTHING = Spent()
LONG = "random_labels_are_fit_by_every_network_of_the_paper_that_we_tried[inception-batch_norm]"


def lines(
    *claims: ClaimReport,
    width: int = 140,
    verbosity: int = 0,
    spent: Spent = NOTHING,
    left: tuple = (),
    priced: bool = False,
) -> list[Line]:
    return list(summary(claims, left, spent, width=width, verbosity=verbosity, priced=priced))


def text(*claims: ClaimReport, **options: object) -> str:
    return "\n".join(line for line, _ in lines(*claims, **options))  # type: ignore[arg-type]


def skipped(file: str, tier: str = "quick", name: str = "x") -> Collected:
    return Collected(id=f"{file}::test_{name}", tier=tier, paper="P", says="", selected=False)


# -- the table ----------------------------------------------------------------------------------------


def test_a_row_has_symbol_word_tier_name_and_numbers() -> None:
    rows = text(claim(name="one"), claim(name="another", tier="standard", checks=(inside(),))).splitlines()
    assert rows[1:4] == [
        "   verdict      tier     claim              estimate  interval        bound         n",
        " ✓ reproduced   quick    one[quick]            0.312  [0.251, 0.373]  > 0.1         5",
        " ✓ reproduced   standard another[standard]     0.985  [0.97, …]       0.95 to 1.05  5",
    ]
    assert rows[4] == "2 claims judged: 2 reproduced; none unexpected"


def inside() -> Evidence:
    return evidence(estimate=0.985, low=0.97, high=None, lower_bound=0.95, upper_bound=1.05)


def test_on_a_narrow_terminal_the_numbers_go_below() -> None:
    rows = text(claim(name=LONG), width=80).splitlines()
    assert rows[1:5] == [
        "   verdict      tier     claim",
        "                         estimate  interval        bound  n",
        " ✓ reproduced   quick    random_labels_are_fit_by_every_network_of_the_p…[quick]",
        "                            0.312  [0.251, 0.373]  > 0.1  5",
    ]


@settings(derandomize=True, deadline=None, database=None, max_examples=40)
@given(width=st.integers(70, 220), verbosity=st.sampled_from([-1, 0]), few=st.booleans())
def test_nothing_but_a_command_is_wider_than_the_terminal(width: int, verbosity: int, few: bool) -> None:
    spent = Spent(runs=9, seconds=1e6, wall=1e5, fleets={"x" * 90: (1, 5.0), "y": (8, 1e6)})
    shown = lines(
        *every_kind()[-FEW + 1 if few else 0 :],
        claim(name=LONG),
        width=width,
        verbosity=verbosity,
        spent=spent,
        left=(skipped("a.py"),),
        priced=verbosity == 0,
    )
    assert not [line for line, _ in shown if len(line) > width and "python -m pytest" not in line]
    assert all(sign.isprintable() for line, _ in shown for sign in line)


def test_columns_stand_below_their_headings() -> None:
    numbers = claim(checks=(evidence(estimate=-1234.5, low=-1e9, high=2.0, lower_bound=1e-7),))
    rows = text(claim(), numbers, claim(checks=(evidence(n=20),))).splitlines()
    assert len({row.index("[") for row in (r.partition("]")[2] for r in rows[2:5])}) == 1
    assert len({row.index(">") for row in rows[2:5]}) == 1
    assert len({len(row) for row in rows[1:5]}) == 1


def test_what_needs_a_look_comes_first_in_word_and_symbol() -> None:
    unexpected = claim(
        name="late", verdict=Verdict.INCONCLUSIVE, unexpected=True, reason="2 of 5 runs diverged"
    )
    known = claim(
        name="known",
        verdict=Verdict.REFUTED,
        expected=Expected.REFUTED,
        expected_because="the source says so",
    )
    rows = lines(claim(name="fine"), bare(Verdict.NOT_RUN, reason="no data"), known, unexpected)
    heads = [line for line, _ in rows if line[1:2] in "✓✗?–!" and line.startswith(" ")]
    assert [head.split()[:2] for head in heads] == [
        ["?", "inconclusive"], ["✗", "refuted"], ["–", "not"], ["✓", "reproduced"],
    ]  # fmt: skip
    told = [line.strip() for line, _ in rows]
    assert "UNEXPECTED, expected reproduced: 2 of 5 runs diverged" in told
    assert "as expected: the source says so" in told
    assert heads[2].endswith("no data")
    assert {markup for line, marked in rows if line in heads for markup in marked} == {
        "yellow", "red", "cyan", "green",
    }  # fmt: skip
    assert "4 claims judged: 1 reproduced, 1 refuted, 1 inconclusive, 1 not run; 1 unexpected" in told


def test_the_check_that_decides_is_shown_and_how_many_there_are() -> None:
    checks = (evidence(), evidence(Verdict.REFUTED, estimate=0.05))
    (row,) = [r for r in text(claim(checks=checks)).splitlines() if "✓" in r]
    assert "0.05 " in row
    assert row.endswith("  1 of 2 checks")


def test_what_has_no_estimate_is_told_in_words() -> None:
    exact = evidence(relation="exact", statement="no counterexample among 60 examples")
    assert "no counterexample among 60 examples" in text(claim(checks=(exact,)))
    diverged = evidence(Verdict.INCONCLUSIVE, estimate=None, reason="all runs\ndiverged")
    assert "all runs diverged" in text(claim(checks=(diverged,)))


def test_quiet_shows_what_is_not_reproduced_and_verbose_all() -> None:
    claims = (claim(name="fine", runs=(run("a", 0),)), bare(Verdict.ERROR, unexpected=True, reason="boom"))
    quiet, full = (text(*claims, verbosity=v, spent=Spent(runs=1, seconds=1.0)) for v in (-1, 1))
    assert "bare_error" in quiet
    assert not [word for word in ("fine", "seconds", "trained") if word in quiet]
    assert "2 claims judged: 1 reproduced, 1 error; 1 unexpected" in quiet
    assert "✓    0.312  [0.251, 0.373]  > 0.1  5" in full
    assert evidence().statement in " ".join(full.split())
    assert "control: refuted; it came out refuted" in full
    assert text(claim(name="fine"), verbosity=-1).splitlines()[1] == (
        "1 claims judged: 1 reproduced; none unexpected"
    )
    assert LONG in text(claim(name=LONG), verbosity=1, width=80)


# -- of many only what surprises ----------------------------------------------------------------------


def many(*odd: ClaimReport) -> tuple[ClaimReport, ...]:
    return (*(claim(name=f"fine_{i}") for i in range(FEW)), *odd)


def declared(name: str, verdict: Verdict, expected: Expected, **changes: Any) -> ClaimReport:
    return claim(name=name, verdict=verdict, expected=expected, expected_because="it is told", **changes)


def test_of_many_the_surprises_come_first_a_line_each_and_reproduced_ones_are_counted() -> None:
    known = declared("known", Verdict.REFUTED, Expected.REFUTED, checks=(evidence(Verdict.REFUTED),))
    open_one = declared("open", Verdict.INCONCLUSIVE, Expected.INCONCLUSIVE, checks=())
    late = claim(name="late", verdict=Verdict.REFUTED, unexpected=True, reason="all\ndiverged")
    rows = text(*many(open_one, known, late)).splitlines()
    assert rows[1:5] == [
        " ✗ refuted      quick    late[quick]  UNEXPECTED, expected reproduced: all diverged",
        " ✗ refuted      quick    known[quick]  0.312 [0.251, 0.373], bound > 0.1; as expected: it is told",
        " ? inconclusive quick    open[quick]  as expected: it is told",
        f" ✓ {FEW} reproduced as expected (-v lists them)",
    ]
    assert rows[5].startswith(f"{FEW + 3} claims judged")
    assert rows[5].endswith("; 1 unexpected")
    assert "fine_0" not in "\n".join(rows)


def test_a_few_are_all_shown_and_verbose_shows_many() -> None:
    few, beyond = many()[:FEW], many(claim(name="last"))
    assert all(f"fine_{i}" in text(*few) for i in range(FEW))
    assert "reproduced as expected" not in text(*few)
    assert all(name in text(*beyond, verbosity=1) for name in ("fine_0", "last"))
    assert "-v lists them" not in text(*beyond, verbosity=1)
    quiet = text(*beyond, verbosity=-1).splitlines()
    assert quiet[1].startswith(f"{FEW + 1} claims judged")


def test_a_reproduction_that_was_not_expected_is_a_surprise() -> None:
    risen = declared("risen", Verdict.REPRODUCED, Expected.REFUTED, unexpected=True, reason="")
    rows = text(*many(risen)).splitlines()
    assert rows[1] == " ✓ reproduced   quick    risen[quick]  UNEXPECTED, expected refuted"
    assert rows[2].startswith(f" ✓ {FEW} reproduced as expected")


# -- what it took, and what was not run ---------------------------------------------------------------


def run(address: str, replicate: int, seconds: float = 2.0) -> RunRead:
    return RunRead(name="x", replicate=replicate, address=address, what="", seconds=seconds)


def test_a_family_pays_for_its_controls_and_the_sum_has_each_run_once() -> None:
    first = claim(family="one", runs=(run("a", 0), run("a", 1)), control_runs=(run("b", 0), run("a", 0)))
    second = claim(family="two", runs=(run("a", 1), run("c", 0, 30.0)))
    told = text(first, second, priced=True).splitlines()
    where = told.index("36 core seconds in all that was judged, controls included; by family:")
    assert told[where + 1 : where + 3] == [
        "        32  two, of which 2.0 are shared",
        "       6.0  one, of which 2.0 are shared",
    ]
    apart = text(first, claim(tier="full", family="two", runs=(run("c", 0, 30.0),)), priced=True)
    assert "        30  two, full\n       6.0  one, quick" in apart
    assert "seconds" not in text(claim(runs=(), control_runs=()), priced=True)
    assert "seconds" not in text(first, second)


def test_the_slowest_fleets_are_named() -> None:
    fleets = {f"Mlp({i}), 100 images": (i, 10.0 * i) for i in range(1, 9)}
    spent = Spent(runs=36, seconds=360.0, wall=200.0, fleets=fleets, unit="GPU")
    briefly = text(claim(runs=()), spent=spent).splitlines()
    assert briefly[-1] == "trained here: 36 runs, 360 GPU seconds, 3 min by the clock"
    told = text(claim(runs=()), spent=spent, priced=True)
    assert "trained here: 36 runs, 360 GPU seconds, 3 min by the clock; the slowest:" in told
    assert "        80  8 runs of Mlp(8), 100 images\n        70  7 runs of Mlp(7)" in told
    assert "Mlp(3)" not in told


def test_the_command_for_what_was_not_selected_is_as_narrow_as_its_files() -> None:
    left = (
        skipped("claims/test_a.py"),
        skipped("claims/test_b.py", "full"),
        skipped("claims/test_a.py", "full"),
    )
    told = text(claim(), left=left)
    assert "not selected: 1 at tier quick (python -m pytest claims/test_a.py -m quick)" in told
    assert "not selected: 2 at tier full (python -m pytest claims -m full)" in told
    assert "(python -m pytest -m full)" in text(
        claim(), left=(skipped("a.py", "full"), skipped("b.py", "full"))
    )


def test_what_did_not_run_has_its_command() -> None:
    one = bare(Verdict.NOT_RUN, reason="stopped")
    assert f"not run: bare_not_run[quick] ({one.command})" in text(one)
    assert "not run: 4 at tier quick (python -m pytest claims/test_memorization.py -m quick)" in text(
        *[one] * 4
    )


# -- before -------------------------------------------------------------------------------------------


def test_the_plan_says_data_runs_fleets_and_time() -> None:
    names = Names(Path())
    runs = [names.run(named(drawn), r) for r in range(3)]
    fleets = tuple(
        Fleet(shape="", runs=(r,), seconds=s) for r, s in zip(runs, (1.0, 300.0, 1.0), strict=True)
    )
    plan = Plan(fleets=fleets, missing=3, present=1200, seconds=302.0, timed=2, bounded=("kind",))
    assert opening.planned(plan, 2, {"CIFAR-10": "", "digits (scikit-learn)": ""}) == [
        "data: CIFAR-10, digits (scikit-learn)",
        "plan: 3 runs to train in 3 fleets, 1,200 in the store",
        "time: up to about 5 min on 2 processes (2 of 3 runs timed before)",
    ]
    assert list(opening.listing(plan)) == ["    3 runs      302.0 s  Simulation(drawn)"]
    done = Plan(fleets=(), missing=0, present=7, seconds=0.0, timed=0)
    assert opening.planned(done, 1, {}) == ["data: none needed", "plan: 0 runs to train, 7 in the store"]


def test_the_store_is_named_from_where_the_user_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Lab(at(tmp_path))
    lab.results("x", named(drawn), 3)
    where = [opening.header("tier quick", lab, 2)[1]]
    monkeypatch.setenv("HOME", str(tmp_path))
    where.append(opening.header("tier quick", lab, 2)[1])
    monkeypatch.chdir(tmp_path)
    where.append(opening.header("tier quick", lab, 2)[1])
    assert where == [f"store: {name}, 3 records" for name in (tmp_path / "store", "~/store", "store")]
    assert opening.header("tier quick", lab, 1)[0] == "overclaim: tier quick, device cpu, 1 core"


def test_what_was_asked_for() -> None:
    assert opening.scope("", ["claims"]) == "tier quick (none was named with -m)"
    assert opening.scope("quick or full", []) == "tiers quick and full (-m 'quick or full')"
    assert opening.scope("not quick", []) == "tiers standard and full (-m 'not quick')"
    assert opening.scope("full and slow", []) == "tier full (-m 'full and slow')"
    assert opening.scope("quick and full", []) == "no tier (-m 'quick and full')"
    assert opening.scope("slow", []) == "tier quick (none was named with -m)"
    assert opening.scope("", ["a[b]/claims"]) == "tier quick (none was named with -m)"
    assert opening.scope("", ["claims/a.py::test_x[full]"]) == "the items named"


def test_a_control_is_told_apart_from_a_positive_one() -> None:
    full = text(claim(controls=(control(), control(positive=True))), verbosity=1)
    assert "  control: refuted" in full
    assert "  positive control: refuted" in full
