"""Hands items to xdist's workers one by one, and goes on when a worker is lost: what it had is judged again.

pytest-xdist 3.8's own scheduler of this kind gives an item that killed its worker to the next one, and
waits for ever if that was the last item.
"""

from __future__ import annotations

from typing import Any

from xdist.dsession import get_default_max_worker_restart  # type: ignore[import-untyped]
from xdist.scheduler import LoadGroupScheduling  # type: ignore[import-untyped]


class OneByOne(LoadGroupScheduling):
    """``--dist loadgroup`` that survives the loss of a worker.

    All its runs may be in the store, and it may not be to blame: what it was judging is judged once more by
    another worker. An item whose second worker is lost as well has failed, and so has one whose worker was
    the last that is replaced (``--max-worker-restart``), for xdist then stops.
    """

    def __init__(self, config: Any, log: Any = None) -> None:
        super().__init__(config, log)
        self._most = get_default_max_worker_restart(config)
        self._losses = 0
        self._lost: set[str] = set()

    def remove_node(self, node: Any) -> str | None:
        """Take a worker out; the item that it was running, if that is lost for the second time."""
        workload = self.assigned_work.pop(node)
        open_items = [i for unit in workload.values() for i, completed in unit.items() if not completed]
        if not open_items:
            return None
        running = open_items[0]
        self._losses += 1
        failed = running in self._lost or (self._most is not None and self._losses > self._most)
        self._lost.add(running)
        for scope, unit in workload.items():
            if failed and running in unit:
                unit[running] = True
            if not all(unit.values()):
                self.workqueue[scope] = unit
        self._go_on()
        return running if failed else None

    def schedule(self) -> None:
        """Distribute items; a worker that was started in a lost one's place gets what is left."""
        if self.collection is None:
            super().schedule()
        else:
            self._go_on()

    def _go_on(self) -> None:
        for node in self.nodes:
            if node in self.registered_collections and not node.shutting_down:
                while self.workqueue and self._pending_of(self.assigned_work[node]) < 2:
                    self._assign_work_unit(node)  # a worker begins its first item when it has a second
        if not self.workqueue:
            for node in self.nodes:
                node.shutdown()  # a worker keeps its last item until it knows that there is no other
