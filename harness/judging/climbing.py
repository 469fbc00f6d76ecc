"""The next rungs of many items at once, so that what they read there is trained together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from harness.fleet.pausing import Paused
from harness.judging.ladder import Item, judged
from harness.lab.computing import one_line
from harness.lab.lab import Failed

if TYPE_CHECKING:
    from harness.lab.lab import Lab
    from harness.lab.runs import Run


class Climb(msgspec.Struct, frozen=True, kw_only=True):
    """How items stand that were judged by what is there.

    Attributes:
        undecided: item -> the runs that its next look reads and that are not there.
        decided: how many come to no other verdict by more replicates, or have no more to read.
        failed: item -> why it cannot be judged, in one line.
    """

    undecided: dict[str, list[Run]]
    decided: int
    failed: dict[str, str]

    @property
    def runs(self) -> list[Run]:
        """What all of them read next."""
        return [run for runs in self.undecided.values() for run in runs]


def climbed(items: Mapping[str, Item], lab: Lab) -> Climb:
    """Judge items by the runs that are there, each as far up its ladder as these reach.

    Args:
        items: by name; the runs of their first look are there, or are known to fail.
        lab: has the runs; it computes none, but for what is torn or was not foreseen.

    Raises:
        Paused: to end was asked for.
    """
    undecided: dict[str, list[Run]] = {}
    failed: dict[str, str] = {}
    for name, item in items.items():
        missing: list[Run] = []

        def there(values: Iterable[Any], replicates: int, missing: list[Run] = missing) -> bool:
            """Whether a look can be taken; otherwise it is what the item reads next."""
            runs = [run for value in values for run in lab.runs(value, replicates)]
            if lab.complete(runs):
                return True
            missing += runs
            return False

        try:
            judged(item, lab, there)
        except (KeyboardInterrupt, Paused):
            raise
        except Failed as error:
            failed[name] = str(error)
        except BaseException as error:  # of one claim's body, which may raise anything: the others are judged
            failed[name] = one_line(error)
        if missing and name not in failed:
            undecided[name] = missing
    return Climb(undecided=undecided, decided=len(items) - len(undecided) - len(failed), failed=failed)
