"""What data sets have in common: a base for those of one's own, and one for those made of another."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from harness.spec import Value
from harness.spec.contracts import Dataset
from harness.spec.splits import Source, Split


class Examples(Value, frozen=True):
    """A data set whose images are in memory, drawn for each replicate, and not standardized.

    A class of one's own adds ``shape``, ``classes``, ``train_size``, ``test_size``, ``source`` and ``split``
    (``harness.spec.contracts.Dataset``), and says where it is otherwise.
    """

    streamed: ClassVar[bool] = False

    if TYPE_CHECKING:  # what a class of one's own adds: a type checker misses it where it is not there

        @property
        @abstractmethod
        def shape(self) -> tuple[int, ...]: ...

        @property
        @abstractmethod
        def classes(self) -> int: ...

        @property
        @abstractmethod
        def train_size(self) -> int: ...

        @property
        @abstractmethod
        def test_size(self) -> int: ...

        @abstractmethod
        def source(self, root: Path | None) -> Source: ...

        @abstractmethod
        def split(self, root: Path | None, replicate: int) -> Split: ...

    @property
    def standardized(self) -> bool:
        return False

    @property
    def whole(self) -> bool:
        return False

    @property
    def true_labels(self) -> bool:
        return False


class AroundData(Examples, frozen=True):
    """A data set made of another one, ``data``, which it is like in all that it does not say otherwise.

    ``but`` changes its own fields; what is no field of its own (``labels``, say) is its data's.
    """

    data: Dataset

    def but(self, **changes: Any) -> Self:
        """The same with some fields replaced, its own or those of its data."""
        fields = self.__struct_fields__
        return super().but(
            **{
                name if name.partition("__")[0] in fields else f"data__{name}": c
                for name, c in changes.items()
            }
        )

    @property
    def shape(self) -> tuple[int, ...]:
        return self.data.shape

    @property
    def classes(self) -> int:
        return self.data.classes

    @property
    def train_size(self) -> int:
        return self.data.train_size

    @property
    def test_size(self) -> int:
        return self.data.test_size

    @property
    def standardized(self) -> bool:
        return self.data.standardized

    def source(self, root: Path | None) -> Source:
        """What the other data set says of itself."""
        return self.data.source(root)
