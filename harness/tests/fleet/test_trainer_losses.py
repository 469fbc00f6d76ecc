"""Losses on test images, where an experiment asks for them: by every kernel, and nothing else changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from harness.data import GeneratedImages
from harness.fleet import trainer
from harness.fleet.optimizers import Sgd
from harness.fleet.trainer import Trained
from harness.lab.lab import Lab
from harness.models import Mlp
from harness.models.cnn3 import Cnn3
from harness.spec import Experiment
from harness.spec.watched import NOTHING
from harness.tests.simulated import SMALL, at
from harness.tests.trainings import by_reference, far, member, split, together, trained

pytestmark = pytest.mark.usefixtures("prepared")

CONVOLVED = Experiment(GeneratedImages(n=60, size=8, n_test=30), Cnn3(2), Sgd(lr=0.02, epochs=2, batch=20))
REDUCED = SMALL.but(model=Mlp(16, depth=2), precision="bfloat16")
EACH = {
    "native": SMALL,
    "channels_last": CONVOLVED,
    "backprop": REDUCED,
    "squared": SMALL.but(loss="squared"),
}


def by_hand(experiment: Experiment, result: Trained) -> float:
    """The mean loss on the test images at the weights that a training ended with."""
    data = split(experiment)
    model = trainer.restored(experiment, data, result.weights, "cpu")
    reduced = experiment.precision == "bfloat16"
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=reduced):
        logits = model(torch.from_numpy(data.x_test)).float()
    y = torch.from_numpy(data.y_test)
    if experiment.loss == "squared":
        return float((logits - torch.nn.functional.one_hot(y, 10)).square().mean())
    return float(torch.nn.functional.cross_entropy(logits, y))


@pytest.mark.parametrize("kernel", EACH)
def test_the_loss_is_that_of_the_weights_after_the_epoch(kernel: str) -> None:
    experiment = EACH[kernel].but(losses=True)
    for result in (trained(experiment), by_reference(experiment)):
        assert len(result.curves["test_loss"]) == experiment.optimizer.epochs
        assert result.curves["test_loss"][-1] == pytest.approx(by_hand(experiment, result), rel=1e-3)
        assert result.finals["test_loss"] == result.curves["test_loss"][-1]
    if kernel in ("channels_last", "backprop"):
        assert trained(experiment).kernel == kernel
    first = trained(experiment, until_epoch=1)
    assert first.curves["test_loss"][0] == pytest.approx(by_hand(experiment, first), rel=1e-3)


@pytest.mark.parametrize("kernel", EACH)
def test_nothing_else_changes(kernel: str) -> None:
    plain, asked = trained(EACH[kernel]), trained(EACH[kernel].but(losses=True))
    assert "test_loss" not in plain.curves
    assert {name: asked.curves[name] for name in plain.curves} == plain.curves
    assert all(np.array_equal(asked.weights[name], weight) for name, weight in plain.weights.items())


def test_it_is_measured_in_evaluation_mode_though_no_error_is_watched() -> None:
    """A net in training mode would take the test images into the statistics of batch normalization."""
    asked = CONVOLVED.but(losses=True)
    alone, whole = trained(asked, watched=NOTHING), trained(asked)
    assert alone.curves == {name: whole.curves[name] for name in ("train_loss", "test_loss")}
    assert all(np.array_equal(alone.weights[name], weight) for name, weight in whole.weights.items())


def test_members_of_a_stack_have_it_where_they_ask() -> None:
    asked = [CONVOLVED.but(losses=True), CONVOLVED, CONVOLVED.but(losses=True, optimizer__lr=0.05)]
    for ours, experiment in zip(together([member(one) for one in asked]), asked, strict=True):
        theirs = by_reference(experiment)
        assert far(ours, theirs) <= 1e-3
        assert ours.curves.keys() == theirs.curves.keys()
        for name in ("test_loss",) if experiment.losses else ():
            np.testing.assert_allclose(ours.curves[name], theirs.curves[name], rtol=1e-3)


def test_it_is_recorded_whoever_watches(tmp_path: Path) -> None:
    lab = Lab(at(tmp_path))
    lab.sparing = True  # no curve of an error is read
    asked = SMALL.but(losses=True)
    lab.watch(lab.runs(asked, 2), NOTHING)
    results = lab.results("x", asked, 2)
    assert results.curve("test_loss").shape == (2, 3)
    assert [list(record.curves) for record in results.records] == [["train_loss", "test_loss"]] * 2
    assert results.final("test_loss").values.tolist() == results.curve("test_loss")[:, -1].tolist()
