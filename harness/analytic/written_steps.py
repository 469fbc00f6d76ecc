"""Losses and gradients of dense nets by written-out backpropagation, with the bits of torch's own.

The operations are those that torch takes and the graph it would build of them is not made: for a small net
that is half of a step. Of a net in a subspace only the projection is left to torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from harness.fleet.backprop import dense_layers

if TYPE_CHECKING:
    import torch
    from torch import nn

    from harness.models._subspace_nets import SubspaceNet

    Tensors: TypeAlias = list[torch.Tensor]
    Back: TypeAlias = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    Step: TypeAlias = Callable[[torch.Tensor, torch.Tensor], tuple[torch.Tensor, Sequence[torch.Tensor]]]

MEAN, NOTHING_IGNORED = 1, -100
"""torch's numbers for the mean as reduction, and for a label that no example has."""


def gradients_of(module: nn.Module) -> Step:
    """What makes of inputs and labels the mean cross-entropy and its gradients by the module's parameters."""
    import torch.nn.functional as F
    from torch import autograd

    from harness.models._subspace_nets import SubspaceNet

    weights = list(module.parameters())
    if not _is_hooked(module) and all(w.device.type == "cpu" for w in weights):
        if type(module) is SubspaceNet and (step := _in_subspace(module)):
            return step
        layers = dense_layers(module)
        parts = [part for layer in layers or () for part in (layer.weight, layer.bias)]
        if layers and list(map(id, weights)) == list(map(id, parts)):
            held = [weight.detach() for weight in weights]
            return lambda x, y: _backpropagated(held, x, y)

    def by_graph(x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, Sequence[torch.Tensor]]:
        loss = F.cross_entropy(module(x), y)
        return loss, autograd.grad(loss, weights)

    return by_graph


def _is_hooked(module: nn.Module) -> bool:
    """Whether anything but its own code runs when a module does."""
    return any(part._forward_hooks or part._forward_pre_hooks for part in module.modules())


def _in_subspace(module: SubspaceNet) -> Step | None:
    """The same of a dense net in a subspace of its weights; None where the net is of another kind."""
    import torch
    from torch import nn

    parts = list(module.net) if type(module.net) is nn.Sequential else []
    kinds = [type(part) for part in parts]
    count = len(module.parts) // 2
    alike = [nn.Flatten, *[nn.Linear, nn.ReLU] * (count - 1), nn.Linear]
    names = [f"{i}.{kind}" for i in range(1, 2 * count, 2) for kind in ("weight", "bias")]
    if kinds != alike or [name for name, _ in module.parts] != names:
        return None
    first = [module.net.get_buffer(name) for name in names]
    shapes = [shape for _, shape in module.parts]
    sizes = [shape.numel() for shape in shapes]

    move, moved_back = _ways(module)

    def step(x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, Sequence[torch.Tensor]]:
        moves = move()
        pieces = zip(first, moves.detach().split(sizes), shapes, strict=True)
        loss, gradients = _backpropagated([held + move.view(shape) for held, move, shape in pieces], x, y)
        along = torch.cat([gradient.reshape(-1) for gradient in gradients])
        return loss, [moved_back(moves, along)]

    return step


def _ways(module: SubspaceNet) -> tuple[Callable[[], torch.Tensor], Back]:
    """A projection of a net's coordinates, and what takes gradients by its result back to them."""
    from torch import autograd

    from harness.models._subspace_nets import Dense, Sparse

    projection, coordinates = module.projection, module.coordinates
    held = coordinates.detach()
    if type(projection) is Dense:
        matrix = projection.matrix
        return lambda: matrix.mv(held), lambda moves, along: matrix.t().mv(along)
    if type(projection) is Sparse:
        signs, rows, whole = projection.signs, projection.rows.flatten(), projection.whole

        def spread() -> torch.Tensor:
            return signs.new_zeros(whole).index_add_(0, rows, (signs * held[:, None]).flatten())

        def gathered(moves: torch.Tensor, along: torch.Tensor) -> torch.Tensor:
            return (along.index_select(0, rows).view_as(signs) * signs).sum(1)

        return spread, gathered
    return lambda: projection(coordinates), lambda moves, along: autograd.grad(moves, coordinates, along)[0]


def _backpropagated(weights: Tensors, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, Tensors]:
    """Mean cross-entropy of labels y [n], and its gradients by the weights.

    Args:
        weights: matrix [outputs, inputs] and biases [outputs] of each dense layer, ReLU between them.
        x: inputs [n, ...], which are flattened.
    """
    import torch
    import torch.nn.functional as F

    aten = torch.ops.aten
    with torch.no_grad():
        inputs = [x.flatten(1)]
        for matrix, biases in zip(weights[:-2:2], weights[1:-2:2], strict=True):
            inputs.append(F.linear(inputs[-1], matrix, biases).relu_())
        logs = aten._log_softmax.default(F.linear(inputs[-1], *weights[-2:]), 1, False)
        how = None, MEAN, NOTHING_IGNORED
        loss, total = aten.nll_loss_forward.default(logs, y, *how)
        back = aten.nll_loss_backward.default(torch.ones_like(loss), logs, y, *how, total)
        back = aten._log_softmax_backward_data.default(back, logs, 1, logs.dtype)
        gradients: Tensors = []
        for i in reversed(range(len(inputs))):
            gradients += [back.sum(0), back.t().mm(inputs[i])]
            if i:
                back = aten.threshold_backward.default(back.mm(weights[2 * i]), inputs[i], 0)
        return loss, gradients[::-1]
