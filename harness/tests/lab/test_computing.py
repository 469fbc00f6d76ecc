"""How a run is computed: from its checkpoint, its parents' weights, or trained ones that it probes."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch

from harness.fleet import native_library, numerics, table, trainer
from harness.fleet._pretended import pretended
from harness.fleet.replica import Replica
from harness.fleet.stacked import Stack
from harness.fleet.trainer import Trained
from harness.lab import computing
from harness.lab.lab import Lab
from harness.models.redrawn import Redrawn
from harness.spec import Experiment, From, Solved, Value
from harness.spec.splits import Split
from harness.spec.streams import stream
from harness.tests.folders import TINY, write_folder
from harness.tests.simulated import SMALL, Norm, Scaled, at, drawn, named
from harness.tests.trainings import split, trained

pytestmark = pytest.mark.usefixtures("prepared")


def test_a_killed_run_goes_on_from_its_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = SMALL.but(optimizer__epochs=6)
    whole = trained(experiment)
    lab = Lab(at(tmp_path))
    (run,) = lab.runs(experiment, 1)
    replica = table.replica(experiment, 0, split(experiment), "cpu")
    curves = {name: values[:2] for name, values in whole.curves.items()}
    for epoch in range(2):
        replica.epoch(epoch)
    lab.store.checkpoint(run.key, {"epoch": 2, "curves": curves}, replica.state())
    epochs: list[int] = []
    once = Replica.epoch

    def counted(replica: Replica, epoch: int) -> dict[str, float]:
        epochs.append(epoch)
        return once(replica, epoch)

    monkeypatch.setattr(Replica, "epoch", counted)
    results = lab.results("x", experiment, 1)
    assert epochs == [2, 3, 4, 5]
    assert results.curve("train_loss")[0].tolist() == whole.curves["train_loss"]
    assert lab.store.resume(run.key) is None  # forgotten once the record is there


def chained(tmp_path: Path, start: Any) -> tuple[Trained, np.ndarray]:
    """A parent trained by hand, and the first weights after a step of almost no length from it."""
    parent = trained(SMALL)
    child = SMALL.but(start=start, optimizer__lr=1e-12, optimizer__epochs=1, model__width=16)
    lab = Lab(at(tmp_path))
    lab.ensure(lab.runs(child, 1))
    weights = lab.store.weights(lab.runs(child, 1)[0].key)
    assert weights is not None
    return parent, weights["1.weight"]


def test_a_chain_starts_from_its_parents_weights(tmp_path: Path) -> None:
    parent, first = chained(tmp_path, From(SMALL))
    np.testing.assert_allclose(first, parent.weights["1.weight"], atol=1e-7)


def test_a_chain_starts_from_its_transform_of_them(tmp_path: Path) -> None:
    parent, first = chained(tmp_path, From(SMALL.but(probes=(Norm(),)), Scaled(0.5)))
    np.testing.assert_allclose(first, parent.weights["1.weight"] / 2, atol=1e-7)


def test_a_probe_is_measured_without_training_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Lab(at(tmp_path))
    lab.results("plain", SMALL, 2)
    refuse = pytest.fail
    monkeypatch.setattr(trainer, "train", lambda *a, **k: refuse("trained again"))
    probed = Lab(at(tmp_path)).results("probed", SMALL.but(probes=(Norm(), Norm(order=1))), 2)
    weights = lab.store.weights(lab.runs(SMALL, 1)[0].key)
    assert weights is not None
    norm = np.sqrt(sum((np.float64(array) ** 2).sum() for array in weights.values()))
    order_one = Lab(at(tmp_path)).results("probed", SMALL.but(probes=(Norm(),)), 2)
    assert order_one.final("norm").values[0] == pytest.approx(norm)
    assert order_one.array("norms").shape == (2, 4)
    assert probed.final("examples").values.tolist() == [200, 200]
    assert probed.final("train_error").values.tolist() == order_one.final("train_error").values.tolist()


class Glimpse(Value, frozen=True):
    """A solver, a probe and a transform that say which data and which random numbers they get."""

    def solve(self, split: Split, generator: np.random.Generator) -> dict[str, float]:
        return {"drawn": generator.random(), "data": float(split.x_train.sum())}

    def measure(self, model: Any, split: Split) -> dict[str, float]:
        weight = float(next(model.parameters()).detach().double().sum())
        return {"data": float(split.x_train.sum()), "weight": weight, "training": float(model.training)}

    def apply(self, weights: Any, generator: np.random.Generator) -> Any:
        number = np.float32(generator.random())
        return {name: np.full_like(array, number) for name, array in weights.items()}


def test_replicates_are_trained_on_data_and_by_streams_of_their_own(lab: Lab) -> None:
    results = lab.results("trained", SMALL, 3)
    for r in range(3):
        assert results.curve("train_loss")[r].tolist() == trained(SMALL, r).curves["train_loss"]


def test_replicates_are_solved_simulated_and_probed_by_their_own_data_and_streams(lab: Lab) -> None:
    sums = [float(split(SMALL, r).x_train.sum()) for r in range(3)]
    solved = lab.results("solved", Solved(SMALL.data, Glimpse()), 3)
    assert solved.final("data").values.tolist() == sums
    assert solved.final("drawn").values.tolist() == [stream(r, "solution").random() for r in range(3)]
    simulated = lab.results("simulated", named(drawn), 3)
    numbers = [float(stream(r, "simulation").standard_normal()) for r in range(3)]
    assert simulated.final("x").values.tolist() == numbers
    probed = lab.results("probed", SMALL.but(probes=(Glimpse(),)), 3)
    weights = [float(trained(SMALL, r).weights["1.weight"].astype(np.float64).sum()) for r in range(3)]
    assert probed.final("data").values.tolist() == sums
    assert probed.final("weight").values.tolist() == pytest.approx(weights)
    assert probed.final("training").values.tolist() == [0, 0, 0]


def test_replicates_of_a_chain_are_transformed_by_streams_of_their_own(lab: Lab) -> None:
    child = SMALL.but(start=From(SMALL, Glimpse()), optimizer__lr=1e-12, optimizer__epochs=1)
    lab.results("child", child, 3)
    for r, run in enumerate(lab.runs(child, 3)):
        weights = lab.store.weights(run.key)
        assert weights is not None
        expected = np.float32(stream(r, "transform").random())
        np.testing.assert_allclose(weights["1.weight"], expected, atol=1e-6)


class Middle(Value, frozen=True):
    """A transform that joins two nets halfway between them."""

    def apply(self, parents: Any, generator: np.random.Generator) -> Any:
        one, other = parents
        return {name: (one[name] + other[name]) / 2 for name in one}


def test_a_chain_of_two_parents_reads_the_weights_of_both(lab: Lab) -> None:
    other = SMALL.but(model=Redrawn(SMALL.model))
    child = SMALL.but(start=(From(SMALL), From(other, Middle())), optimizer__lr=1e-12, optimizer__epochs=1)
    lab.results("child", child, 1)
    weights = lab.store.weights(lab.runs(child, 1)[0].key)
    assert weights is not None
    middle = (trained(SMALL).weights["1.weight"] + trained(other).weights["1.weight"]) / 2
    np.testing.assert_allclose(weights["1.weight"], middle, atol=1e-6)


def test_a_fleet_too_large_for_memory_is_halved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Lab(at(tmp_path))
    runs = lab.runs(SMALL, 5)
    sizes = []
    train_together = trainer.train_together

    def limited(members: Any, device: str, ended: Any) -> None:
        sizes.append(len(members))
        if len(members) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        train_together(members, device, ended)

    monkeypatch.setattr(trainer, "train_together", limited)
    monkeypatch.setattr(trainer, "stack_pays", lambda members, device: True)
    done = computing._stacked(runs, lab.place, lab.store)
    assert sizes == [5, 2, 3, 2]
    assert sorted(d.run.replicate for d in done) == [0, 1, 2, 3, 4]
    assert {d.outcome for d in done} == {computing.COMPUTED}
    records = [lab.store.read(run.key) for run in runs]
    assert [r.provenance["fleet"] for r in records if r] == ["2", "2", "1", "2", "2"]
    assert all(r and r.peak_bytes > 2**20 and r.seconds > 0 for r in records)
    assert lab.results("x", SMALL, 5).final("train_error").values.shape == (5,)


def test_out_of_memory_a_stack_is_gone_before_the_next_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = msgspec.structs.replace(at(tmp_path), device="cuda")
    lab = Lab(at(tmp_path))
    alive: list[tuple[int, int]] = []
    stacks: list[weakref.ref[Stack]] = []
    begin, take = Stack.__init__, Stack._take

    def begun(stack: Stack, members: Any, device: str) -> None:
        alive.append((len(members), sum(other() is not None for other in stacks)))
        stacks.append(weakref.ref(stack))
        begin(stack, members, device)

    def limited(stack: Stack, first: int, size: int) -> None:
        take(stack, first, size)  # with a graph captured, between two steps
        if len(stack.members) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Stack, "__init__", begun)
    monkeypatch.setattr(Stack, "_take", limited)
    monkeypatch.setattr(trainer, "stack_pays", lambda members, device: True)
    with pretended():
        done = computing._stacked(lab.runs(SMALL, 8), place, lab.store)
    assert {d.outcome for d in done} == {computing.COMPUTED}
    assert alive == [(8, 0), (4, 0), (2, 0), (2, 0), (4, 0), (2, 0), (2, 0)]


@pytest.mark.parametrize(
    ("value", "device", "count", "error", "too_large"),
    [
        (SMALL.but(data=TINY), "cuda", 1, torch.OutOfMemoryError("CUDA out of memory"), True),
        (SMALL.but(data=TINY), "cuda", 2, torch.OutOfMemoryError("CUDA out of memory"), False),
        (SMALL.but(data=TINY), "cuda", 1, ValueError("CUDA is unwell"), False),
        (SMALL.but(data=TINY), "cpu", 1, torch.OutOfMemoryError("out of memory"), False),
        (SMALL, "cuda", 1, torch.OutOfMemoryError("CUDA out of memory"), False),
    ],
    ids=["one GPU", "all GPUs", "another error", "a CPU", "images in memory"],
)
def test_a_training_that_one_gpu_does_not_hold_says_so(
    value: Experiment, device: str, count: int, error: Exception, too_large: bool, lab: Lab,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """What several GPUs can share is trained on all of them then, by whoever has several."""

    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    monkeypatch.setattr(computing, "_computed", fails)
    write_folder(lab.place.data_root)
    (run,) = lab.runs(value, 1)
    done, computed = computing._tried(run, msgspec.structs.replace(lab.place, device=device), lab.store)
    assert computed is None
    assert done.failure == computing.one_line(error)
    assert done.too_large is too_large


def test_a_fleet_that_breaks_fails_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(members: Any, device: str, ended: Any) -> None:
        raise RuntimeError("cuBLAS is unwell\nand says so at length")

    monkeypatch.setattr(trainer, "train_together", breaks)
    lab = Lab(at(tmp_path))
    done = computing._stacked(lab.runs(SMALL, 3), lab.place, lab.store)
    assert {d.failure for d in done} == {"RuntimeError: cuBLAS is unwell"}


def test_what_people_should_hear_of_the_machine_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native_library, "notes", [])
    once = trainer.train

    def noting(*arguments: Any) -> Trained:
        native_library.notes.append("the library was damaged: built again")
        return once(*arguments)

    monkeypatch.setattr(trainer, "train", noting)
    lab = Lab(at(tmp_path))
    lab.ensure(lab.runs(SMALL, 2))
    assert list(lab.notes) == ["the library was damaged: built again"]
    assert native_library.notes == []


class Accelerated(Value, frozen=True):
    """Says where it would be solved, and by which numerics."""

    accelerated: bool = True

    def solve(self, split: Split, generator: np.random.Generator) -> dict[str, Any]:
        device = "cuda" if self.accelerated and torch.cuda.is_available() else "cpu"
        return {
            "gpu": float(device == "cuda"),
            "tf32": float(torch.backends.cudnn.allow_tf32),
            "fixed": float(torch.backends.cudnn.deterministic),
            "denormals": float((torch.tensor(1e-40) * 1.0).item() > 0),
        }


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_solvers_are_computed_where_it_was_asked_by_the_numerics_of_trainings(
    device: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", False)
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "")
    torch.set_flush_denormal(False)
    lab = Lab(msgspec.structs.replace(at(tmp_path), device=device))
    with pretended():
        solved = lab.results("x", Solved(SMALL.data, Accelerated()), 1)
    on_gpu = float(device == "cuda")
    numbers = {name: float(solved.final(name).values[0]) for name in ("gpu", "tf32", "fixed", "denormals")}
    assert numbers == {"gpu": on_gpu, "tf32": 1.0 - on_gpu, "fixed": on_gpu, "denormals": 1.0}


def test_a_numbered_gpu_is_the_one_that_solvers_use(monkeypatch: pytest.MonkeyPatch) -> None:
    entered: list[str] = []

    @contextlib.contextmanager
    def entering(name: str) -> Iterator[None]:
        entered.append(name)
        yield

    with pretended():
        monkeypatch.setattr(torch.cuda, "device", entering)
        with numerics.solving("cuda:1", accelerated=False):
            pass
    assert entered == ["cuda:1"]
