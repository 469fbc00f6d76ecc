"""What single examples do while nets learn them: which are easy, which stay learnt, which matter to the loss.

Arpit et al. 2017: difficulty of examples (Section 3.1), loss sensitivity and its Gini coefficient
(Section 3.2), critical samples near decision boundaries (Section 4.1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.analytic.dense_nets import DenseNets, in_batches
from harness.analytic.scores import flattened
from harness.data.blocks import blocks
from harness.spec import Value

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from harness.data import Split

SCORED = 256  # examples whose logits by all nets are in memory at once
PUSH = 0.1  # step of the search for another prediction, and its noise, as shares of the box's radius


class EasyExamples(Value, frozen=True):
    """The share of nets, each of its own weights and order, that are right on an example after one epoch.

    If all examples were equally difficult, their numbers of hits would be binomial.

    Args:
        nets: how many.
        width, depth, lr, batch: of the nets and of SGD with momentum 0.9.
    """

    nets: int = 100
    width: int = 64
    depth: int = 2
    lr: float = 0.02
    batch: int = 32

    def solve(self, split: Split, generator: np.random.Generator) -> dict[str, Any]:
        """``variance_ratio`` to the binomial variance, ``always_right`` and ``always_wrong`` (shares), and
        ``hits`` [examples] in falling order, as shares of the nets."""
        import numpy as np

        x, y = flattened(split.x_train), split.y_train
        nets = DenseNets.drawn([x.shape[1], *[self.width] * self.depth, split.classes], self.nets, generator)
        orders = np.array([generator.permutation(len(y)) for _ in range(self.nets)])
        for places in blocks(len(y), self.batch):
            rows = orders[:, places]
            nets.step(x[rows], y[rows], self.lr)
        right = [nets.logits(x[rows]).argmax(axis=-1) == y[rows] for rows in blocks(len(y), SCORED)]
        hits = np.concatenate([part.mean(axis=0) for part in right])
        mean = hits.mean()
        binomial = mean * (1 - mean) / self.nets
        return {
            "variance_ratio": float(hits.var() / binomial),
            "mean_hits": float(mean),
            "always_right": float(np.mean(hits == 1)),
            "always_wrong": float(np.mean(hits == 0)),
            "hits": np.sort(hits)[::-1],
        }


class LearningOrder(Value, frozen=True):
    """One net's training, example by example.

    Args:
        epochs, width, depth, lr, batch: of the net and of SGD with momentum 0.9.
    """

    epochs: int = 40
    width: int = 64
    depth: int = 2
    lr: float = 0.02
    batch: int = 32

    def solve(self, split: Split, generator: np.random.Generator) -> dict[str, Any]:
        """``gini`` of the loss sensitivity; ``right_first`` and, ever since, ``right_always`` (shares).

        The loss sensitivity of an example is the l1 norm of its loss's gradient by its inputs, averaged
        over training. ``gini_so_far`` [epochs] is that of the average up to each epoch.
        """
        import numpy as np

        x, y = flattened(split.x_train), split.y_train
        nets = DenseNets.drawn([x.shape[1], *[self.width] * self.depth, split.classes], 1, generator)
        sensitivity, ginis = np.zeros(len(y)), []
        first = always = np.ones(len(y), bool)
        for epoch in range(self.epochs):
            for rows in in_batches(generator.permutation(len(y)), self.batch):
                sensitivity[rows] += np.abs(nets.step_felt(x[rows], y[rows], self.lr)[0]).sum(axis=1)
            right = nets.logits(x)[0].argmax(axis=1) == y
            first, always = first if epoch else right, always & right
            ginis.append(gini(sensitivity))
        return {
            "gini": ginis[-1],
            "right_first": float(first.mean()),
            "right_always": float(always.mean()),
            "train_error": float(np.mean(~right)),
            "gini_so_far": ginis,
        }


def gini(values: NDArray[Any]) -> float:
    """Gini coefficient of values [n] that are not negative: 0 if all are equal, (n - 1) / n if one has all.

    Raises:
        ValueError: a value is negative, or their sum is zero.
    """
    import numpy as np

    ordered = np.sort(np.asarray(values, np.float64))
    if ordered[0] < 0 or not ordered.sum() > 0:
        raise ValueError("a Gini coefficient needs values that are not negative, and one that is positive")
    n = len(ordered)
    weights = 2 * np.arange(1, n + 1) - n - 1
    return float((weights * ordered).sum() / (n * ordered.sum()))


class CriticalSamples(Value, frozen=True):
    """The share of images that have another prediction within a box of radius r around them.

    They are sought by projected gradient ascent on the loss of the net's own prediction, from a random
    point of the box: a lower bound on the share, as in Arpit et al., who search with Langevin noise (LASS).

    Args:
        radius: of the box (l-infinity), in units of the preprocessed images.
        steps: of the search, each of ``PUSH`` of the radius plus noise of the same size.
        images: test images searched around; None for all.
    """

    radius: float = 0.1
    steps: int = 20
    images: int | None = 500

    def measure(self, model: torch.nn.Module, split: Split) -> dict[str, float]:
        """``critical``: the share."""
        import torch
        import torch.nn.functional as F

        device = next(model.parameters()).device
        x = torch.from_numpy(split.x_test[: self.images]).to(device)
        # the search's own randomness: nets and images are the replicate's
        generator = torch.Generator().manual_seed(0)

        def noise() -> torch.Tensor:
            return (2 * torch.rand(x.shape, generator=generator) - 1).to(device)

        with torch.no_grad():
            predicted = model(x).argmax(1)
        critical = torch.zeros(len(x), dtype=torch.bool, device=device)
        moved = x + self.radius * noise()
        for _ in range(self.steps):
            moved.requires_grad_()
            logits = model(moved)
            critical |= logits.argmax(1) != predicted
            (slope,) = torch.autograd.grad(F.cross_entropy(logits, predicted, reduction="sum"), moved)
            with torch.no_grad():
                pushed = moved + PUSH * self.radius * (slope.sign() + noise())
                moved = x + (pushed - x).clamp(-self.radius, self.radius)
        with torch.no_grad():
            critical |= model(moved).argmax(1) != predicted
        return {"critical": float(critical.double().mean())}
