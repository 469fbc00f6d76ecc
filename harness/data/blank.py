"""Images with nothing on them: whatever is learnt from them was not learnt from the image."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from harness.data.inputs import InputChange

if TYPE_CHECKING:
    import numpy as np

    from harness.data.inputs import Images


class BlankInputs(InputChange, frozen=True):
    """Every image is zero everywhere, so that no function of it can tell one example from another."""

    drawn: ClassVar[bool] = False

    def apply(
        self, train: Images, test: Images, generator: np.random.Generator, *, in_place: bool = False
    ) -> tuple[Images, Images]:
        """Zeros of the images' shapes; ``in_place`` writes them over those passed in."""
        import numpy as np

        if not in_place:
            return np.zeros_like(train), np.zeros_like(test)
        train[:], test[:] = 0, 0
        return train, test
