"""What a training's products are computed in: its own precision while it trains, and nobody else's after."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from harness import Experiment
from harness.fleet import numerics, ranks, table, trainer
from harness.fleet._pretended import pretended
from harness.fleet.ranks import RankPart
from harness.fleet.trainer import Trained
from harness.lab import places
from harness.lab.computing import drain
from harness.lab.lab import Lab
from harness.lab.runs import Fleet
from harness.models.cnn5 import Cnn5
from harness.tests.simulated import SMALL
from harness.tests.trainings import member, trained

pytestmark = pytest.mark.usefixtures("prepared")
TF32 = SMALL.but(precision="tf32", optimizer__epochs=2)
Flags = tuple[bool, bool]


def flags() -> Flags:
    return torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32


class Watching:
    """What is allowed while loss is computed."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.seen: set[Flags] = set()
        cross_entropy, mse = torch.nn.functional.cross_entropy, torch.nn.functional.mse_loss
        for name, function in (("cross_entropy", cross_entropy), ("mse_loss", mse)):
            patch.setattr(torch.nn.functional, name, self.noting(function))

    def noting(self, function: Any) -> Any:
        def noted(*args: Any, **kwargs: Any) -> Any:
            self.seen.add(flags())
            return function(*args, **kwargs)

        return noted


@pytest.mark.parametrize("precision", ["float32", "tf32", "bfloat16"])
@pytest.mark.parametrize("together", [False, True])
def test_a_gpu_multiplies_in_tf32_where_that_is_asked_for_and_no_longer(
    precision: str, together: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    members = [member(TF32.but(precision=precision), r) for r in range(2)]
    watching, results = Watching(monkeypatch), dict[int, Trained]()
    monkeypatch.setattr(trainer, "stack_pays", lambda members, device: True)
    with pretended():
        numerics.prepare("cuda")
        assert flags() == (False, False)
        if together:
            trainer.train_together(members, "cuda", results.__setitem__)
        else:
            trainer.train(members[0], "cuda")
        assert flags() == (False, False)
    assert watching.seen == {(precision == "tf32",) * 2}


def test_it_is_given_back_when_a_training_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*args: Any) -> None:
        assert flags() == (True, True)
        raise RuntimeError("no more")

    monkeypatch.setattr(table, "replica", failing)
    with pretended():
        numerics.prepare("cuda")
        with pytest.raises(RuntimeError, match="no more"):
            trainer.train(member(TF32), "cuda")
        assert flags() == (False, False)


@pytest.mark.parametrize(
    "experiment", [TF32, TF32.but(model=Cnn5(4), optimizer__lr=0.01)], ids=["mlp", "cnn"]
)
def test_a_cpu_trains_in_float32_to_the_bit(experiment: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    before = flags()
    ours, theirs = trained(experiment), trained(experiment.but(precision="float32"))
    assert flags() == before
    assert ours.curves == theirs.curves
    assert ours.kernel == theirs.kernel
    for name, weight in theirs.weights.items():
        assert np.array_equal(ours.weights[name], weight)


def test_records_say_what_was_computed_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: dict[tuple[str, str], str] = {}
    for device in ("cpu", "cuda"):
        place = places.place(store=tmp_path / device, data_root=tmp_path, device="cpu")
        lab = Lab(place)
        runs = [lab.runs(TF32.but(precision=p), 1)[0] for p in ("float32", "tf32", "bfloat16")]
        units = [Fleet(shape="", runs=(run,), seconds=1.0) for run in runs]
        with pretended():
            there = (
                place
                if device == "cpu"
                else places.place(store=place.store, data_root=tmp_path, device=device)
            )
            assert all(not done.failure for done in drain(units, there))
        for run in runs:
            record = lab.store.read(run.key)
            assert record is not None
            assert f"precision='{run.value.precision}'" in record.what or run.value.precision == "float32"
            said[device, run.value.precision] = record.provenance["precision"]
    assert said == {
        ("cpu", "float32"): "float32", ("cpu", "tf32"): "float32", ("cpu", "bfloat16"): "bfloat16",
        ("cuda", "float32"): "float32", ("cuda", "tf32"): "tf32", ("cuda", "bfloat16"): "bfloat16",
    }  # fmt: skip
    with pretended():
        monkeypatch.setattr(torch.cuda, "is_tf32_supported", lambda: False)  # a GPU of before 2020
        assert numerics.computed_in("tf32", "cuda") == "float32"


def test_each_process_of_a_training_multiplies_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Flags] = []

    class Pipe:
        def __init__(self, asked: Sequence[str]) -> None:
            self.asked = list(asked)

        def recv(self) -> tuple[str, tuple[()]]:
            if not self.asked:
                raise EOFError
            return self.asked.pop(), ()

        def send(self, answer: object) -> None:
            pass

    def begun(part: RankPart) -> object:
        numerics.prepare("cuda")  # as a rank begins
        return object()

    monkeypatch.setattr(ranks, "_begun", begun)
    monkeypatch.setitem(ranks._CALLS, "epoch", lambda rank: seen.append(flags()))
    part: Any = RankPart(TF32, 0, None, "", "cuda", 0, 1, Path())
    pipe: Any = Pipe(["epoch", "epoch"])
    with pretended(), pytest.raises(EOFError):
        ranks._answer(pipe, part)
    assert seen == [(True, True)] * 2
    assert flags() == (False, False)
