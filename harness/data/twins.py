"""Images of which some are equal: how many of their random labels can be learnt has a limit by proof."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from harness.data.inputs import InputChange

if TYPE_CHECKING:
    import numpy as np

    from harness.data.inputs import Images


class TwinInputs(InputChange, frozen=True):
    """Every second training image is a copy of the one before it, so that no function tells the two apart.

    Where two equal images have different labels, at most one of them can be right. Test images stay.
    """

    drawn: ClassVar[bool] = False

    def apply(
        self, train: Images, test: Images, generator: np.random.Generator, *, in_place: bool = False
    ) -> tuple[Images, Images]:
        """The training images in pairs; ``in_place`` writes them over those passed in."""
        paired = train if in_place else train.copy()
        paired[1::2] = paired[: len(paired) // 2 * 2 : 2]
        return paired, test
