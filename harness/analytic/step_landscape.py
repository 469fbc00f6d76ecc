"""The loss along the step of a training with and without batch normalization, and how layers see each other.

What Santurkar et al. 2018 measure as training goes: losses and gradients at points along the step about to be
taken (their Section 3); the change of a layer's gradient when the layers before it have moved, their measure
of internal covariate shift (Definition 2.1); the distributions of layer inputs; and which learning rates can
be used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from harness.analytic.normalized_nets import Noise, NormalizedNets
from harness.analytic.scores import flat, require_increasing, require_positive
from harness.spec import Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from harness.analytic.normalized_nets import Floats
    from harness.data.split import Split


class NoisyBatch(NamedTuple):
    """Inputs [n, d], labels [n] or targets [n, outputs], and the noise of hidden layers, if any."""

    x: Floats
    y: NDArray[Any]
    noise: list[Noise] | None = None


class StepProfile(NamedTuple):
    """Losses and changes of the gradient at the points along one step, each [points].

    Attributes:
        losses: mean losses of the batch.
        changes: Euclidean distance of the gradient there from that at the start of the step.
        smoothness: the same over the distance moved.
    """

    losses: Floats
    changes: Floats
    smoothness: Floats


def landscape(
    nets: NormalizedNets, theta: Floats, gradient: Floats, moves: tuple[float, ...], batch: NoisyBatch
) -> StepProfile:
    """Losses and gradients at theta - move * gradient, for one network, theta and gradient [1, p].

    The smoothness is the paper's effective one: the change of the gradient in this direction only, which
    bounds the Lipschitz constant of the gradient from below.
    """
    import numpy as np

    along = np.asarray(moves, theta.dtype)[:, None]
    losses, there = nets.gradients(theta - along * gradient, *batch)
    changes = np.linalg.norm(there - gradient, axis=1)
    return StepProfile(losses, changes, changes / (along[:, 0] * np.linalg.norm(gradient)))


def covariate_shift(
    nets: NormalizedNets, theta: Floats, gradient: Floats, lr: float, batch: NoisyBatch
) -> tuple[Floats, Floats]:
    """Definition 2.1 for one network, theta and gradient [1, p], on the batch of the step.

    Returns:
        For each layer after the first, the gradient of its weights before and after all layers below it took
        their step: Euclidean distance and cosine, both [layers - 1].
    """
    import numpy as np

    starts, widths = nets.starts, nets.widths
    moved = np.repeat(theta, nets.depth - 1, axis=0)
    for i in range(1, nets.depth):
        moved[i - 1, : starts[i]] -= lr * gradient[0, : starts[i]]
    after = nets.gradients(moved, *batch)[1]
    distances, cosines = np.empty(nets.depth - 1), np.empty(nets.depth - 1)
    for i in range(1, nets.depth):
        weights = slice(starts[i], starts[i] + widths[i] * widths[i + 1])
        a, b = gradient[0, weights], after[i - 1, weights]
        distances[i - 1] = np.linalg.norm(b - a)
        cosines[i - 1] = a @ b / (np.linalg.norm(a) * np.linalg.norm(b))
    return distances, cosines


def input_shift(
    nets: NormalizedNets,
    x: Floats,
    before: tuple[Floats, list[Noise] | None],
    after: tuple[Floats, list[Noise] | None],
) -> float:
    """The movement of the distributions of layer inputs between two (weights [1, p], noise), for x [n, d].

    It is |change of mean| + |change of standard deviation| over x of every unit that enters a layer after the
    first, over its layer's mean standard deviation before; averaged over units and layers.
    """
    import numpy as np

    shifts = []
    passes = (nets.passes(theta, x, noise) for theta, noise in (before, after))
    for old, new in zip(*passes, strict=True):
        a, b = old.inputs[0], new.inputs[0]
        changes = np.abs(b.mean(0) - a.mean(0)) + np.abs(b.std(0) - a.std(0))
        shifts.append(float(changes.mean() / a.std(0).mean()))
    return float(np.mean(shifts[1:]))


def batches(n: int, size: int, steps: int, generator: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """Rows of each step's batch: epochs in random order, without what is left over at their ends."""
    taken = 0
    while taken < steps:
        order = generator.permutation(n)
        for begin in range(0, n - size + 1, size):
            if taken == steps:
                return
            yield order[begin : begin + size]
            taken += 1


class Descent(Value, frozen=True):
    """Gradient descent on batches, without momentum: what the solvers of this module have in common.

    Args:
        batch_norm, noisy: batch normalization in hidden layers, and noise after it.
        steps, batch: of the training.
        width, depth: of the hidden layers.
        variance: of the first weights, times a layer's inputs (``NormalizedNets``).

    Raises:
        ValueError: a number that is not positive.
    """

    batch_norm: bool = False
    noisy: bool = False
    steps: int = 200
    batch: int = 128
    width: int = 100
    depth: int = 8
    variance: float = 2.0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("steps", "batch", "width", "depth", "variance"):
            require_positive(type(self).__name__, name, getattr(self, name))

    def start(
        self, split: Split, generator: np.random.Generator
    ) -> tuple[NormalizedNets, Floats, NoisyBatch, Iterator[NoisyBatch]]:
        """The network, its first weights [1, p], all training images as a batch, and the steps' batches.

        Weights and batches are the same for all kinds of network, given generators of equal state.

        Raises:
            ValueError: fewer images than one batch has.
        """
        import numpy as np

        x, y = flat(split.x_train).astype(np.float32), split.y_train
        if len(y) < self.batch:
            raise ValueError(f"{type(self).__name__}(batch={self.batch}): there are {len(y)} images")
        widths = (x.shape[1], *[self.width] * self.depth, split.classes)
        nets = NormalizedNets(widths, self.batch_norm, variance=self.variance)
        order, noise = generator.spawn(2)

        def with_noise(rows: NDArray[np.int64]) -> NoisyBatch:
            return NoisyBatch(x[rows], y[rows], nets.noise(len(rows), noise) if self.noisy else None)

        steps = (with_noise(rows) for rows in batches(len(y), self.batch, self.steps, order))
        theta = nets.drawn(generator).astype(np.float32)
        return nets, theta, with_noise(np.arange(len(y))), steps


class AlongTheStep(Descent, frozen=True):
    """A training that looks along its step every few steps, at points the step's own learning rate apart.

    Results, of the last weights: ``train_loss`` and ``train_error`` on all training images as one batch.
    Medians over the steps looked at: ``loss_range``, largest less smallest loss along the step;
    ``gradient_change``, the largest along the step, and ``relative_change``, that over the size of the
    gradient; ``smoothness_median``, of the largest along the step; ``cosine`` and ``gradient_distance`` of
    ``covariate_shift``, averaged over layers; ``input_shift`` between the weights (and noise) before and
    after the step, on one fixed batch. ``smoothness_max``: the largest of all.
    By step looked at: ``loss``, ``loss_low``, ``loss_high``, ``change_low``, ``change_high``, ``relative``,
    ``smoothness``, ``cosines``, ``distances``.

    Args:
        lr: learning rate.
        every: steps between two looks, at least 2.
        moves: the points, in multiples of the step.
    """

    lr: float = 0.1
    every: int = 10
    moves: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive("AlongTheStep", "lr", self.lr)
        if self.every < 2:
            raise ValueError(f"AlongTheStep(every={self.every}): must be at least 2")
        require_increasing("AlongTheStep", "moves", self.moves)

    def solve(self, split: Split, generator: np.random.Generator) -> dict[str, Any]:
        """One training, with its looks."""
        import numpy as np

        nets, theta, everything, steps = self.start(split, generator)
        fixed = everything.x[: self.batch]
        looks: list[dict[str, float]] = []
        shifts: list[float] = []
        earlier: tuple[Floats, list[Noise] | None] = (theta, None)
        with np.errstate(all="ignore"):
            for i, batch in enumerate(steps):
                if i % self.every == 1:
                    shifts.append(input_shift(nets, fixed, earlier, (theta, batch.noise)))
                loss, gradient = nets.gradients(theta, *batch)
                if i % self.every == 0:
                    looks.append({"loss": float(loss[0])} | self._looked(nets, theta, gradient, batch))
                earlier = theta, batch.noise
                theta = theta - np.float32(self.lr) * gradient
            losses, errors = scored(nets, theta, everything)
        table = {name: np.array([look[name] for look in looks]) for name in looks[0]}
        ended = {"train_loss": float(losses[0]), "train_error": float(errors[0])}
        shift, smoothness = float(np.median(shifts)), float(np.median(table["smoothness"]))
        measures = summed_up(table) | {"smoothness_median": smoothness, "input_shift": shift}
        return ended | measures | table

    def _looked(
        self, nets: NormalizedNets, theta: Floats, gradient: Floats, batch: NoisyBatch
    ) -> dict[str, float]:
        import numpy as np

        points = tuple(move * self.lr for move in self.moves)
        seen = landscape(nets, theta, gradient, points, batch)
        distances, cosines = covariate_shift(nets, theta, gradient, self.lr, batch)
        size = float(np.linalg.norm(gradient))
        return {
            "loss_low": float(seen.losses.min()),
            "loss_high": float(seen.losses.max()),
            "change_low": float(seen.changes.min()),
            "change_high": float(seen.changes.max()),
            "relative": float(seen.changes.max()) / size,
            "smoothness": float(seen.smoothness.max()),
            "cosines": float(cosines.mean()),
            "distances": float(distances.mean()),
        }


def summed_up(table: dict[str, NDArray[Any]]) -> dict[str, float]:
    """One number for each measure of a training, from those of its looks, [looks] each."""
    import numpy as np

    return {
        "loss_range": float(np.median(table["loss_high"] - table["loss_low"])),
        "gradient_change": float(np.median(table["change_high"])),
        "relative_change": float(np.median(table["relative"])),
        "smoothness_max": float(table["smoothness"].max()),
        "cosine": float(np.median(table["cosines"])),
        "gradient_distance": float(np.median(table["distances"])),
    }


def scored(nets: NormalizedNets, theta: Floats, batch: NoisyBatch) -> tuple[Floats, Floats]:
    """Losses [R] and errors [R] of R networks; an example whose outputs are not finite is wrong."""
    import numpy as np

    outputs = nets.passes(theta, batch.x, batch.noise)[-1].outputs
    finite = np.isfinite(outputs).all(axis=2)
    right = finite & (outputs.argmax(axis=2) == batch.y)
    return nets.scored(outputs, batch.y)[0], 1.0 - right.mean(axis=1)


class AcrossRates(Descent, frozen=True):
    """The same training at several learning rates, side by side.

    Results, for each rate: ``loss_<rate>`` and ``error_<rate>`` on all training images as one batch, and as
    arrays [rates] ``losses`` and ``errors``; ``largest_rate``, the largest rate whose error is at most
    ``learnt`` (0 if none is); ``best_loss``, the smallest of the losses. An example whose outputs are not
    finite is wrong.

    Args:
        rates: in rising order.
        learnt: training error.
    """

    rates: tuple[float, ...] = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
    learnt: float = 0.2

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive("AcrossRates", "learnt", self.learnt)
        require_increasing("AcrossRates", "rates", self.rates)

    def solve(self, split: Split, generator: np.random.Generator) -> dict[str, Any]:
        """All trainings, from the same weights and on the same batches."""
        import numpy as np

        nets, theta, everything, steps = self.start(split, generator)
        theta = np.repeat(theta, len(self.rates), axis=0)
        rates = np.asarray(self.rates, np.float32)[:, None]
        with np.errstate(all="ignore"):
            for batch in steps:
                theta = theta - rates * nets.gradients(theta, *batch)[1]
            losses, errors = scored(nets, theta, everything)
        results: dict[str, Any] = {"losses": losses, "errors": errors}
        for rate, loss, error in zip(self.rates, losses, errors, strict=True):
            results |= {f"loss_{rate:g}": float(loss), f"error_{rate:g}": float(error)}
        results["best_loss"] = float(np.min(losses[np.isfinite(losses)], initial=np.inf))
        usable = [rate for rate, error in zip(self.rates, errors, strict=True) if error <= self.learnt]
        return results | {"largest_rate": max(usable, default=0.0)}


class Look(NamedTuple):
    """The loss at one step, and ``covariate_shift`` there, both [layers - 1]."""

    loss: float
    distances: Floats
    cosines: Floats


def deep_linear(
    generator: np.random.Generator,
    *,
    batch_norm: bool,
    lr: float,
    steps: int,
    every: int,
    layers: int = 25,
    width: int = 20,
    n: int = 100,
) -> dict[str, Any]:
    """Covariate shift in a deep linear net, all layers of one width, on all Gaussian examples at once.

    The targets are a random linear map of the inputs, of variance one each; the loss is that of
    ``NormalizedNets``.

    Returns:
        ``cosine`` and ``gradient_distance`` of ``covariate_shift``, averaged over layers, medians over looks;
        ``train_loss``, of the last weights; and by look ``loss``, ``cosines``, ``distances``.
    """
    import numpy as np

    nets = NormalizedNets((width,) * (layers + 1), batch_norm, linear=True, variance=1.0)
    theta = nets.drawn(generator)
    x = generator.standard_normal((n, width))
    batch = NoisyBatch(x, x @ generator.standard_normal((width, width)) / width**0.5)
    looks = []
    for i in range(steps):
        loss, gradient = nets.gradients(theta, *batch)
        if i % every == 0:
            looks.append(Look(float(loss[0]), *covariate_shift(nets, theta, gradient, lr, batch)))
        theta = theta - lr * gradient
    distances = np.array([look.distances.mean() for look in looks])
    cosines = np.array([look.cosines.mean() for look in looks])
    return {
        "cosine": float(np.median(cosines)),
        "gradient_distance": float(np.median(distances)),
        "train_loss": float(nets.losses(theta, *batch)[0]),
        "loss": [look.loss for look in looks],
        "cosines": cosines,
        "distances": distances,
    }
