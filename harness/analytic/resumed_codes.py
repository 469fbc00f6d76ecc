"""Codes by dense nets and by their posteriors, from the batch at which their training was stopped."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from harness.analytic import variational as posteriors
from harness.analytic.dense_nets import DenseLayer, DenseNets, in_batches, log_probabilities, surplus
from harness.analytic.description_length import (
    HELD_OUT,
    WEIGHT_BITS,
    Net,
    Prequential,
    TwoPart,
    _against_uniform,
    uniform_bits,
)
from harness.analytic.resuming import Between, Halfway, Keeping, Parts, set_back, state_of, under, within
from harness.analytic.scores import flattened
from harness.analytic.variational import Posterior, PosteriorUpdate, Variational
from harness.spec.contracts import Weights
from harness.spec.splits import Split

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Epochs:
    """Batches of epochs in random order, from where they were left, each a part.

    Args:
        generator: draws the order of each epoch; it is set back to where a checkpoint left it.
        rows: what is put in order; a number stands for so many.
        size: rows of a batch; epochs: how many at most.
        held: what a checkpoint keeps of this; empty for the beginning.

    Attributes:
        epoch: the one under way.
    """

    def __init__(
        self,
        generator: np.random.Generator,
        rows: NDArray[np.int64] | int,
        size: int,
        epochs: int,
        held: Weights,
    ) -> None:
        self.generator, self.rows, self.size, self.epochs = generator, rows, size, epochs
        self.epoch = self._place = 0
        self._order: NDArray[np.int64] | None = None
        if held:
            self.epoch, self._place = (int(number) for number in held["epoch, batch"])
            self._order = held["order"]
            set_back(generator, held["generator"])

    def __iter__(self) -> Iterator[Iterator[NDArray[np.int64]]]:
        """The batches of each epoch that is left."""
        while self.epoch < self.epochs:
            if self._order is None:
                self._order = self.generator.permutation(self.rows)
            yield self._batches(self._order)
            self._order, self._place = None, 0
            self.epoch += 1

    def _batches(self, order: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
        pieces = in_batches(order, self.size)
        while self._place < len(pieces):
            yield pieces[self._place]
            self._place += 1

    def kept(self) -> dict[str, np.ndarray]:
        """What a checkpoint keeps before the batch just given."""
        import numpy as np

        assert self._order is not None, "a batch was given"
        place = np.array([self.epoch, self._place])
        return {"epoch, batch": place, "order": self._order, "generator": state_of(self.generator)}


def prequential(
    solver: Prequential, split: Split, generator: np.random.Generator, begun: Halfway | None, between: Between
) -> dict[str, Any]:
    """What ``Prequential.solve`` gives; parts are steps of the nets' trainings."""
    import numpy as np

    x, y = flattened(split.x_train), split.y_train
    ends = solver.ends(len(y))
    held = begun.arrays if begun else {}
    bits = held["bits"].tolist() if held else [uniform_bits(ends[0], split.classes)]
    parameters = int(held["parameters"]) if held else 0
    parts, within_block = Parts(begun, between), within("net: ", held)

    def before() -> Weights:
        return {"bits": np.array(bits), "parameters": np.array(parameters)}

    for begin, end in list(pairwise(ends))[len(bits) - 1 :]:
        training = _NetTraining(solver.net, (x[:begin], y[:begin]), split.classes, generator, within_block)
        nets = training.fitted(parts, before)
        bits.append(bits[-1] + solver.net.bits(nets, x[begin:end], y[begin:end]))
        parameters, within_block = nets.parameters, {}
    length = _against_uniform(bits[-1], split)
    return {**length, "parameters": parameters, "ends": ends, "bits_so_far": bits}


def two_part(
    solver: TwoPart, split: Split, generator: np.random.Generator, begun: Halfway | None, between: Between
) -> dict[str, Any]:
    """What ``TwoPart.solve`` gives; parts are steps of the net's training."""
    import numpy as np

    x, y = flattened(split.x_train), split.y_train
    held = within("net: ", begun.arrays) if begun else {}
    nets = _NetTraining(solver.net, (x, y), split.classes, generator, held).fitted(
        Parts(begun, between), dict
    )
    label_bits = solver.net.bits(nets, x, y)
    wrong = nets.logits(flattened(split.x_test))[0].argmax(axis=1) != split.y_test
    length = _against_uniform(WEIGHT_BITS * nets.parameters + label_bits, split)
    return {
        **length,
        "parameters": nets.parameters,
        "label_bits": label_bits,
        "test_error": float(np.mean(wrong)),
    }


class _NetTraining:
    """The training of a net for a code, as ``Net.fitted`` has it.

    Args:
        labelled: images [n, d] and their labels [n].
        held: what a checkpoint keeps of it; empty for the beginning.
    """

    def __init__(
        self,
        net: Net,
        labelled: tuple[NDArray[Any], NDArray[Any]],
        classes: int,
        generator: np.random.Generator,
        held: Weights,
    ) -> None:
        (self.x, self.y), self.net = labelled, net
        self.order = held["first order"] if held else generator.permutation(len(self.y))
        if held:
            self.nets = DenseNets(_layers(within("layer ", held)), _layers(within("velocity ", held)))
            self.best, self.lowest = DenseNets(_layers(within("best ", held))), float(held["lowest"])
        else:
            widths = [self.x.shape[1], *[net.width] * net.depth, classes]
            self.nets = DenseNets.drawn(widths, 1, generator)
            self.best, self.lowest = self.nets.copy(), math.inf
        self.stale = int(held["stale"]) if held else 0
        waiting = max(1, round(HELD_OUT * len(self.y)))
        self.waiting, seen = self.order[:waiting], self.order[waiting:]
        self.epochs = Epochs(generator, seen, net.batch, net.epochs, within("epochs: ", held))

    def fitted(self, parts: Parts, before: Keeping) -> DenseNets:
        """The net after the epoch with the shortest code for the labels that are held out.

        Args:
            before: what a checkpoint keeps beside the training.
        """
        net, x, y, waiting = self.net, self.x, self.y, self.waiting
        for batches in self.epochs:
            for rows in batches:
                parts.begins(lambda: {**before(), **under("net: ", self._kept())})
                self.nets.step(x[rows], y[rows], net.lr)
            bits = net.bits(self.nets, x[waiting], y[waiting])
            shorter = bits < self.lowest
            self.stale = 0 if shorter else self.stale + 1
            if shorter:
                self.best, self.lowest = self.nets.copy(), bits
            if self.stale == net.patience:
                break
        return self.best

    def _kept(self) -> Weights:
        import numpy as np

        return {
            "first order": self.order,
            "lowest": np.array(self.lowest),
            "stale": np.array(self.stale),
            **under("epochs: ", self.epochs.kept()),
            **under("layer ", _arrays(self.nets.layers)),
            **under("velocity ", _arrays(self.nets.velocities)),
            **under("best ", _arrays(self.best.layers)),
        }


def _arrays(layers: Sequence[DenseLayer]) -> dict[str, np.ndarray]:
    return {f"{i} {name}": array for i, layer in enumerate(layers) for name, array in layer._asdict().items()}


def _layers(held: Weights) -> list[DenseLayer]:
    count = len(held) // len(DenseLayer._fields)
    return [DenseLayer(held[f"{i} weight"], held[f"{i} bias"]) for i in range(count)]


def variational(
    solver: Variational, split: Split, generator: np.random.Generator, begun: Halfway | None, between: Between
) -> dict[str, Any]:
    """What ``Variational.solve`` gives; parts are steps of the training, then draws of all labels."""
    import numpy as np

    x, y = flattened(split.x_train), split.y_train
    parts, held = Parts(begun, between), begun.arrays if begun else {}
    training = _Posteriors(solver, split, generator, held)
    layers, nats, drawn = training.layers, 0.0, 0
    if "drawn" in held:
        nats, drawn = float(held["nats"]), int(held["drawn"])
        set_back(generator, held["generator"])
    else:
        training.go(parts, x, y)

    def kept() -> Weights:
        numbers = {"nats": np.array(nats), "drawn": np.array(drawn), "generator": state_of(generator)}
        return {**training.kept(), **numbers}

    while drawn < solver.draws:
        parts.begins(kept)
        logs = log_probabilities(posteriors.sampled(layers, x, generator)[0])
        nats -= float(logs[np.arange(len(y)), y].astype(np.float64).sum()) / solver.draws
        drawn += 1
    weight_nats = sum(posteriors.divergence(layer)[0] for layer in layers)
    weight_bits = weight_nats / math.log(2) + WEIGHT_BITS * len(layers)
    bits = weight_bits + nats / math.log(2)
    return {
        "bits": bits,
        "ratio": bits / uniform_bits(len(y), split.classes),
        "weight_bits": weight_bits,
        "parameters": sum(layer.mean.size for layer in layers),
        "test_error": posteriors._error_at_means(layers, split),
    }


class _Posteriors:
    """The posteriors and their training, as ``Variational`` has it.

    Args:
        held: what a checkpoint keeps of it; empty for the beginning.
    """

    def __init__(
        self, solver: Variational, split: Split, generator: np.random.Generator, held: Weights
    ) -> None:
        import numpy as np

        self.solver, self.generator = solver, generator
        self.layers: list[Posterior] = []
        inputs = flattened(split.x_train).shape[1]
        for a, b in pairwise([inputs, *[solver.width] * solver.depth, split.classes]):
            mean = (2 * generator.random((a + 1, b), dtype=np.float32) - 1) / np.float32(math.sqrt(a))
            self.layers.append(Posterior(mean, np.full((a + 1, b), posteriors.NARROW, np.float32)))
        self.update = PosteriorUpdate([array for layer in self.layers for array in layer], solver.lr)
        if held:
            self.update.steps = int(held["steps"])
            for i, pair in enumerate(
                zip(self.update.arrays, *zip(*self.update.moments, strict=True), strict=True)
            ):
                for name, array in zip(("array", "first", "second"), pair, strict=True):
                    array[:] = held[f"{name} {i}"]
        rows = len(split.y_train)
        epochs_held = within("epochs: ", held)
        self.epochs = Epochs(generator, rows, solver.batch, solver.epochs, epochs_held)

    def go(self, parts: Parts, x: NDArray[Any], y: NDArray[Any]) -> None:
        """Train on images x [n, d] with labels y [n], to the end."""
        import numpy as np

        solver, layers = self.solver, self.layers
        for batches in self.epochs:
            weight = np.float32(min(1.0, (self.epochs.epoch + 1) / solver.warm_up))
            for rows in batches:
                parts.begins(lambda: {**self.kept(), **under("epochs: ", self.epochs.kept())})
                logits, passes = posteriors.sampled(layers, x[rows], self.generator)
                share = np.float32(len(rows) / len(y))
                slopes = posteriors.gradients(layers, passes, surplus(logits[None], y[rows])[0])
                priors = [posteriors.divergence(layer)[1] for layer in layers]
                pairs = (
                    pair for both in zip(slopes, priors, strict=True) for pair in zip(*both, strict=True)
                )
                self.update.step([slope + weight * share * prior for slope, prior in pairs])

    def kept(self) -> dict[str, np.ndarray]:
        """What a checkpoint keeps beside the place in the epochs."""
        import numpy as np

        kept = {"steps": np.array(self.update.steps)}
        for i, (array, moments) in enumerate(zip(self.update.arrays, self.update.moments, strict=True)):
            kept |= {f"array {i}": array, f"first {i}": moments[0], f"second {i}": moments[1]}
        return kept
