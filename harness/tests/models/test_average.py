"""The mean of nets' weights, as weights and as a net of several parents in the lab."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.analytic.barriers import Barrier
from harness.analytic.curvature import Sharpness
from harness.analytic.joined_nets import averaged, side_by_side
from harness.analytic.performance import Performance
from harness.lab.lab import Lab
from harness.models.average import Average
from harness.spec import Draws, From, Probing
from harness.spec.informed import HowTrained, Informed
from harness.spec.streams import stream
from harness.tests.simulated import SMALL, Norm, at

GENERATOR = stream(0, "transform")
OTHERS = [SMALL.but(draws=Draws(order=i)) for i in range(3)]


def test_weights_are_means_and_counters_those_of_the_first() -> None:
    nets = [{"w": np.array([i, 3.0 * i], np.float32), "seen": np.array(7 + i)} for i in range(3)]
    mean = Average().apply(nets, GENERATOR)
    np.testing.assert_array_equal(mean["w"], np.array([1.0, 3.0], np.float32))
    assert mean["w"].dtype == np.float32
    assert mean["seen"] == 7
    same = Average().apply([nets[1]] * 3, GENERATOR)
    np.testing.assert_array_equal(same["w"], nets[1]["w"])


def test_other_nets_and_one_alone_are_refused() -> None:
    net: Any = {"w": np.zeros(2, np.float32)}
    with pytest.raises(ValueError, match="of one model"):
        Average().apply([net, {"w": np.zeros(3, np.float32)}], GENERATOR)
    with pytest.raises(ValueError, match="several nets"):
        Average().apply(net, GENERATOR)
    for join, name in ((averaged, "Average"), (side_by_side, "Members")):
        with pytest.raises(ValueError, match=f"^{name} joins nets: at least two of them, not 1$"):
            join(SMALL)


def test_a_lab_averages_what_it_trained_and_measures_what_lies_between(tmp_path: Path) -> None:
    lab = Lab(at(tmp_path))
    mean = averaged(*OTHERS)
    lab.results("x", mean, 1)
    weights = [lab.store.weights(run.key) for run in (*lab.runs(mean, 1)[0].parents, lab.runs(mean, 1)[0])]
    *parents, last = (net for net in weights if net is not None)
    for name, array in last.items():
        np.testing.assert_array_equal(
            array, np.mean([net[name] for net in parents], axis=0, dtype=np.float64).astype(np.float32)
        )
    assert lab.results("x", Probing(mean, Norm()), 1).final("norm").values[0] > 0
    two = lab.results("x", Probing(side_by_side(*OTHERS[:2]), Barrier(places=3)), 1)
    middle = lab.results("x", Probing(averaged(*OTHERS[:2]), Performance()), 1)
    end = lab.results("x", OTHERS[1], 1)
    for name in ("train_error", "test_error"):
        assert two.array(f"{name}_along")[0, 1] == middle.final(name).values[0]
        assert two.array(f"{name}_along")[0, 2] == end.final(name).values[0]
    going_on = lab.results("x", SMALL.but(start=From(mean)), 1)
    assert going_on.curve("train_loss")[0, 0] < lab.results("x", SMALL, 1).curve("train_loss")[0, 0]


def test_a_probe_is_told_how_its_net_was_trained(tmp_path: Path) -> None:
    class Told(Norm, frozen=True):
        def measure_trained(self, model: Any, split: Any, training: HowTrained) -> dict[str, float]:
            return {"squared": float(training.loss == "squared"), "drawn": training.generator().random()}

    assert isinstance(Told(), Informed)
    assert isinstance(Sharpness(), Informed)
    assert not isinstance(Norm(), Informed)
    lab = Lab(at(tmp_path))
    for loss in ("cross_entropy", "squared"):
        told = lab.results("x", Probing(SMALL.but(loss=loss), Told()), 2)
        assert told.final("squared").values.tolist() == [float(loss == "squared")] * 2
        assert told.final("drawn").values.tolist() == [stream(r, "solution").random() for r in range(2)]
