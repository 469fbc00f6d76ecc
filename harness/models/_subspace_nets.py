"""The module of a net in a random subspace of its weights, and the three projections.

A projection maps coordinates [d] to weights [D]. All it needs are buffers, so it travels with the weights.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from harness.models._curve_nets import held

RADIX = 6
"""Walsh-Hadamard transforms run along axes of at most 2^6, as products of matrices: few large steps."""
STEP = "hadamard_"
"""The matrix of a step, with its radix: a buffer that no record keeps, as it is the same for all."""


class Projection(nn.Module):
    """A linear map of coordinates [dimension] to weights [whole]."""

    def __init__(self, whole: int, dimension: int) -> None:
        super().__init__()
        self.whole, self.dimension = whole, dimension


class SubspaceNet(nn.Module):
    """A net at theta0 + P t; theta0 and P are buffers, t (``coordinates``) is the one parameter."""

    def __init__(self, module: nn.Module, projection: Projection) -> None:
        super().__init__()
        self.parts = [(name, parameter.shape) for name, parameter in module.named_parameters()]
        self.net, self.projection = held(module), projection
        self.coordinates = nn.Parameter(torch.zeros(projection.dimension))

    def forward(self, x: Tensor) -> Tensor:
        moves = self.projection(self.coordinates).split([shape.numel() for _, shape in self.parts])
        weights = {
            name: self.net.get_buffer(name) + move.view(shape)
            for (name, shape), move in zip(self.parts, moves, strict=True)
        }
        logits: Tensor = functional_call(self.net, weights, (x,))
        return logits


class Dense(Projection):
    """Gaussian columns of norm one; takes 4 d D bytes."""

    matrix: Tensor

    def __init__(self, whole: int, dimension: int, generator: np.random.Generator) -> None:
        super().__init__(whole, dimension)
        draws = generator.standard_normal((whole, dimension), dtype=np.float32)
        self.register_buffer("matrix", torch.from_numpy(draws / np.linalg.norm(draws, axis=0)))

    def forward(self, coordinates: Tensor) -> Tensor:
        return self.matrix @ coordinates


class Sparse(Projection):
    """round(sqrt(D)) entries of +-1 / sqrt(their number) in every column."""

    rows: Tensor
    signs: Tensor

    def __init__(self, whole: int, dimension: int, generator: np.random.Generator) -> None:
        super().__init__(whole, dimension)
        entries = max(1, round(math.sqrt(whole)))
        rows = [generator.choice(whole, entries, replace=False, shuffle=False) for _ in range(dimension)]
        signs = generator.choice((-1.0, 1.0), (dimension, entries)) / math.sqrt(entries)
        self.register_buffer("rows", torch.from_numpy(np.array(rows)))
        self.register_buffer("signs", torch.from_numpy(signs.astype(np.float32)))

    def forward(self, coordinates: Tensor) -> Tensor:
        moves = (self.signs * coordinates[:, None]).flatten()
        return moves.new_zeros(self.whole).index_add(0, self.rows.flatten(), moves)


class Fastfood(Projection):
    """The first d columns and D rows of H G Pi H B (Le, Sarlos, Smola 2013), scaled to norm one on average.

    H is the Walsh-Hadamard matrix of the least power of two N >= D, B has random signs and G normal numbers
    on the diagonal, Pi permutes. Of all N rows every column would have the same norm.
    """

    signs: Tensor
    order: Tensor
    diagonal: Tensor

    def __init__(self, whole: int, dimension: int, generator: np.random.Generator) -> None:
        super().__init__(whole, dimension)
        self.rows = 1 << (whole - 1).bit_length()
        signs = generator.choice((-1.0, 1.0), dimension).astype(np.float32)
        diagonal = generator.standard_normal(self.rows, dtype=np.float32)
        diagonal /= math.sqrt(whole) * np.linalg.norm(diagonal)
        self.register_buffer("signs", torch.from_numpy(signs))
        self.register_buffer("order", torch.from_numpy(generator.permutation(self.rows)))
        self.register_buffer("diagonal", torch.from_numpy(diagonal))
        self.steps = steps_of(self.rows)
        for step in set(self.steps):
            self.register_buffer(f"{STEP}{step}", hadamard(step), persistent=False)

    def forward(self, coordinates: Tensor) -> Tensor:
        matrices = [self.get_buffer(f"{STEP}{step}") for step in self.steps]
        padded = nn.functional.pad(self.signs * coordinates, (0, self.rows - self.dimension))
        mixed = walsh_hadamard(padded, matrices).index_select(0, self.order)
        return walsh_hadamard(self.diagonal * mixed, matrices)[: self.whole]


def steps_of(length: int) -> list[int]:
    """The radices by which a transform of 2^k numbers is taken, as powers of two."""
    rest = length.bit_length() - 1
    return [RADIX] * (rest // RADIX) + [rest % RADIX] * bool(rest % RADIX)


def walsh_hadamard(x: Tensor, matrices: Sequence[Tensor]) -> Tensor:
    """The unnormalised Walsh-Hadamard transform of x [2^k], rows in Hadamard's order.

    Args:
        matrices: those of its steps, as ``steps_of`` names them.
    """
    length = x.numel()
    for matrix in matrices:
        # the last axis is transformed and goes to the front, until all have been
        x = (x.reshape(-1, len(matrix)) @ matrix).T
    return x.reshape(length)


def hadamard(k: int) -> Tensor:
    """The Hadamard matrix of side 2^k by Sylvester's construction, float32."""
    matrix = torch.ones((1, 1))
    for _ in range(k):
        matrix = torch.cat((torch.cat((matrix, matrix), 1), torch.cat((matrix, -matrix), 1)))
    return matrix
