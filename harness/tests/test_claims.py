"""All claims of the project together: what none of them may do alone, and how many may do what."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path

import pytest

from harness import AdamW, Experiment
from harness.analytic.barriers import Barrier
from harness.analytic.collapse import Collapse
from harness.analytic.curvature import Sharpness, Trace
from harness.analytic.margins import Margin
from harness.analytic.resuming import is_resumable
from harness.analytic.ridge import RidgeSweep
from harness.data.random_subsets import RandomSubset
from harness.judging import near_misses
from harness.judging.ladder import runnables
from harness.models.average import Average
from harness.spec import Solved, plain
from harness.spec.claim import Control
from harness.spec.said import Unprinted
from harness.spec.values import values_in
from harness.suite.entries import claim_of, item_of
from harness.suite.listing import functions

ROOT = Path(__file__).parents[2]
MOST_TRIVIAL = 15
"""So many controls of all may compare a world with itself, each with its reason."""
GENERAL = (AdamW, Average, Barrier, Collapse, Margin, RandomSubset, Sharpness, Trace)
"""What is meant for any experiment; and full-batch descent, which is a number of ``Sgd`` and others."""
FULL_BATCH = "full-batch descent"
PLACES = re.compile(r"Abstract|Appendix|README|(Section|Figure|Table|Theorem|Lemma|Claim|Proposition)s? \w")
"""What a reader can turn to."""
UNKNOWN = "section not known to us"
"""The one wording for a place that could not be looked up."""


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


def test_the_full_tier_computes_no_world_under_two_names(items: list[pytest.Function]) -> None:
    """A share of none of the labels replaced is no other world than the labels themselves."""
    questions = [question for item in items if (question := item_of(item)).tier == "full"]
    names = {repr(plain(value)) for question in questions for value in question.computed()}
    worlds = {re.sub(r"\w+Labels\(fraction=0\.0\)", "TrueLabels()", name) for name in names}
    assert len(names) > 400
    assert len(worlds) == len(names)


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


def test_a_place_in_a_source_is_one_or_says_that_it_is_not_known(items: list[pytest.Function]) -> None:
    """A source's own statements; the places that are not known are counted in the map of statements."""
    places = {item.originalname: claim_of(item).where for item in items if claim_of(item).kind.is_source}
    vague = {where for where in places.values() if not PLACES.search(where)}
    assert {where for where in vague if not where.endswith(f"; {UNKNOWN}")} == set()
    unknown = [where for where in places.values() if UNKNOWN in where]
    assert f'Of {len(unknown)} not even the place: "{UNKNOWN}"' in _map_of_statements()


def test_what_no_number_stands_beside_is_counted_in_the_map(items: list[pytest.Function]) -> None:
    """A statement each: how many have no number at their place, and of how many it could not be read."""
    words = {item.originalname: claim_of(item).unprinted for item in items}
    counts = Counter(word for word in words.values() if word)
    unread = counts.pop(Unprinted.UNCONFIRMED)
    assert f"{counts.total()} statements have no number" in _map_of_statements()
    assert f"of {unread} the number could not be confirmed" in _map_of_statements()


def _map_of_statements() -> str:
    """``claims/README.md`` as one line."""
    return " ".join((ROOT / "claims" / "README.md").read_text(encoding="utf-8").split())


def test_what_is_meant_for_any_experiment_serves_two_families_at_least(
    items: list[pytest.Function],
) -> None:
    """A claim's own question counts, and not its controls alone."""
    families: dict[str, set[str]] = defaultdict(set)
    for item in items:
        question = item_of(item)
        for name in _capabilities(question.world()):
            families[name].add(item.path.name)
    wanted = {*(kind.__name__ for kind in GENERAL), FULL_BATCH}
    assert {name: sorted(families[name]) for name in wanted if len(families[name]) < 2} == {}


def test_a_capability_is_seen_wherever_a_world_has_it() -> None:
    from harness import Probing, Sgd
    from harness.data import Digits
    from harness.models import Mlp

    net = Experiment(Digits(n=60), Mlp(4), Sgd(lr=0.1, epochs=1, batch=20))
    assert _capabilities({"net": net, "several": {1: Probing(net, Trace())}, "number": 2.0}) == {"Trace"}
    assert _capabilities({"net": net.but(optimizer__batch=60)}) == {FULL_BATCH}


def _capabilities(world: Mapping[str, object]) -> set[str]:
    """Those that the runs of a world are made of."""
    asked = [inner for value in world.values() for run in runnables(value) for inner in values_in(run)]
    seen = {type(value).__name__ for value in asked if isinstance(value, GENERAL)}
    return seen | {FULL_BATCH for value in asked if isinstance(value, Experiment) and _full_batch(value)}


def _full_batch(net: Experiment) -> bool:
    return net.optimizer.epochs > 0 and net.optimizer.batch >= net.data.train_size
