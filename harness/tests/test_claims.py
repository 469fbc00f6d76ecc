"""All claims of the project together: what none of them may do alone, and how many may do what."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.analytic.resuming import is_resumable
from harness.analytic.ridge import RidgeSweep
from harness.judging import near_misses
from harness.spec import Solved, plain
from harness.spec.claim import Control
from harness.suite.entries import claim_of, item_of
from harness.suite.listing import functions

ROOT = Path(__file__).parents[2]
MOST_TRIVIAL = 15
"""So many controls of all may compare a world with itself, each with its reason."""


@pytest.fixture(scope="module")
def items() -> list[pytest.Function]:
    return functions(ROOT)


def test_few_controls_compare_a_world_with_itself(items: list[pytest.Function]) -> None:
    trivial = {
        (claim_of(item).says, control.says): control
        for item in items
        for control in item_of(item).controls
        if control.trivial
    }
    assert len(trivial) <= MOST_TRIVIAL, sorted(trivial)


def test_a_reason_for_such_a_control_is_said_only_where_one_is_needed(items: list[pytest.Function]) -> None:
    needed: dict[tuple[str, str], bool] = {}
    for item in items:
        question = item_of(item)
        for control in filter(lambda one: one.trivial, question.controls):
            claimed, world = question.world(), question.world(control)
            needs = bool(near_misses.refused(claimed, world)) or near_misses.merges(claimed, world)
            needed[question.claim.says, control.says] = needs or needed.get(
                (question.claim.says, control.says), False
            )
    assert [names for names, needs in needed.items() if not needs] == []


def test_a_control_takes_its_reason_in_words() -> None:
    from harness import control

    with pytest.raises(TypeError, match="trivial= as a reason in words"):
        control(says="as it is", trivial=True, x=1)(lambda: None)  # type: ignore[arg-type]
    assert Control(says="as it is", positive=False, worlds={}).trivial == ""


def test_whatever_the_full_tier_solves_goes_on_from_a_checkpoint(items: list[pytest.Function]) -> None:
    """Nobody has timed all of it, and most of it takes minutes; one run is that of standard, of 3 seconds."""
    questions = [item_of(item) for item in items]
    needs = [value for each in questions if each.tier == "full" for value, _ in each.needs()]
    solvers = {type(value.solver): value.solver for value in needs if isinstance(value, Solved)}
    assert len(solvers) > 10
    assert [each.__name__ for each, solver in solvers.items() if not is_resumable(solver)] == [
        RidgeSweep.__name__
    ]


def test_what_trains_in_less_than_float32_says_so(items: list[pytest.Function]) -> None:
    """A claim of another's paper says at each tier that the precision of what it reads is ours."""
    silent = set()
    for item in (each for each in items if claim_of(each).paper.key != "OVERCLAIM"):
        question, adapted = item_of(item), claim_of(item).adapted
        for value in map(plain, question.computed()):
            precision = getattr(getattr(value, "experiment", value), "precision", "float32")
            if precision != "float32" and precision not in adapted[question.tier]:
                silent.add((item.originalname, question.tier, precision))
    assert sorted(silent) == []


def test_the_map_of_statements_names_every_claim_and_no_other(items: list[pytest.Function]) -> None:
    named = re.findall(r"`(test_\w+)(?:\.py)?`", (ROOT / "claims" / "README.md").read_text(encoding="utf-8"))
    claimed = {item.originalname for item in items}
    assert claimed - set(named) == set(), "claims that claims/README.md does not name"
    assert set(named) - claimed == set(), "names in claims/README.md that no claim has"
