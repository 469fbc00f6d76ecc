"""Codes for labels given images, in bits (Blier and Ollivier 2018, Section 3).

Sender and receiver share the images and the learning algorithm. The uniform code spends log2 K bits on each
label. A two-part code sends a net's weights, then the labels by its probabilities. A variational code
sends weights only as precisely as their posterior is narrow (bits back). A prequential code sends no weights
at all: it trains on the labels sent so far and codes the next ones with that net.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from harness.analytic.dense_nets import DenseNets, in_batches, log_probabilities
from harness.analytic.scores import flattened
from harness.spec import Value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from harness.data import Split

WEIGHT_BITS = 32
"""Bits of a weight that is sent as it is: a float32."""
HELD_OUT = 0.1
"""Share of the labels sent so far on which a net is stopped early."""


def uniform_bits(labels: int, classes: int) -> float:
    """The length in bits of the uniform code for a number of labels."""
    return labels * math.log2(classes)


class Net(Value, frozen=True):
    """A fully connected net and how it is trained for a code.

    Args:
        width, depth: of the hidden layers; depth 0 is a linear model.
        lr, batch: of SGD with momentum 0.9.
        epochs: budget; training ends earlier after ``patience`` epochs without progress on held-out labels.
        mixing: share of the uniform distribution in what the net says, without which a confident error
            can cost any number of bits.
    """

    width: int = 64
    depth: int = 2
    lr: float = 0.05
    batch: int = 32
    epochs: int = 100
    patience: int = 5
    mixing: float = 1e-3

    def fitted(
        self, x: NDArray[Any], y: NDArray[Any], classes: int, generator: np.random.Generator
    ) -> DenseNets:
        """The net after the epoch with the shortest code for a tenth of the labels, which is held out."""
        order = generator.permutation(len(y))
        held = max(1, round(HELD_OUT * len(y)))
        waiting, seen = order[:held], order[held:]
        nets = DenseNets.drawn([x.shape[1], *[self.width] * self.depth, classes], 1, generator)
        best, lowest, stale = nets.copy(), math.inf, 0
        for _ in range(self.epochs):
            for rows in in_batches(generator.permutation(seen), self.batch):
                nets.step(x[rows], y[rows], self.lr)
            bits = self.bits(nets, x[waiting], y[waiting])
            best, lowest, stale = (nets.copy(), bits, 0) if bits < lowest else (best, lowest, stale + 1)
            if stale == self.patience:
                break
        return best

    def bits(self, nets: DenseNets, x: NDArray[Any], y: NDArray[Any]) -> float:
        """The length in bits of the labels' code by the net's probabilities, mixed with uniform ones."""
        import numpy as np

        logs = log_probabilities(nets.logits(x).astype(np.float64)[0])
        said = np.exp(logs[np.arange(len(y)), y])
        return float(-np.log2((1 - self.mixing) * said + self.mixing / logs.shape[1]).sum())


class Prequential(Value, frozen=True):
    """Labels in blocks of growing size, each coded by a net trained afresh on all before it.

    Args:
        net: the net.
        first: labels of the first block, which is coded uniformly.
        growth: each block ends at this factor of the one before.
    """

    net: Net = Net()
    first: int = 50
    growth: float = 1.7

    def ends(self, labels: int) -> list[int]:
        """The number of labels sent by the end of each block."""
        ends = [min(self.first, labels)]
        while ends[-1] < labels:
            ends.append(min(labels, math.ceil(ends[-1] * self.growth)))
        return ends

    def solve(self, split: Split, generator: np.random.Generator) -> dict[str, Any]:
        """``bits``, ``ratio`` to the uniform code, ``parameters``; per block ``ends``, ``bits_so_far``."""
        x, y = flattened(split.x_train), split.y_train
        ends = self.ends(len(y))
        bits, parameters = [uniform_bits(ends[0], split.classes)], 0
        for begin, end in pairwise(ends):
            nets = self.net.fitted(x[:begin], y[:begin], split.classes, generator)
            bits.append(bits[-1] + self.net.bits(nets, x[begin:end], y[begin:end]))
            parameters = nets.parameters
        length = _against_uniform(bits[-1], split)
        return {**length, "parameters": parameters, "ends": ends, "bits_so_far": bits}


class TwoPart(Value, frozen=True):
    """All weights as float32, then the labels by the net trained on them."""

    net: Net = Net()

    def solve(self, split: Split, generator: np.random.Generator) -> dict[str, Any]:
        """``bits``, ``ratio`` to the uniform code, ``parameters``, ``label_bits``, ``test_error``."""
        import numpy as np

        x, y = flattened(split.x_train), split.y_train
        nets = self.net.fitted(x, y, split.classes, generator)
        label_bits = self.net.bits(nets, x, y)
        wrong = nets.logits(flattened(split.x_test))[0].argmax(axis=1) != split.y_test
        length = _against_uniform(WEIGHT_BITS * nets.parameters + label_bits, split)
        return {
            **length,
            "parameters": nets.parameters,
            "label_bits": label_bits,
            "test_error": float(np.mean(wrong)),
        }


def _against_uniform(bits: float, split: Split) -> dict[str, Any]:
    """The length of a code of the training labels in bits, and its ratio to that of the uniform code."""
    return {"bits": bits, "ratio": bits / uniform_bits(len(split.y_train), split.classes)}
