"""What networks have learnt from random labels: what others can learn of it, and how fast they train on.

Maennel et al. 2020: the covariance of first-layer weights aligns with that of the inputs, and a network that
was trained on random labels of some images trains faster on others. A network that fits random labels is a
function as well, which a second one can be taught by its answers to fresh images.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from harness.analytic.dense_nets import DenseLayer, DenseNets, in_batches
from harness.analytic.scores import flattened
from harness.spec import Value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from harness.data import Split

    Floats: TypeAlias = NDArray[Any]
    Labels: TypeAlias = NDArray[np.int64]

RATE, BATCH = 0.02, 25
"""Of descent with momentum 0.9, where nothing else is said; calibrated on 8x8 digits."""


def errors_along(
    nets: DenseNets,
    x: Floats,
    y: Labels,
    epochs: int,
    generator: np.random.Generator,
    *,
    rate: float = RATE,
    batch: int = BATCH,
    until_fitted: bool = False,
) -> Floats:
    """Train all networks on the same batches, and return their training errors [epochs trained, nets].

    Args:
        until_fitted: end as soon as no network errs.
    """
    import numpy as np

    errors = []
    for _ in range(epochs):
        for rows in in_batches(generator.permutation(len(y)), batch):
            nets.step(x[rows], y[rows], rate)
        errors.append(wrong(nets, x, y))
        if until_fitted and not errors[-1].any():
            break
    return np.array(errors).reshape(-1, len(nets.layers[0].weight))


def wrong(nets: DenseNets, x: Floats, y: Labels) -> Floats:
    """The share of examples on which each network errs [nets]."""
    shares: Floats = (nets.logits(x).argmax(axis=2) != y).mean(axis=1)
    return shares


class Taught(Value, frozen=True):
    """A network that learns what another says of fresh images, where that one has fitted random labels.

    Args:
        width, depth: of the hidden layers of both.
        shown: training images whose labels the teacher fits; all others are the student's.
        teacher: "net", which answers for the student's images and the test images, or "table", which has
            a random label of its own for each of them.
        epochs, lessons: budgets of teacher and student; they end once they err no more.
        rate, batch: of both.

    Raises:
        ValueError: ``teacher`` is neither.
    """

    width: int = 128
    depth: int = 1
    shown: int = 200
    teacher: str = "net"
    epochs: int = 300
    lessons: int = 100
    rate: float = RATE
    batch: int = BATCH

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.teacher not in ("net", "table"):
            raise ValueError(f'Taught(teacher={self.teacher!r}): use "net" or "table"')

    def solve(self, split: Split, generator: np.random.Generator) -> dict[str, Any]:
        """What the student has learnt, on test images that neither has seen.

        Returns:
            ``disagreement``, the share of the test images on which it does not say what its teacher says;
            ``guessing``, what always saying the teacher's most frequent answer would leave;
            ``teacher_error`` on the labels that it was shown; ``student_error`` on the answers that it was
            taught by.

        Raises:
            ValueError: there are no images left for the student.
        """
        import numpy as np

        x, x_test = flattened(split.x_train), flattened(split.x_test)
        if self.shown >= len(x):
            raise ValueError(f"Taught(shown={self.shown}): of {len(x)} images some must be the student's")
        widths = (x.shape[1], *[self.width] * self.depth, split.classes)
        teacher, student = (DenseNets.drawn(widths, 1, generator) for _ in range(2))
        how: dict[str, Any] = {"rate": self.rate, "batch": self.batch}
        seen, labels, fresh = x[: self.shown], split.y_train[: self.shown], x[self.shown :]
        errors_along(teacher, seen, labels, self.epochs, generator, **how, until_fitted=True)
        said, expected = (teacher.logits(z)[0].argmax(axis=1) for z in (fresh, x_test))
        if self.teacher == "table":
            said = split.y_train[self.shown :]
            expected = generator.integers(split.classes, size=len(x_test))
        errors_along(student, fresh, said, self.lessons, generator, **how, until_fitted=True)
        most = np.bincount(said, minlength=split.classes).argmax()
        return {
            "disagreement": float(wrong(student, x_test, expected)[0]),
            "guessing": float(np.mean(expected != most)),
            "teacher_error": float(wrong(teacher, seen, labels)[0]),
            "student_error": float(wrong(student, fresh, said)[0]),
        }


ARMS = ("scratch", "pretrained", "rescaled", "scattered", "scattered_rescaled")
"""Where a network starts: see ``starts``."""


def starts(
    first: Sequence[DenseLayer], ended: Sequence[DenseLayer], generator: np.random.Generator
) -> DenseNets:
    """Networks at the starts of ``ARMS``, side by side.

    They are the first weights; those that the first training ended at; these with each layer's weights scaled
    to the norm that it had at first, and its first biases; and both once more with each layer's weights in a
    random order: as large, with nothing learnt.
    """
    import numpy as np

    arms = []
    for a, b in zip(first, ended, strict=True):
        scale = np.linalg.norm(a.weight) / np.linalg.norm(b.weight)
        mixed = generator.permutation(b.weight.ravel()).reshape(b.weight.shape)
        weights = [a.weight, b.weight, b.weight * scale, mixed, mixed * scale]
        biases = [a.bias, b.bias, a.bias, b.bias, a.bias]
        arms.append(DenseLayer(np.concatenate(weights), np.concatenate(biases)))
    return DenseNets(arms)


class Transfer(Value, frozen=True):
    """How fast a network trains on half of the images that was trained on random labels of the other half.

    Args:
        width, depth: of the hidden layers.
        upstream: the budget of epochs on the first half, which end once all its labels are fitted.
        random_epochs, true_epochs: over which training errors on the second half are averaged, with random
            labels of its own and with true ones.
        rate, batch: of all trainings.
    """

    width: int = 128
    depth: int = 2
    upstream: int = 200
    random_epochs: int = 25
    true_epochs: int = 3
    rate: float = RATE
    batch: int = BATCH

    def solve(self, split: Split, generator: np.random.Generator) -> dict[str, Any]:
        """The labels of the split's training images must be random.

        Returns:
            For each arm, as ``random_<arm>`` and ``true_<arm>``, the mean training error over the epochs of
            the second training, and as ``random_<arm>_curve`` and ``true_<arm>_curve`` the error after each;
            ``upstream_error``, that of the first training in the end; ``grown``, how many times as large the
            weights of all layers together have become by it.
        """
        import numpy as np

        x, half = flattened(split.x_train), len(split.y_train) // 2
        how: dict[str, Any] = {"rate": self.rate, "batch": self.batch}
        first = DenseNets.drawn((x.shape[1], *[self.width] * self.depth, split.classes), 1, generator)
        ended = first.copy()
        before = x[:half], split.y_train[:half]
        errors_along(ended, *before, self.upstream, generator, **how, until_fitted=True)
        arms = starts(first.layers, ended.layers, generator)
        norms = [sum(float(np.sum(a.weight**2)) for a in net.layers) ** 0.5 for net in (first, ended)]
        result: dict[str, Any] = {
            "upstream_error": float(wrong(ended, *before)[0]),
            "grown": norms[1] / norms[0],
        }
        for kind, labels, epochs in (
            ("random", split.y_train, self.random_epochs),
            ("true", split.y_true, self.true_epochs),
        ):
            errors = errors_along(arms.copy(), x[half:], labels[half:], epochs, generator, **how)
            for arm, curve in zip(ARMS, errors.T, strict=True):
                result[f"{kind}_{arm}"] = float(curve.mean())
                result[f"{kind}_{arm}_curve"] = curve.tolist()
        return result


def misalignment(covariance: Floats, basis: Floats) -> float:
    """How far a basis is from eigenvectors of a covariance: 0 if it consists of them, 1 at the most.

    Of the squares of the covariance's entries in the basis, less the mean of its diagonal, the share that is
    off the diagonal.

    Args:
        covariance: symmetric, [d, d], no multiple of the identity.
        basis: orthonormal columns [d, d].
    """
    import numpy as np

    size = len(covariance)
    turned = basis.T @ (covariance - np.trace(covariance) / size * np.eye(size)) @ basis
    return float(1 - np.sum(np.diag(turned) ** 2) / np.sum(turned**2))


class Alignment(Value, frozen=True):
    """Whether the weights of a first layer share the eigenvectors of the inputs' covariance.

    Args:
        width: units of the one hidden layer.
        epochs: the budget; training ends once all labels are fitted.
        rate, batch: of the training.
    """

    width: int = 512
    epochs: int = 200
    rate: float = RATE
    batch: int = 50

    def solve(self, split: Split, generator: np.random.Generator) -> dict[str, Any]:
        """``misalignment`` of the weights' covariance and the inputs' eigenvectors, after training.

        Returns:
            ``misaligned``; ``untrained``, the same before training; ``turned``, that of the trained weights
            and a random basis; ``train_error``.
        """
        import numpy as np

        x, y = flattened(split.x_train), split.y_train
        basis = np.linalg.eigh(np.cov(x.T.astype(np.float64)))[1]
        random = np.linalg.qr(generator.standard_normal(basis.shape))[0]
        net = DenseNets.drawn((x.shape[1], self.width, split.classes), 1, generator)
        before = second_moments(net)
        errors_along(net, x, y, self.epochs, generator, rate=self.rate, batch=self.batch, until_fitted=True)
        after = second_moments(net)
        return {
            "misaligned": misalignment(after, basis),
            "untrained": misalignment(before, basis),
            "turned": misalignment(after, random),
            "train_error": float(wrong(net, x, y)[0]),
        }


def second_moments(nets: DenseNets) -> Floats:
    """Second moments [inputs, inputs] of the first network's first-layer weights over its units, float64."""
    import numpy as np

    weight = nets.layers[0].weight[0].astype(np.float64)
    moments: Floats = weight @ weight.T / weight.shape[1]
    return moments
