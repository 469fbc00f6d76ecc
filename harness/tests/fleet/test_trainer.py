"""Training against plain torch: arithmetic, company, restarts and outcomes."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from harness.data import RandomLabels, RedrawnLabels, WrongLabels
from harness.fleet import trainer
from harness.fleet.optimizers import Sgd, WhenFitted
from harness.fleet.replica import Replica, built
from harness.fleet.trainer import Member, Trained
from harness.lab.lab import Lab
from harness.models import Linear, Mlp, SmallInception
from harness.spec import Experiment
from harness.spec.contracts import Weights
from harness.spec.streams import stream
from harness.tests.simulated import SMALL, at
from harness.tests.trainings import split, trained

pytestmark = pytest.mark.usefixtures("prepared")


def same(a: Trained, b: Trained) -> bool:
    return a.curves == b.curves and all(np.array_equal(a.weights[n], b.weights[n]) for n in a.weights)


def by_torch(experiment: Experiment, replicate: int) -> tuple[list[float], dict[str, Any]]:
    """The same training with torch's own optimizer, scheduler and loss: mean losses, final weights."""
    data, recipe = split(experiment, replicate), experiment.optimizer
    assert isinstance(recipe, Sgd)
    x, y = torch.from_numpy(data.x_train), torch.from_numpy(data.y_train)
    model = experiment.model.build((1, 8, 8), 10, stream(replicate, "initialization"))
    optimizer = torch.optim.SGD(
        model.parameters(), lr=recipe.lr, momentum=recipe.momentum, weight_decay=recipe.weight_decay
    )
    steps = -(-len(y) // recipe.batch)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, recipe.decay_steps or steps, gamma=recipe.decay)
    losses = []
    for epoch in range(recipe.epochs):
        order = torch.from_numpy(stream(replicate, "order", epoch).permutation(len(y)))
        total = 0.0
        for part in order.split(recipe.batch):
            logits = model(x[part])
            if experiment.loss == "squared":
                loss = ((logits - torch.nn.functional.one_hot(y[part], 10)) ** 2).mean()
            else:
                loss = -logits.log_softmax(1)[torch.arange(len(part)), y[part]].mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            total += loss.item() * len(part)
        losses.append(total / len(y))
    return losses, {name: t.detach().numpy() for name, t in model.state_dict().items()}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"optimizer__momentum": 0.0},
        {"optimizer__weight_decay": 0.01},
        {"optimizer__decay": 0.5},
        {"optimizer__decay": 0.9, "optimizer__decay_steps": 3, "optimizer__weight_decay": 0.001},
        {"loss": "squared", "optimizer__lr": 0.1},
        {"model": Mlp(16, depth=2, batch_norm=True)},
        {"model": Linear(), "data__labels": RandomLabels(1.0)},
    ],
    ids=str,
)
def test_twenty_steps_agree_with_plain_torch(changes: dict[str, Any]) -> None:
    experiment = SMALL.but(**{"optimizer__epochs": 5, "optimizer__batch": 50, **changes})
    ours, (losses, weights) = trained(experiment, 1), by_torch(experiment, 1)
    assert ours.steps_per_epoch == 4
    np.testing.assert_allclose(ours.curves["train_loss"], losses, rtol=1e-5)
    for name, expected in weights.items():
        scale = np.abs(expected).max()
        np.testing.assert_allclose(ours.weights[name], expected, rtol=1e-5, atol=1e-5 * scale)


def test_gradients_agree_with_differences_in_float64() -> None:
    experiment = SMALL.but(data__n=20)
    replica = Replica(built(experiment, 0, split(experiment)), experiment, 0, split(experiment), "cpu")
    loss = replica._loss(replica.x_train, replica.y_train)
    gradient = torch.autograd.grad(loss, replica.params)[0]
    exact, x = replica.model.double(), replica.x_train.double()
    weight = next(exact.parameters())
    for place in [(0, 27), (7, 36), (15, 20)]:
        sides = []
        for sign in (1, -1):
            with torch.no_grad():
                weight[place] += sign * 1e-6
                sides.append(torch.nn.functional.cross_entropy(exact(x), replica.y_train).item())
                weight[place] -= sign * 1e-6
        assert gradient[place].item() == pytest.approx((sides[0] - sides[1]) / 2e-6, rel=1e-3, abs=1e-6)


def test_errors_are_those_of_the_final_weights() -> None:
    experiment = SMALL.but(data__labels=WrongLabels(0.4))
    data, outcome = split(experiment), trained(experiment)
    model = trainer.restored(experiment, data, outcome.weights, "cpu")
    assert not model.training
    with torch.inference_mode():
        wrong = model(torch.from_numpy(data.x_train)).argmax(1).numpy() != data.y_train
        tested = model(torch.from_numpy(data.x_test)).argmax(1).numpy() != data.y_test
    finals = {name: values[-1] for name, values in outcome.curves.items()}
    assert finals.pop("train_loss") > 0
    assert finals == {
        "train_error": pytest.approx(wrong.mean()),
        "test_error": pytest.approx(tested.mean()),
        "corrupted_error": pytest.approx(wrong[data.corrupted].mean()),
        "clean_error": pytest.approx(wrong[~data.corrupted].mean()),
    }


def test_redrawn_labels_are_new_in_every_epoch_and_measured_as_such() -> None:
    experiment = SMALL.but(data__labels=RedrawnLabels())
    data, seen = split(experiment), []
    drawn = data.redraw
    assert drawn is not None

    def redraw(epoch: int) -> Any:
        seen.append(drawn(epoch))
        return seen[-1]

    trained = trainer.train(Member(experiment, 0, dataclasses.replace(data, redraw=redraw)))
    assert len(seen) == 3
    assert all((seen[i] == drawn(i)).all() for i in range(3))
    assert len({labels.tobytes() for labels in seen}) == 3
    model = trainer.restored(experiment, data, trained.weights, "cpu")
    with torch.inference_mode():
        predicted = model(torch.from_numpy(data.x_train)).argmax(1).numpy()
    assert trained.curves["train_error"][-1] == pytest.approx((predicted != seen[-1]).mean())


@pytest.mark.parametrize("model", [Mlp(16), SmallInception(width=0.05)], ids=str)
def test_bfloat16_trains_close_to_float32_and_keeps_float32_weights(model: Any) -> None:
    experiment = SMALL.but(model=model, optimizer__epochs=1)
    full, reduced = trained(experiment), trained(experiment.but(precision="bfloat16"))
    assert full.curves["train_loss"] != reduced.curves["train_loss"]
    assert reduced.curves["train_loss"] == pytest.approx(full.curves["train_loss"], rel=0.02)
    assert {a.dtype for a in reduced.weights.values()} <= {np.dtype(np.float32), np.dtype(np.int64)}


def test_the_same_bits_alone_and_in_company() -> None:
    alone = trained(SMALL, 1)
    torch.manual_seed(5)
    for r in (0, 2):
        trained(SMALL.but(model=Mlp(8, batch_norm=True)), r)
    assert same(trained(SMALL, 1), alone)
    assert not same(trained(SMALL, 2), alone)


def test_replicates_of_two_experiments_are_paired() -> None:
    once = {"optimizer__lr": 1e-12, "optimizer__epochs": 1}
    clean, noisy = trained(SMALL.but(**once)), trained(SMALL.but(**once, data__labels=RandomLabels()))
    for name in clean.weights:
        np.testing.assert_allclose(clean.weights[name], noisy.weights[name], atol=1e-7)


@pytest.mark.parametrize("changes", [{}, {"model__batch_norm": True, "optimizer__decay": 0.9}], ids=str)
def test_ten_epochs_are_five_a_checkpoint_and_five_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    monkeypatch.setattr(trainer, "SAVE_EVERY", 0.0)
    experiment = SMALL.but(**{"optimizer__epochs": 10, **changes})
    store = Lab(at(tmp_path)).store
    whole = trained(experiment)

    def save(state: dict[str, Any], arrays: Weights) -> None:
        store.checkpoint("ab" * 32, state, arrays)

    trained(experiment, until_epoch=5, save=save)
    resumed = store.resume("ab" * 32)
    assert resumed is not None
    assert resumed[0]["epoch"] == 5
    assert same(trained(experiment, resume=resumed), whole)


def test_divergence_is_an_outcome(tmp_path: Path) -> None:
    wild = SMALL.but(optimizer__lr=1e12, loss="squared", optimizer__epochs=5)
    results = Lab(at(tmp_path)).results("wild", wild, 2)
    assert [r.outcome for r in results.records] == ["diverged"] * 2
    assert set(results.records[0].finals.values()) == {None}
    assert all(r.epochs < 5 for r in results.records)
    for measured in (results.final("train_error"), results.best("test_error")):
        assert np.isnan(measured.values).all()
        assert measured.diverged.all()


def test_training_ends_when_the_data_are_fitted() -> None:
    experiment = SMALL.but(optimizer__epochs=200, stop=WhenFitted())
    outcome = trained(experiment)
    errors = outcome.curves["train_error"]
    assert outcome.outcome == "fitted"
    assert len(errors) < 200
    assert errors[-1] == 0 < min(errors[:-1])
    assert trained(SMALL, 0).outcome == "budget"


def test_training_ends_after_one_epoch_where_that_is_enough() -> None:
    outcome = trained(SMALL.but(stop=WhenFitted(error=1.0)))
    assert (outcome.outcome, len(outcome.curves["train_error"])) == ("fitted", 1)


def test_patience_counts_epochs_in_a_row() -> None:
    rule = WhenFitted(error=0.1, patience=2)
    ends = [rule.reached({"train_error": e}) for e in ([0.1], [0.1, 0.2, 0.1], [0.5, 0.1, 0.0])]
    assert ends == [False, False, True]
