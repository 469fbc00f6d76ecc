"""Whether a net on a GPU normalizes and rectifies in one operation: settled there, before it trains.

``_fused_nets`` has the operation, which ``torch.compile`` makes. It is used where it compiles, comes to the
numbers of torch's own kernels on the net's first batch, and is faster; everywhere else the net goes forward
as it was made, and a record says why. What was settled holds for a process: replicates are alike.
"""

from __future__ import annotations

import importlib.util
import math
import os
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from harness.fleet.numerics import FORCED
from harness.spec import Experiment

if TYPE_CHECKING:
    import torch

LEAST_STEPS = 20_000
"""Steps of a training below which nothing is compiled for it: a minute or so, and compiling takes as long."""
APART = {"float32": 1e-4, "bfloat16": 1e-2}
"""How far numbers of one operation may be from torch's own, as a share of their norm, by the type of maps:
sums in another order, and of the shorter type two of its last digits."""
PASSED_ON = 0.25
"""Likewise loss and gradients of the whole net, to which roundings are passed on: by maps that are nearly
zero, single gradients of tiny nets come 0.02 apart in float32 and 0.3 in bfloat16; one wrong term would be as
large as they are."""
ROUNDS, STEPS = 3, 20
"""How often both are timed, in turn, and over how many steps."""
FUSED = "fused"
"""What a record says of a net's normalization; else it is "plain", with the reason."""
MOST_LETTERS = 200
"""Of a reason, which may be a compiler's."""

Gradients = Callable[[], "Sequence[torch.Tensor]"]
"""Loss and gradients of the first batch; whatever it draws and moves is as before afterwards."""
Stepping = Callable[[], Callable[[], object]]
"""Makes a step, to be taken as it will be while training."""

_SETTLED: dict[tuple[Any, ...], str] = {}


def settled(
    net: torch.nn.Module,
    experiment: Experiment,
    steps: int,
    device: torch.device,
    *,
    stacked: bool,
    gradients: Gradients,
    stepping: Stepping,
) -> str:
    """Fuse a net's normalizations if that pays, and what its record says of it; "" where it is no question.

    Args:
        net: fused in place; its parameters and their names stay.
        experiment: what is trained, for so many ``steps`` an epoch.
        device: where; stacked: whether with others, as one model.
        gradients, stepping: of the net as it is fused at the moment.

    Raises:
        torch.OutOfMemoryError: not even the plain step fits.
    """
    if experiment.optimizer.epochs * steps < LEAST_STEPS or not compiles(device):
        return ""
    from harness.fleet import _fused_nets

    if not _fused_nets.places(net):
        return ""
    data, batch = experiment.data, experiment.optimizer.batch
    key = repr(experiment.model), data.shape, data.classes, batch, experiment.precision, stacked, str(device)
    if key not in _SETTLED:
        _SETTLED[key] = _tried(net, device, gradients, stepping)
    if _SETTLED[key] == FUSED:
        _fused_nets.fuse(net)
    return _SETTLED[key]


def compiles(device: torch.device) -> bool:
    """Whether torch can compile for a device, and nobody asked for the plain path."""
    import torch

    if device.type != "cuda" or os.environ.get(FORCED) or importlib.util.find_spec("triton") is None:
        return False
    try:
        return torch.cuda.get_device_capability(device) >= (7, 0)
    except (RuntimeError, AssertionError):  # no GPU, but a pretended one
        return False


def _tried(net: torch.nn.Module, device: torch.device, gradients: Gradients, stepping: Stepping) -> str:
    """Compare and time; the net goes forward as it was made afterwards."""
    import torch

    from harness.fleet import _fused_nets

    plain, step = gradients(), stepping()
    try:
        why = _differs(net, plain, gradients)
        if not why:
            _fused_nets.fuse(net)
            ours, theirs = _seconds(net, stepping(), step, device)
            why = "" if ours < theirs else f"fused it takes {ours / theirs:.2f} times as long"
    except torch.OutOfMemoryError:
        why = "there is no memory to try it fused"
    except Exception as error:  # of a compiler that lies outside: whatever it is, there is another way
        first = next(iter(str(error).splitlines()), "")
        why = f"fused it fails: {type(error).__name__}: {first}"
    finally:
        _fused_nets.part_again(net)
    return f"plain: {why[:MOST_LETTERS]}" if why else FUSED


def _differs(net: torch.nn.Module, plain: Sequence[torch.Tensor], gradients: Gradients) -> str:
    """What differs by more than rounding from torch's own kernels; "" if nothing does."""
    import torch

    from harness.fleet import _fused_nets

    _fused_nets.fuse(net)
    with _fused_nets.witnessed() as witnesses:
        ours = gradients()
    for number, witness in enumerate(witnesses):
        allowed = APART[str(witness.x.dtype).removeprefix("torch.")]
        far = max(map(_apart, *_fused_nets.both(witness)))
        if not far <= allowed:
            return f"fused operation {number} is {far:.1e} off torch's own, where {allowed:g} is rounding"
    if not witnesses:
        return "fused it does without"
    far = _apart(*(torch.cat([part.float().flatten() for part in parts]) for parts in (ours, plain)))
    return (
        ""
        if far <= PASSED_ON
        else f"fused the net's gradients are {far:.1e} off, where {PASSED_ON:g} is allowed"
    )


def _apart(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    """How far apart they are, as a share of the norm."""
    distance, norm = float((ours.float() - theirs.float()).norm()), float(theirs.float().norm())
    return distance / norm if norm else distance


def _seconds(
    net: torch.nn.Module, ours: Callable[[], object], theirs: Callable[[], object], device: torch.device
) -> tuple[float, float]:
    """Seconds of some steps of each, the least of some rounds, taken in turn."""
    import torch

    from harness.fleet import _fused_nets

    changes = (_fused_nets.fuse, ours), (_fused_nets.part_again, theirs)
    least = [math.inf, math.inf]
    for _ in range(1 + ROUNDS):
        for place, (change, step) in enumerate(changes):
            change(net)
            step()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            began = time.perf_counter()
            for _ in range(STEPS):
                step()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            least[place] = min(least[place], time.perf_counter() - began)
    return least[0], least[1]


def examined(device: torch.device) -> str:
    """What would be settled for a convolution of 64 maps in bfloat16 on a device, for ``doctor``."""
    import torch

    if not compiles(device):
        return "not used: torch cannot compile for this GPU (Triton, and a GPU of 2017 or later)"
    draws = torch.Generator(device).manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Conv2d(64, 64, 3, padding=1, bias=False), torch.nn.BatchNorm2d(64), torch.nn.ReLU()
    )
    net.to(device).to(memory_format=torch.channels_last)
    x = torch.randn((128, 64, 32, 32), device=device, generator=draws)
    x = x.contiguous(memory_format=torch.channels_last)

    def gradients() -> list[torch.Tensor]:
        with torch.autocast(device.type, dtype=torch.bfloat16):
            loss = net(x).float().square().mean()
        return [loss.detach(), *torch.autograd.grad(loss, list(net.parameters()))]

    return _tried(net, device, gradients, lambda: gradients)
