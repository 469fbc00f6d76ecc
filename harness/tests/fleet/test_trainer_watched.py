"""What nobody watches is measured once, after the last epoch, and changes no number."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness.data import Augmented, Digits, RandomCrop, RedrawnLabels, WrongLabels
from harness.fleet import table, trainer
from harness.fleet.optimizers import WhenFitted
from harness.fleet.replica import Replica
from harness.fleet.stacked import Stack
from harness.fleet.trainer import Trained
from harness.models import Mlp, SmallAlexNet
from harness.spec import Experiment
from harness.spec.contracts import Weights
from harness.spec.watched import EVERYTHING, NOTHING, Watched, curves_of
from harness.tests.simulated import SMALL
from harness.tests.trainings import by_reference, member, split, together, trained

pytestmark = pytest.mark.usefixtures("prepared")


class WhenTested(WhenFitted, frozen=True):
    """A rule of one's own that reads the curve of test errors."""

    def reached(self, curves: dict[str, list[float]]) -> bool:
        return len(curves["test_error"]) > 2


def ends_equal(a: Trained, b: Trained) -> bool:
    """Whether two trainings end with the same numbers, whatever was watched on the way."""
    weights = all(np.array_equal(a.weights[n], b.weights[n]) for n in b.weights)
    return weights and (a.finals, a.outcome, a.curves["train_loss"]) == (
        b.finals,
        b.outcome,
        b.curves["train_loss"],
    )


RULES: dict[Any, Watched] = {
    WhenFitted(error=0.2): NOTHING,
    WhenFitted(error=0.2, patience=3): Watched(train=True, test=False),
    WhenTested(): EVERYTHING,
}
"""Stopping rules, and of which errors they need curves."""

CROPPED = Augmented(Digits(n=60, whiten=False), (RandomCrop(8, padding=1),))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"data__labels": WrongLabels(0.4)},
        {"data__labels": RedrawnLabels()},
        {"data": CROPPED},
        {"model": Mlp(8, batch_norm=True)},
        {"model": SmallAlexNet(width=0.1), "data__n": 40},
        {"precision": "bfloat16"},
        *({"stop": stop, "optimizer__epochs": 60} for stop in RULES),
        {"stop": WhenFitted(), "optimizer__epochs": 80, "data__n": 40},
        {"stop": WhenFitted(error=0.3), "optimizer__epochs": 60, "data__labels": RedrawnLabels()},
        {"stop": WhenFitted(error=0.3), "optimizer__epochs": 60, "data": CROPPED},
        {"stop": WhenFitted(), "optimizer__epochs": 40, "model": SmallAlexNet(width=0.1), "data__n": 40},
    ],
    ids=str,
)
def test_what_is_watched_changes_no_number(changes: dict[str, Any]) -> None:
    experiment = SMALL.but(**changes)
    whole = trained(experiment, 1)
    assert whole.finals == {name: values[-1] for name, values in whole.curves.items()}
    for watched in (NOTHING, Watched(train=True, test=False), Watched(train=False, test=True)):
        sparing = trained(experiment, 1, watched=watched)
        assert sparing.kernel == whole.kernel
        assert ends_equal(sparing, whole)
        assert all(whole.curves[name] == values for name, values in sparing.curves.items())
        needed = RULES.get(experiment.stop, NOTHING)
        assert curves_of(sparing.curves) == watched | needed


def test_the_plain_path_spares_as_the_fast_kernels_do(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = by_reference(SMALL)
    monkeypatch.setenv(table.FORCED, "reference")
    sparing = trained(SMALL, watched=NOTHING)
    assert ends_equal(sparing, whole)
    assert sparing.curves.keys() == {"train_loss"}
    assert sparing.finals.keys() == whole.curves.keys()


@pytest.mark.parametrize("watched, calls", [(EVERYTHING, 6), (NOTHING, 2), (Watched(test=False), 5)])
def test_images_are_evaluated_as_often_as_somebody_reads(
    monkeypatch: pytest.MonkeyPatch, watched: Watched, calls: int
) -> None:
    evaluated = []
    plain = Replica._wrong

    def counting(self: Replica, x: Any, y: Any) -> np.ndarray:
        evaluated.append(len(y))
        return plain(self, x, y)

    monkeypatch.setenv(table.FORCED, "reference")
    monkeypatch.setattr(Replica, "_wrong", counting)
    assert len(trained(SMALL, watched=watched).curves["train_loss"]) == 3
    assert len(evaluated) == calls


@pytest.mark.parametrize("watched, calls", [(EVERYTHING, 2 * 4), (NOTHING, 2), (Watched(train=False), 4 + 2)])
def test_a_stack_evaluates_as_often_as_somebody_reads(
    monkeypatch: pytest.MonkeyPatch, watched: Watched, calls: int
) -> None:
    evaluated = []
    plain = Stack._wrong

    def counting(self: Stack, x: Any, first: Any, y: Any) -> np.ndarray:
        evaluated.append(y.shape)
        return plain(self, x, first, y)

    monkeypatch.setattr(Stack, "_wrong", counting)
    experiment = SMALL.but(optimizer__epochs=4, data__labels=WrongLabels(0.4))
    whole = together([member(experiment, r) for r in range(2)])
    evaluated.clear()
    sparing = together([member(experiment, r, watched=watched) for r in range(2)])
    assert len(evaluated) == calls
    for ours, theirs in zip(sparing, whole, strict=True):
        assert ends_equal(ours, theirs)
        assert curves_of(ours.curves) == watched
        assert all(theirs.curves[name] == values for name, values in ours.curves.items())


def test_members_of_a_stack_end_when_their_rules_say_so_whatever_is_watched() -> None:
    experiments = [
        SMALL.but(stop=stop, optimizer__epochs=40) for stop in (None, WhenFitted(0.3), WhenTested())
    ]
    whole = together([member(experiment) for experiment in experiments])
    sparing = together([member(experiment, watched=NOTHING) for experiment in experiments])
    assert [one.outcome for one in whole] == ["budget", "fitted", "fitted"]
    assert all(ends_equal(ours, theirs) for ours, theirs in zip(sparing, whole, strict=True))


@pytest.mark.parametrize("model", [Mlp(32), Mlp(16, batch_norm=True)], ids=str)
def test_a_few_images_refute_that_all_are_right(monkeypatch: pytest.MonkeyPatch, model: Any) -> None:
    """The rule ends training in the same epoch, and most of its looks are at a few images."""
    looks: list[int] = []
    experiment = SMALL.but(model=model, stop=WhenFitted(), optimizer__epochs=200)
    whole = trained(experiment)
    kind: Any = type(table.replica(experiment, 0, split(experiment), "cpu"))
    plain = kind._wrong

    def looking(self: Any, x: Any, y: Any) -> np.ndarray:
        looks.append(len(y))
        predicted: np.ndarray = plain(self, x, y)
        return predicted

    monkeypatch.setattr(kind, "_wrong", looking)
    sparing = trained(experiment, watched=NOTHING)
    epochs = len(whole.curves["train_loss"])
    assert ends_equal(sparing, whole)
    assert sparing.outcome == "fitted"
    assert epochs > 5
    assert looks.count(32) == epochs
    assert 2 <= looks.count(200) < epochs


@pytest.mark.parametrize("error", [0.0, 0.005, 0.05, 0.2, 1.0])
def test_the_rule_is_asked_of_all_images(monkeypatch: pytest.MonkeyPatch, error: float) -> None:
    """Images after the first few count as well, of 200 in all."""
    monkeypatch.setenv(table.FORCED, "reference")
    replica = table.replica(SMALL, 0, split(SMALL), "cpu")
    for wrong in ([0], [40], [199], range(10), range(40), range(32, 200), range(200), ()):
        predicted = np.zeros(200, bool)
        predicted[list(wrong)] = True
        monkeypatch.setattr(replica, "_wrong", lambda x, y, p=predicted: p[: len(y)])
        assert replica.fits(error) == (len(wrong) / 200 <= error)


def test_rows_may_have_more_than_the_curves_of_a_checkpoint() -> None:
    """A stack measures everything; what it goes on from has what was watched."""
    history = trainer.History(member(SMALL.but(stop=WhenFitted(error=0.5)), watched=NOTHING))
    history.hear({"train_loss": 1.0}, lambda error: False)
    history.hear({"train_loss": 1.0, "train_error": 0.6, "test_error": 0.1})
    assert history.outcome == ""
    history.hear({"train_loss": 1.0, "train_error": 0.5, "test_error": 0.1})
    assert history.outcome == "fitted"
    assert history.curves == {"train_loss": [1.0, 1.0, 1.0]}


def test_a_rule_of_ones_own_reads_what_it_likes() -> None:
    outcome = trained(SMALL.but(stop=WhenTested()), watched=NOTHING)
    assert outcome.outcome == "fitted"
    assert len(outcome.curves["test_error"]) == 3


@pytest.mark.parametrize("first, then", [(EVERYTHING, NOTHING), (NOTHING, EVERYTHING)])
def test_a_checkpoint_goes_on_with_the_curves_it_has(
    monkeypatch: pytest.MonkeyPatch, first: Watched, then: Watched
) -> None:
    monkeypatch.setattr(trainer, "SAVE_EVERY", 0.0)
    experiment: Experiment = SMALL.but(optimizer__epochs=6)
    kept: list[tuple[dict[str, Any], Weights]] = []
    trained(experiment, until_epoch=4, watched=first, save=lambda state, arrays: kept.append((state, arrays)))
    state = {"epoch": 4, "curves": {name: list(values[:4]) for name, values in kept[-1][0]["curves"].items()}}
    resumed = trained(experiment, resume=(state, kept[-1][1]), watched=then)
    assert ends_equal(resumed, trained(experiment))
    assert curves_of(resumed.curves) == first
    assert {len(values) for values in resumed.curves.values()} == {6}


def test_no_checkpoint_is_left_after_the_last_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its measures would be those of curves that were not watched."""
    monkeypatch.setattr(trainer, "SAVE_EVERY", 0.0)
    epochs: list[int] = []
    trained(SMALL, watched=NOTHING, save=lambda state, arrays: epochs.append(state["epoch"]))
    assert epochs == [1, 2]


def test_a_net_that_is_not_trained_has_no_measures() -> None:
    from harness.fleet.optimizers import Untrained

    assert trained(SMALL.but(optimizer=Untrained()), watched=NOTHING).finals == {}


def test_curves_say_what_has_to_be_watched() -> None:
    assert curves_of([]) == curves_of(["train_loss"]) == NOTHING
    assert curves_of(["test_error"]) == Watched(train=False, test=True)
    assert curves_of(["clean_error", "train_loss"]) == curves_of(["anything"]) == Watched(True, test=False)
    assert Watched(True, test=False).within(["train_error"])
    assert not EVERYTHING.within(["train_error", "train_loss"])
    assert NOTHING.within([])
