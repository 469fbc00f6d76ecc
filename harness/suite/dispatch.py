"""Hands items to xdist's workers one by one, and goes on when a worker is lost.

pytest-xdist 3.8's own scheduler of this kind gives an item that killed its worker to the next one, and
waits for ever if that was the last item.
"""

from __future__ import annotations

from typing import Any

from xdist.scheduler import LoadGroupScheduling  # type: ignore[import-untyped]


class OneByOne(LoadGroupScheduling):
    """``--dist loadgroup`` that survives the loss of a worker: its item failed, its other items go on."""

    def remove_node(self, node: Any) -> str | None:
        """Take a worker out; the item it was running when it crashed, None if it was done."""
        workload = self.assigned_work.pop(node)
        open_items = [i for unit in workload.values() for i, completed in unit.items() if not completed]
        if not open_items:
            return None
        for scope, unit in workload.items():
            if open_items[0] in unit:
                unit[open_items[0]] = True
            if not all(unit.values()):
                self.workqueue[scope] = unit
        self._go_on()
        return open_items[0]

    def schedule(self) -> None:
        """Distribute items; a worker that was started in a lost one's place gets what is left."""
        if self.collection is None:
            super().schedule()
        else:
            self._go_on()

    def _go_on(self) -> None:
        for node in self.nodes:
            if node in self.registered_collections and not node.shutting_down:
                self._reschedule(node)
        if not self.workqueue:
            for node in self.nodes:
                node.shutdown()  # a worker keeps its last item until it knows that there is no other
