"""Full gradient descent for a fixed number of steps: the gradient where equal numbers of steps end.

Barrett and Dherin 2021 compare learning rates after equally many steps, or where the test error is lowest,
and not at equal training loss, as ``FullBatch`` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.analytic.full_batch import Network
from harness.analytic.scores import flat, require_positive
from harness.spec import Value

if TYPE_CHECKING:
    import numpy as np

    from harness.data.split import Split


class EqualSteps(Value, frozen=True):
    """Gradient descent on all examples at once for ``steps`` steps.

    Results: ``r_ig``, the squared norm of the gradient of the training loss divided by the number of
    weights, and ``train_loss``, both after the last step; ``best_r_ig``, the same at the look with the
    lowest test error (the first of several); ``best_test_error``, ``test_error`` (the last).

    Args:
        lr: learning rate h.
        steps: how many.
        look: steps between two looks at the test error.
        hidden: widths of the hidden layers.

    Raises:
        ValueError: a number that is not positive.
    """

    lr: float
    steps: int = 1000
    look: int = 20
    hidden: tuple[int, ...] = (32, 32)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("lr", "steps", "look"):
            require_positive("EqualSteps", name, getattr(self, name))

    def solve(self, split: Split, generator: np.random.Generator) -> dict[str, float]:
        """One training; generators of equal state give all learning rates the same start."""
        x_train, x_test = (flat(x) for x in (split.x_train, split.x_test))
        widths = (x_train.shape[1], *self.hidden, split.classes)
        train = Network(x_train, split.y_train, widths)
        test = Network(x_test, split.y_test, widths)
        theta = train.drawn(generator)
        lowest, at_lowest, last = float("inf"), float("nan"), float("nan")
        for step in range(self.steps + 1):
            _, gradient = train.gradient(theta)
            if step % self.look == 0 or step == self.steps:
                last = test.loss_and_error(theta)[1]
                if last < lowest:
                    lowest, at_lowest = last, float(gradient @ gradient / len(theta))
            if step < self.steps:
                theta = theta - self.lr * gradient
        return {
            "r_ig": float(gradient @ gradient / len(theta)),
            "train_loss": train.loss_and_error(theta)[0],
            "best_r_ig": at_lowest,
            "best_test_error": lowest,
            "test_error": last,
        }
