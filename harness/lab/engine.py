"""What everyone keeps to who carries units to machines that share nothing with this one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from harness.lab.away import Luggage, Message


class Demand(NamedTuple):
    """What a unit asks of a machine.

    Attributes:
        memory: bytes; without: names of nodes that are not fit for it.
        whole: all processors and devices of one machine, for what needs them, or must be alone there.
    """

    memory: int
    without: frozenset[str] = frozenset()
    whole: bool = False


class UnitEnd(NamedTuple):
    """How a unit ended: with all told, or because something was lost.

    Attributes:
        lost: "" where all was told, else ``NODE``, ``PROCESS`` or ``REFUSED``; why: in one line.
    """

    lost: str = ""
    why: str = ""


NODE, PROCESS, REFUSED = "node", "process", "refused"
"""What was lost with a unit: its machine, its process, or nothing but the unit, which cannot be carried."""


class Engine(Protocol):
    """Carries units to machines and messages back. It decides nothing, and touches no store.

    Attributes:
        slots: units that can be computed at once, by now.
    """

    @property
    def slots(self) -> int: ...

    def put(self, luggage: Luggage) -> Any:
        """A reference by which luggage is sent to any number of machines."""
        ...

    def start(self, expected: str, order: bytes, luggage: Sequence[Any], needs: Demand) -> Any:
        """Have ``away.computed`` compute an order somewhere; the unit's handle."""
        ...

    def heard(self, handles: Sequence[Any], seconds: float) -> list[tuple[Any, str, Message | UnitEnd]]:
        """What came from these units, each with its node's name; at most so many seconds are waited."""
        ...

    def nodes(self) -> set[str]:
        """The names of the machines that are there."""
        ...

    def ask(self) -> None:
        """Ask whoever computes a unit to keep what it reached, to tell of it, and to end; does not wait."""
        ...

    def cancel(self, handle: Any) -> None:
        """Have a unit ended, wherever it is."""
        ...

    def close(self) -> None:
        """End everything that was started."""
        ...
