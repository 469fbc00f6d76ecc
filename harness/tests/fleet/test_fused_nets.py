"""Normalization and ReLU as one operation come to the numbers of torch's own, alone, stacked and compiled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.fleet import _fused_nets
from harness.models import SmallInception
from harness.models.cnn5 import Cnn5
from harness.models.resnet18 import ResNet18
from harness.models.slow_head import SlowHead
from harness.models.vgg import Vgg
from harness.spec.contracts import Model

NETS: dict[str, tuple[Model, int]] = {
    "resnet18": (ResNet18(8), 16),
    "cnn5": (Cnn5(8), 4),
    "vgg": (Vgg(11, 8, batch_norm=True), 8),
    "inception": (SmallInception(width=0.25), 19),
    "wrapped": (SlowHead(Cnn5(8), 0.5), 4),
}
"""Nets, and how often each normalizes before a ReLU: everywhere."""


@pytest.fixture(autouse=True)
def drawn() -> Iterator[None]:
    """The same draws for whichever test."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@pytest.fixture
def as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is compiled: the same functions by torch's own kernels."""
    monkeypatch.setattr(_fused_nets, "compiled", uncompiled)


def uncompiled(function: Callable[..., Any]) -> Callable[..., Any]:
    return function


def norm_of(affine: bool) -> nn.BatchNorm2d:
    norm = nn.BatchNorm2d(5, affine=affine, momentum=0.3, eps=1e-3)
    if affine:
        nn.init.uniform_(norm.weight, -2, 2)
        nn.init.normal_(norm.bias)
    return norm


def gone(norm: nn.BatchNorm2d, x: Tensor, whole: Callable[[nn.BatchNorm2d, Tensor], Tensor]) -> list[Tensor]:
    """Outputs, gradients and moved statistics, then the output in evaluation."""
    before = {name: value.clone() for name, value in norm.state_dict().items()}
    inputs = [x.detach().requires_grad_(), *norm.train().parameters()]
    y = whole(norm, inputs[0])
    gradients = torch.autograd.grad(y, inputs, torch.sin(torch.arange(y.numel())).view_as(y).to(y.dtype))
    moved = [value.clone() for value in norm.buffers()]
    with torch.inference_mode():
        evaluated = whole(norm.eval(), x)
    norm.load_state_dict(before)
    return [y.detach(), *gradients, *moved, evaluated]


def close(ours: list[Tensor], theirs: list[Tensor], rtol: float) -> None:
    for one, other in zip(ours, theirs, strict=True):
        assert one.dtype == other.dtype
        assert one.stride() == other.stride()
        assert float((one.float() - other.float()).norm()) <= rtol * float(other.float().norm())


@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last], ids=str)
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("affine", [True, False])
def test_one_operation_is_torch_s_two(
    as_it_is: None, affine: bool, precision: torch.dtype, order: torch.memory_format
) -> None:
    norm, x = norm_of(affine), (3 * torch.randn(7, 5, 6, 4) + 1).to(precision).contiguous(memory_format=order)
    ours = gone(norm, x, _fused_nets.normalized)
    close(ours, gone(norm, x, lambda norm, x: F.relu(norm(x))), 1e-5 if precision == torch.float32 else 0.01)


def test_gradients_are_compared_on_either_side_of_the_bend(
    as_it_is: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    norm = norm_of(True)
    witness = _fused_nets.Witness(
        torch.randn(64, 5, 32, 32),
        norm.weight.detach(),
        norm.bias.detach(),
        torch.zeros(5),
        torch.ones(5),
        0.3,
        1e-3,
    )
    ours, plain = _fused_nets.both(witness)
    close(ours, plain, 1e-5)  # of 327,680 values some are within rounding of the bend
    assert [part.shape for part in ours] == [witness.x.shape] * 2 + [torch.Size([5])] * 4
    monkeypatch.setattr(_fused_nets, "compiled", unbent)
    ours, plain = _fused_nets.both(witness)
    assert float((ours[1] - plain[1]).norm()) > 0.1 * float(plain[1].norm())


def unbent(function: Callable[..., Any]) -> Callable[..., Any]:
    """A compiler whose gradients pass everywhere: an offset is only asked where maps are positive."""
    if function.__name__ != "backward":
        return function
    return lambda *arguments: function(*arguments[:-1], arguments[-1] + 100)


def test_what_it_does_not_know_goes_torch_s_own_way(as_it_is: None) -> None:
    norm, x = norm_of(True).half(), torch.randn(7, 5, 6, 4, dtype=torch.float16)
    assert torch.equal(_fused_nets.normalized(norm, x), F.relu(norm(x)))
    differentiated = torch.randn(7, 5, 6, 4, requires_grad=True)
    (gradient,) = torch.autograd.grad(
        _fused_nets.normalized(norm.float().eval(), differentiated).sum(), differentiated
    )
    assert gradient.abs().sum() > 0


def test_stacked_nets_lie_side_by_side(as_it_is: None) -> None:
    count = 3
    x = torch.randn(count, 7, 5, 6, 4)
    norms = [norm_of(True) for _ in range(count)]
    alone = [
        gone(norm, images, lambda norm, x: F.relu(norm(x))) for norm, images in zip(norms, x, strict=True)
    ]
    parameters, buffers = torch.func.stack_module_state(norms)

    class Whole(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = norms[0]

        def forward(self, x: Tensor) -> Tensor:
            return _fused_nets.normalized(self.norm, x)

    def called(parameters: Any, buffers: Any, x: Tensor) -> Tensor:
        named = [{f"norm.{name}": value for name, value in each.items()} for each in (parameters, buffers)]
        y: Tensor = torch.func.functional_call(net, tuple(named), (x,))
        return y

    net = Whole().train()
    inputs = [x.requires_grad_(), *parameters.values()]
    y = torch.func.vmap(called)(parameters, buffers, x)
    wave = torch.sin(torch.arange(y[0].numel())).view_as(y[0]).expand_as(y)
    gradients = torch.autograd.grad(y, inputs, wave)
    moved = [value.clone() for value in buffers.values()]
    net.eval()
    with torch.no_grad():
        evaluated = torch.func.vmap(called)(parameters, buffers, x)
    together = [y.detach(), *gradients, *moved, evaluated]
    for member, expected in enumerate(alone):
        for one, other in zip(together, expected, strict=True):
            assert torch.allclose(one[member].float(), other.float(), rtol=1e-4, atol=1e-4)


def of_net(net: nn.Module, x: Tensor) -> list[Tensor]:
    """Loss, gradients, statistics and evaluation of a net."""
    before = {name: value.clone() for name, value in net.state_dict().items()}
    loss = F.cross_entropy(net.train()(x), torch.arange(len(x)) % 10)
    gradients = torch.autograd.grad(loss, list(net.parameters()))
    moved = [value.double() for value in net.buffers()]
    with torch.inference_mode():
        evaluated = net.eval()(x)
    net.load_state_dict(before)
    return [torch.cat([g.flatten() for g in gradients]), loss.detach(), evaluated, *moved]


@pytest.mark.parametrize(("model", "count"), NETS.values(), ids=NETS.keys())
def test_a_net_that_is_fused_is_the_same_net(as_it_is: None, model: Model, count: int) -> None:
    net = model.build((3, 32, 32), 10, np.random.default_rng(0)).double()
    net = net.to(memory_format=torch.channels_last)
    x = torch.randn(16, 3, 32, 32, dtype=torch.float64).contiguous(memory_format=torch.channels_last)
    names, plain = list(net.state_dict()), of_net(net, x)
    assert _fused_nets.places(net) == count
    _fused_nets.fuse(net)
    with _fused_nets.witnessed() as witnesses:
        ours = of_net(net, x)
    assert len(witnesses) == count
    assert list(net.state_dict()) == names
    for one, other in zip(ours, plain, strict=True):
        assert float((one - other).norm()) <= 1e-9 * float(other.norm())
    _fused_nets.part_again(net)
    assert all(torch.equal(one, other) for one, other in zip(of_net(net, x), plain, strict=True))


def test_inception_v3_is_fused_wherever_it_normalizes() -> None:
    from torchvision.models import Inception3
    from torchvision.models.inception import BasicConv2d

    with torch.device("meta"):  # as ``InceptionV3`` makes it
        whole: nn.Module = Inception3(aux_logits=False, init_weights=False)
    norms = sum(isinstance(part, nn.BatchNorm2d) for part in whole.modules())
    assert _fused_nets.places(whole) == norms == 94
    net = nn.Sequential(BasicConv2d(3, 4, kernel_size=3), BasicConv2d(4, 5, kernel_size=3))
    x = torch.randn(4, 3, 9, 9)
    plain = of_parts(net, x)
    _fused_nets.fuse(net)
    assert torch.allclose(of_parts(net, x), plain, atol=1e-5)


def of_parts(net: nn.Module, x: Tensor) -> Tensor:
    with torch.inference_mode():
        y: Tensor = net.eval()(x)
        return y


def test_parts_that_somebody_listens_to_stay_two() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
    assert _fused_nets.places(net) == 1
    net[2].register_forward_hook(lambda *_: None)
    assert _fused_nets.places(net) == 0
    assert _fused_nets.places(nn.Sequential(nn.BatchNorm2d(4, track_running_stats=False), nn.ReLU())) == 0
    assert _fused_nets.places(nn.Sequential(nn.ReLU(), nn.BatchNorm2d(4))) == 0


@pytest.mark.pretended
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16], ids=str)
def test_compiled_it_is_torch_s_two(precision: torch.dtype) -> None:
    """Torch's compiler for CPUs makes C++ of the functions that it makes Triton of on a GPU."""
    norm = norm_of(True)
    for size in (7, 3):  # a last batch is a part of its own
        x = torch.randn(size, 5, 6, 4).to(precision).contiguous(memory_format=torch.channels_last)
        ours = gone(norm, x, _fused_nets.normalized)
        close(
            ours, gone(norm, x, lambda norm, x: F.relu(norm(x))), 1e-5 if precision == torch.float32 else 0.01
        )
    assert _fused_nets._part.cache_info().currsize >= 6
