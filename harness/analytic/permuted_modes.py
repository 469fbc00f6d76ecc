"""Two trainings of one network, and the straight line between them after the units of one are reordered.

Ainsworth, Hayase and Srinivasa 2022 (Git Re-Basin): the order of the units of a hidden layer is arbitrary, so
that one function has many weights. Their weight matching reorders the second network's units, layer by layer,
such that the sum of products of its weights with the first's is largest, until no layer changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from harness.analytic.full_batch import Network
from harness.analytic.scores import flat, require_positive
from harness.spec import Value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from harness.data.split import Split

    Floats: TypeAlias = NDArray[np.float64]
    Orders: TypeAlias = list[NDArray[np.int64]]

ORDERS = ("matched", "matched at the start", "random", "kept")
PLACES = 11
"""Points on the straight line at which the loss is read, its ends among them."""


def permuted(net: Network, theta: Floats, orders: Orders) -> Floats:
    """The weights [p] with the units of each hidden layer in the order asked for: the same function.

    Args:
        orders: one for each hidden layer, [units]: which unit stands at each place.
    """
    import numpy as np

    moved = np.empty_like(theta)
    parts, layers = net.layers(moved), net.layers(theta)
    ends = [np.arange(net.widths[0]), *orders, np.arange(net.widths[-1])]
    for part, layer, before, after in zip(parts, layers, ends, ends[1:], strict=False):
        part.matrix[:] = layer.matrix[before][:, after]
        part.biases[:] = layer.biases[after]
    return moved


def matching(net: Network, first: Floats, second: Floats, generator: np.random.Generator) -> Orders:
    """Orders of the second's units by which its weights fit the first's best (Algorithm 1: a fixed point).

    Layers are taken in random order, each by a linear assignment with the others' orders fixed, until a round
    changes nothing. The sum of products never falls, so that the rounds end.
    """
    import numpy as np
    from scipy.optimize import linear_sum_assignment

    orders: Orders = [np.arange(width) for width in net.widths[1:-1]]
    ones, twos = net.layers(first), net.layers(second)
    changed = True
    while changed:
        changed = False
        ends = [np.arange(net.widths[0]), *orders, np.arange(net.widths[-1])]
        for i in generator.permutation(len(orders)):
            fits = ones[i].matrix.T @ twos[i].matrix[ends[i]] + np.outer(ones[i].biases, twos[i].biases)
            fits += ones[i + 1].matrix @ twos[i + 1].matrix[:, ends[i + 2]].T
            order = linear_sum_assignment(fits, maximize=True)[1]
            here = np.arange(len(order))
            if fits[here, order].sum() > fits[here, ends[i + 1]].sum() + 1e-9:  # ties would go on for ever
                changed, ends[i + 1], orders[i] = True, order, order
    return orders


class PermutedModes(Value, frozen=True):
    """Train one network twice from independent starts, and read the loss on the line between the two.

    Trainings are by stochastic gradient descent with momentum on cross-entropy, each with its own start and
    its own order of examples. Results: ``barrier``, the largest training loss on the straight line above the
    straight line between its ends' losses; ``barrier_left``, that after the second network's units were
    reordered; ``barrier_test`` and ``barrier_test_left``, those of the test loss; ``merged``, the test loss
    half-way after the reordering over that of the better end; ``changed``, the largest change of a score by
    the reordering over the largest score; ``train_error``, the larger of the two.

    Args:
        width: of each hidden layer.
        order: of the second network's units: ``"matched"`` to the first's by their weights after training,
            ``"matched at the start"`` by the weights before it, ``"random"``, or ``"kept"``.
        epochs, batch, lr: of the trainings.
        momentum: of the trainings.
        depth: hidden layers.
        stop: steps after which trainings end, if they are not through by then; 0 for never.

    Raises:
        ValueError: an order that does not exist, or a number that is not positive (for momentum and the step
            to stop at, that is negative).
    """

    width: int
    order: str = "matched"
    epochs: int = 20
    batch: int = 50
    lr: float = 0.05
    momentum: float = 0.9
    depth: int = 2
    stop: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("width", "epochs", "batch", "lr", "depth"):
            require_positive("PermutedModes", name, getattr(self, name))
        if min(self.momentum, self.stop) < 0:
            raise ValueError(f"{self!r}: momentum and stop must not be negative")
        if self.order not in ORDERS:
            raise ValueError(f"PermutedModes(order={self.order!r}): must be one of {', '.join(ORDERS)}")

    def solve(self, split: Split, generator: np.random.Generator) -> dict[str, float]:
        """Two trainings and the two lines; generators of equal state give all orders the same trainings."""
        import numpy as np

        x_train, x_test = (flat(x) for x in (split.x_train, split.x_test))
        widths = (x_train.shape[1], *(self.width,) * self.depth, split.classes)
        train, test = Network(x_train, split.y_train, widths), Network(x_test, split.y_test, widths)
        starts = [train.drawn(generator) for _ in range(2)]
        first, second = (self._trained(train, start, generator) for start in starts)
        orders: Orders = [np.arange(self.width)] * self.depth
        if self.order == "random":
            orders = [generator.permutation(self.width) for _ in range(self.depth)]
        elif self.order != "kept":
            one, two = (first, second) if self.order == "matched" else starts
            orders = matching(train, one, two, generator)
        moved = permuted(train, second, orders)
        here, there, left = (train.loss_and_error(theta) for theta in (first, second, moved))
        ends = [test.loss_and_error(theta)[0] for theta in (first, second, moved)]
        scores, again = (test.values(theta)[-1] for theta in (second, moved))
        return {
            "barrier": barrier(train, first, second, (here[0], there[0])),
            "barrier_left": barrier(train, first, moved, (here[0], left[0])),
            "barrier_test": barrier(test, first, second, (ends[0], ends[1])),
            "barrier_test_left": barrier(test, first, moved, (ends[0], ends[2])),
            "merged": test.loss_and_error((first + moved) / 2)[0] / min(ends[:2]),
            "changed": float(np.abs(again - scores).max() / np.abs(scores).max()),
            "train_error": max(here[1], there[1]),
        }

    def _trained(self, net: Network, theta: Floats, generator: np.random.Generator) -> Floats:
        """The weights after all epochs, or at the step to stop at, from these."""
        import numpy as np

        velocity, steps = np.zeros_like(theta), 0
        for _ in range(self.epochs):
            order = generator.permutation(len(net.y))
            for place in range(0, len(order), self.batch):
                rows = order[place : place + self.batch]
                gradient = Network(net.x[rows], net.y[rows], net.widths).gradient(theta)[1]
                velocity *= self.momentum
                gradient *= self.lr
                velocity -= gradient
                theta, steps = theta + velocity, steps + 1
                if steps == self.stop:
                    return theta
        return theta


def barrier(net: Network, first: Floats, second: Floats, ends: tuple[float, float] | None = None) -> float:
    """The largest loss on the straight line, over the straight line between the losses of its ends.

    Args:
        net: whose loss; first, second: weights [p] at the ends.
        ends: the losses there, where they are known.
    """
    import numpy as np

    shares = np.linspace(0, 1, PLACES)
    between = [net.loss_and_error((1 - t) * first + t * second)[0] for t in shares[1:-1]]
    one, other = ends or (net.loss_and_error(first)[0], net.loss_and_error(second)[0])
    losses = np.array([one, *between, other])
    return float(np.max(losses - (1 - shares) * one - shares * other))
