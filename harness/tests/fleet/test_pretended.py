"""A pretended GPU refuses what a GPU refuses, and counts as the CPU does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest
import torch

from harness.fleet import table
from harness.fleet._pretended import PretendedGpu, pretended
from harness.fleet._pretended_graph import RefusedByGpu
from harness.fleet.replica import Midway, Replica
from harness.fleet.stacked import Stack
from harness.tests.simulated import SMALL
from harness.tests.trainings import split

pytestmark = pytest.mark.usefixtures("prepared")


@pytest.fixture
def gpu() -> Iterator[PretendedGpu]:
    with pretended() as device:
        yield device


def ones(*shape: int, device: str = "cuda") -> torch.Tensor:
    return torch.ones(*shape, device=device)


def test_tensors_say_where_they_lie(gpu: PretendedGpu) -> None:
    x = ones(2, 3)
    for there in (x, x + 1, x[0], x.T, torch.zeros_like(x), x.new_zeros(2), torch.func.vmap(torch.sin)(x)):
        assert there.device == torch.device("cuda", 0)
        assert there.is_cuda
    for here in (x.cpu(), torch.ones(2), torch.zeros_like(x, device="cpu"), x.to("cpu")):
        assert here.device.type == "cpu"
    moved = x.cpu().to("cuda", torch.float64)
    assert (moved.device.type, moved.dtype) == ("cuda", torch.float64)
    assert x.to(device="cuda") is x


def test_devices_do_not_mix(gpu: PretendedGpu) -> None:
    x, y = ones(3), torch.ones(3)
    mixed: tuple[Callable[[], object], ...] = (
        lambda: x + y, lambda: torch.stack([x, y]), lambda: x.mul_(y), lambda: torch.where(x > 0, x, y),
        lambda: y[x.long()], lambda: torch.nn.functional.linear(ones(2, 3), torch.ones(4, 3)),
        lambda: torch.func.vmap(torch.add)(x, y),
    )  # fmt: skip
    for operation in mixed:
        with pytest.raises(RefusedByGpu, match="all tensors must be on one device"):
            operation()
    with pytest.raises(RefusedByGpu, match="copy it to host memory"):
        x.numpy()
    assert (x + torch.tensor(2.0)).sum().item() == 9.0  # a number of the host is let in
    assert y.copy_(2 * x).tolist() == [2.0, 2.0, 2.0]
    assert x[torch.tensor([0, 2])].shape == (2,)


def test_what_lies_on_the_device_cannot_be_pinned(gpu: PretendedGpu) -> None:
    host = torch.ones(2)
    assert host.pin_memory() is host
    with pytest.raises(RefusedByGpu, match="only what lies in the host's memory can be pinned"):
        ones(2).pin_memory()


def test_gradients_are_where_their_weights_are(gpu: PretendedGpu) -> None:
    w = ones(4, 3).requires_grad_()
    target = torch.tensor([1, 2], device="cuda")
    loss = torch.nn.functional.cross_entropy(ones(2, 3) @ w.T, target)
    (gradient,) = torch.autograd.grad(loss, [w])
    assert gradient.device.type == "cuda"
    with pytest.raises(RefusedByGpu):
        gradient + torch.ones(4, 3)


def test_a_fused_step_wants_equal_strides(gpu: PretendedGpu) -> None:
    w, g = ones(2, 3), ones(3, 2).T
    with pytest.raises(RefusedByGpu, match="strides"):
        SMALL.optimizer.update([w], [g], [torch.zeros_like(w)], 0.1)


def captured(step: Callable[[], object]) -> torch.cuda.CUDAGraph:
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph


def test_nothing_waits_within_a_capture(gpu: PretendedGpu) -> None:
    x, index = ones(3), torch.tensor([0, 1])
    drawing = torch.Generator("cuda").manual_seed(1)
    waiting: tuple[Callable[[], object], ...] = (
        lambda: x.sum().item(), lambda: x.tolist(), lambda: bool(x[0] > 0), lambda: x.cpu(), lambda: x[index],
        lambda: x.copy_(torch.ones(3)), lambda: torch.tensor([1.0], device="cuda"), lambda: x.nonzero(),
        torch.cuda.synchronize, torch.cuda.empty_cache, lambda: x[x > 0],
    )  # fmt: skip
    for step in waiting:
        step()  # which is fine elsewhere
        with pytest.raises(RefusedByGpu, match="while a graph is captured"):
            captured(step)
    with pytest.raises(RefusedByGpu, match="not registered"):
        captured(lambda: torch.rand(3, generator=drawing, device="cuda"))


def test_a_capture_runs_nothing_and_a_replay_runs_it_on_the_same_storages(gpu: PretendedGpu) -> None:
    x, total = ones(3), torch.zeros(3, device="cuda")
    results: list[torch.Tensor] = []

    def step() -> None:
        doubled = 2 * x
        total.add_(doubled)
        results.append(doubled[1:])

    graph = captured(step)
    assert total.tolist() == [0.0, 0.0, 0.0]
    assert results[0].isnan().all()
    for times in (1, 2):
        graph.replay()
        assert total.tolist() == [2.0 * times] * 3
    x.fill_(5.0)
    graph.replay()
    assert total.tolist() == [14.0] * 3
    assert results[0].tolist() == [10.0, 10.0]
    assert (gpu.captured, len(results)) == (1, 1)


def test_what_lies_on_it_is_forgotten_with_its_storage(gpu: PretendedGpu) -> None:
    for _ in range(3):
        for _ in range(4096):
            gpu.mark(torch.empty(1))
    assert len(gpu._marked) < 3 * 4096


def test_a_kernel_that_mixes_devices_or_waits_is_refused(
    gpu: PretendedGpu, monkeypatch: pytest.MonkeyPatch
) -> None:
    def left_behind(replica: Replica, array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(array)

    with monkeypatch.context() as patch:
        patch.setattr(Replica, "_placed", left_behind)
        with pytest.raises(RefusedByGpu, match="one device"):
            table.replica(SMALL, 0, split(SMALL), "cuda").epoch(0)
    once = Stack._update

    def waiting(stack: Stack, gradients: Sequence[torch.Tensor], rates: torch.Tensor) -> None:
        once(stack, gradients, rates * float(rates.sum() > 0))

    monkeypatch.setattr(Stack, "_update", waiting)
    stack = Stack([(SMALL, r, split(SMALL, r)) for r in range(2)], "cuda")
    with pytest.raises(RefusedByGpu, match="while a graph is captured"):
        stack.epoch([0, 0])


def test_a_stack_goes_on_from_within_an_epoch(gpu: PretendedGpu) -> None:
    experiment = SMALL.but(optimizer__batch=64)
    members = [(experiment, r, split(experiment, r)) for r in range(3)]
    whole, broken = Stack(members, "cuda"), Stack(members, "cuda")
    kept: dict[str, Any] = {}

    def leave(step: int, totals: Callable[[], list[float]]) -> None:
        if step == 2:
            kept["reaches"] = [Midway(step, total) for total in totals()]
            kept["arrays"] = [broken.state(place) for place in range(3)]

    broken.between = leave
    rows = whole.epoch([0, 0, 0])
    assert broken.epoch([0, 0, 0]) == rows
    resumed = Stack(members, "cuda")
    for place, arrays in enumerate(kept["arrays"]):
        resumed.load(place, arrays)
    resumed.reaches = kept["reaches"]
    assert resumed.epoch([0, 0, 0]) == rows
    resumed.keep([0, 2])
    whole.keep([0, 2])
    assert resumed.epoch([1, 1]) == whole.epoch([1, 1])


def test_nothing_is_pretended_afterwards() -> None:
    before = torch.cuda.is_available, torch.autocast, torch.Generator
    with pretended() as gpu:
        x = ones(2)
    assert (torch.cuda.is_available, torch.autocast, torch.Generator) == before
    assert x.device.type == "cpu"
    assert gpu.tape is None
