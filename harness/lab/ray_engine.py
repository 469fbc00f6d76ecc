"""Ray as what carries units to machines: a cluster of this machine alone, or one that runs already.

Ray is imported only when it is used, and its own talk (dashboard, statistics of use, log lines, a folder
under /tmp) is switched off.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from typing import Any

from harness.lab import places
from harness.lab.away import BEGUN, Luggage, Message
from harness.lab.cluster import ClusterCrew
from harness.lab.engine import NODE, PROCESS, REFUSED, Demand, UnitEnd
from harness.lab.places import Place
from harness.lab.ray_address import MODE, heed_mode, known, quiet, refused

OBJECTS_BYTES = 2**29
"""For what is under way on a cluster of this machine alone: half a GiB; Ray writes more than that to disk."""
MEMORY_SHARE = 0.9
"""Of a machine's memory as Ray counts it, the most that a unit asks for: else it would wait for ever."""
END = "overclaim-end-"
"""Under this and the driver's number the cluster keeps that its units are to end."""
LOOKS_SECONDS = 5.0
"""Between two looks at how many machines there are."""


def crew_on(on: str, place: Place, most: int | None = None) -> ClusterCrew:
    """The crew of ``--on``.

    Args:
        on: what follows it; place: whose store is written.
        most: how many units may be computed at once; None for all that the cluster can.

    Raises:
        ValueError: there is no such cluster, or it cannot be used from here (one line).
    """
    if place.device not in ("cpu", "cuda"):
        raise ValueError(f"--device {place.device} names a GPU of this machine: with --on {on} use cuda")
    return ClusterCrew(place, RayEngine(on, place.device, most or places.processes(place.device)), most)


class RayEngine:
    """Carries units by Ray.

    Args:
        on: what follows ``--on``; device: "cpu" or "cuda", of which a unit takes one.
        most: processes of a cluster of this machine alone.

    Attributes:
        places: of each unit under way the name of its node, "" as long as it waits for one.

    Raises:
        ValueError: there is no such cluster, or it cannot be used from here (one line).
    """

    def __init__(self, on: str, device: str, most: int) -> None:
        if why := refused(on):
            raise ValueError(why)
        self.on, self.device = on, device
        self._most = most
        self._folder = self._failure = ""
        self._secret: dict[str, str] = {}
        self._slots, self._looked = most, 0.0
        self._is_open = False
        self.places: dict[Any, str] = {}
        self._address = on.partition("=")[2]
        if self._address:
            self._connect()

    @property
    def slots(self) -> int:
        """Processors, or GPUs, of the cluster by now."""
        if self._is_open and time.monotonic() - self._looked > LOOKS_SECONDS:
            import ray

            self._looked = time.monotonic()
            unit = "CPU" if self.device == "cpu" else "GPU"
            self._slots = int(ray.cluster_resources().get(unit, 0))
        return self._slots

    # -- a cluster --------------------------------------------------------------------------------

    def _open(self) -> None:
        """Join the cluster, or start one, if that is not done; what failed once is not tried for every unit.

        Raises:
            ValueError: neither can be done (one line).
        """
        if self._failure:
            raise ValueError(self._failure)
        if self._is_open:
            return
        try:
            self._connect() if self._address else self._begin()
        except Exception as error:
            self.close()
            why = next(iter(str(error).strip().splitlines()), type(error).__name__)
            self._failure = why if why.startswith("--on") else f"--on {self.on}: Ray does not start ({why})"
            raise ValueError(self._failure) from None

    def _connect(self) -> None:
        """Join a cluster.

        Raises:
            ValueError: there is none, or it does not let this machine in (one line).
        """
        with quiet():
            address = known(self.on, self._address)
            import ray

            try:
                ray.init(address, log_to_driver=False, logging_level=logging.CRITICAL, namespace="overclaim")
            except Exception as error:
                why = next(iter(str(error).strip().splitlines()), type(error).__name__)
                raise ValueError(f"--on {self.on}: {why}") from None
        self._opened()
        if not self.slots:
            self.close()
            asked = "GPU" if self.device != "cpu" else "CPU"
            raise ValueError(f"--on {self.on}: the cluster has no {asked}: add a machine, or choose --device")

    def _begin(self) -> None:
        """Start a cluster of this machine alone, in a folder that goes with it."""
        from harness.lab.pinning import count_gpus, pin_arithmetic

        pin_arithmetic()
        if MODE not in os.environ:  # or Ray would keep one in the user's home
            self._secret = {MODE: "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
            os.environ.update(self._secret)
        self._folder = tempfile.mkdtemp(prefix="oc-")
        with quiet(), _without("HARNESS_DATA"):  # which --data-root may have overruled
            import ray

            heed_mode()
            ray.init(
                "local",
                num_cpus=self._most,
                num_gpus=count_gpus() if self.device != "cpu" else 0,
                object_store_memory=OBJECTS_BYTES,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.CRITICAL,
                _temp_dir=self._folder,
            )
        self._opened()

    def _opened(self) -> None:
        self._is_open = True
        self._looked = 0.0
        self._compute = _remote()

    def close(self) -> None:
        """End what is under way; of a cluster that ran before, nothing else."""
        if self._is_open:
            import ray

            ray.shutdown()
            self._is_open = False
        if self._secret:
            for name in self._secret:
                os.environ.pop(name, None)
            self._secret = {}
            heed_mode()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = ""

    def nodes(self) -> set[str]:
        """The machines that are there: their hosts, and the first digits of their numbers in the cluster."""
        import ray

        return {_name(node) for node in ray.nodes() if node["Alive"]}

    # -- units ------------------------------------------------------------------------------------

    def put(self, luggage: Luggage) -> Any:
        """A reference by which luggage is sent to any number of machines."""
        self._open()
        import ray

        return ray.put((luggage.key, luggage.files, luggage.reached))  # which every node can read

    def start(self, expected: str, order: bytes, luggage: Sequence[Any], needs: Demand) -> Any:
        """Have an order computed by some machine that is fit for it."""
        self._open()
        options = {"scheduling_strategy": "SPREAD", **self._asked(needs)}
        handle = self._compute.options(**options).remote(expected, [os.getcwd(), *sys.path], order, *luggage)
        self.places[handle] = ""
        return handle

    def _asked(self, needs: Demand) -> dict[str, Any]:
        """What Ray is asked for: a processor or GPU and memory, or all of the largest machine."""
        import ray

        nodes = [node for node in ray.nodes() if node["Alive"] and _name(node) not in needs.without]
        most = {
            name: max((node["Resources"].get(name, 0) for node in nodes), default=0)
            for name in ("CPU", "GPU", "memory")
        }
        memory = min(needs.memory, int(MEMORY_SHARE * most["memory"]))
        processors = max(1, most["CPU"]) if needs.whole else 1  # where no node is left, one is waited for
        asked: dict[str, Any] = {"num_cpus": processors, "memory": memory}
        if self.device != "cpu":
            asked["num_gpus"] = max(1, most["GPU"]) if needs.whole else 1
        if needs.without:
            numbers = [node["NodeID"] for node in ray.nodes() if _name(node) in needs.without]
            asked["label_selector"] = {"ray.io/node-id": f"!in({','.join(numbers)})"}
        return asked

    def heard(self, handles: Sequence[Any], seconds: float) -> list[tuple[Any, str, Message | UnitEnd]]:
        """What came from these units; at most so many seconds are waited."""
        import ray

        ready, _ = ray.wait(list(handles), num_returns=1, timeout=seconds, fetch_local=False)
        if ready and len(handles) > 1:
            ready, _ = ray.wait(list(handles), num_returns=len(handles), timeout=0, fetch_local=False)
        return [(handle, *self._next(handle)) for handle in ready]

    def _next(self, handle: Any) -> tuple[str, Message | UnitEnd]:
        """The next message of a unit that has one, with the name of its node."""
        import ray
        from ray import exceptions

        try:
            message = ray.get(next(handle))
        except StopIteration:
            return self.places.pop(handle, ""), UnitEnd()
        except exceptions.OutOfMemoryError:
            return self.places.pop(handle, ""), UnitEnd(PROCESS, "was ended for want of memory")
        except (exceptions.NodeDiedError, exceptions.LocalRayletDiedError, exceptions.ObjectLostError):
            node = self.places.pop(handle, "")
            return node, UnitEnd(NODE, f"node {node or 'unknown'} was lost")
        except exceptions.WorkerCrashedError:
            return self._crashed(self.places.pop(handle, ""))
        except exceptions.RayError as error:
            return self.places.pop(handle, ""), UnitEnd(REFUSED, _told(error))
        if message[0] == BEGUN:
            self.places[handle] = message[1]
        return self.places[handle], message

    def _crashed(self, node: str) -> tuple[str, UnitEnd]:
        """A process was lost, maybe with its machine."""
        if node and node not in self.nodes():
            return node, UnitEnd(NODE, f"node {node} was lost")
        return node, UnitEnd(PROCESS, "was killed (out of memory?)")

    def ask(self) -> None:
        """Ask all units to end; those that wait for a machine never begin."""
        if not self._is_open:
            return
        import ray
        from ray.experimental import internal_kv

        for handle in [handle for handle, node in self.places.items() if not node]:
            ray.cancel(handle, force=True)
        internal_kv._internal_kv_put(END + ray.get_runtime_context().get_job_id(), "yes")

    def cancel(self, handle: Any) -> None:
        """Have a unit ended, wherever it is."""
        if self._is_open:
            import ray

            ray.cancel(handle, force=True)
        self.places.pop(handle, None)


def _remote() -> Any:
    """The function that Ray calls on machines; it travels itself, and tells where nothing is to call."""
    import ray

    end = END  # what the function closes over travels with it; its module does not

    def overclaim(expected: str, path: list[str], order: bytes, *luggage: Any) -> Iterator[Any]:
        import os
        import platform
        import sys

        import ray

        name = f"{platform.node()} ({ray.get_runtime_context().get_node_id()[:8]})"
        yield "begun", name
        if os.path.isdir(path[0]):  # where the driver stands
            os.chdir(path[0])
        sys.path[:0] = [folder for folder in path[1:] if folder not in sys.path and os.path.isdir(folder)]
        try:
            from ray.experimental import internal_kv

            from harness.lab.away import Luggage, computed, ending

            brought = [Luggage(key=key, files=files, reached=reached) for key, files, reached in luggage]
        except Exception as error:
            why = f"node {name} has no overclaim of this version ({error}): install it there"
            yield "unfit", "code", why
            return
        asked = end + ray.get_runtime_context().get_job_id()
        with ending(lambda: internal_kv._internal_kv_get(asked) is not None):
            yield from computed(expected, order, brought, name)

    overclaim.__module__ = "__main__"  # so that it is sent by value: a node may have no such module
    return ray.remote(num_returns="streaming", max_retries=0)(overclaim)


def _name(node: dict[str, Any]) -> str:
    return f"{node['NodeManagerHostname']} ({node['NodeID'][:8]})"


def _told(error: Exception) -> str:
    """What Ray says of an error, in one line without colours."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"the cluster could not compute it: {lines[-1] if lines else type(error).__name__}"


@contextlib.contextmanager
def _without(name: str) -> Iterator[None]:
    """A variable of the environment is not there meanwhile."""
    before = os.environ.pop(name, None)
    try:
        yield
    finally:
        if before is not None:
            os.environ[name] = before
