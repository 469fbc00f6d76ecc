"""Ray as what carries units to machines: a cluster of this machine alone, or one that runs already.

Ray is imported only when it is used, and its own talk (dashboard, statistics of use, log lines, a folder
under /tmp) is switched off.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import json
import logging
import os
import platform
import shutil
import socket
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

PREFIX = "ray"
"""Of ``--on ray`` and ``--on ray=ADDRESS``."""
MISSING = 'needs Ray, which is not installed: python -m pip install "overclaim[ray]"'
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS": "0",
    "RAY_ENABLE_METRICS_COLLECTION": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DISABLE_IMPORT_WARNING": "1",
    "RAY_worker_niceness": "0",
}
"""What Ray reads when it is imported or started. Its processes would else be nicer than any other, and wait
for them. A unit for a CPU hides the GPUs itself."""
CONNECT_SECONDS = 3.0
"""Within which a cluster at an address answers, or is none."""
OBJECTS_BYTES = 2**29
"""For what is under way on a cluster of this machine alone: half a GiB; Ray writes more than that to disk."""
MEMORY_SHARE = 0.9
"""Of a machine's memory as Ray counts it, the most that a unit asks for: else it would wait for ever."""
LOOKS_SECONDS = 5.0
"""Between two looks at how many machines there are."""
HTTP2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
"""With this a client begins to talk to a cluster, whose answer has the type 4 in its fourth byte."""


def refused(on: str) -> str:
    """Why ``--on`` cannot be what it is, in one line; empty if it can. Asks nobody but this machine."""
    name, _, address = on.partition("=")
    if name != PREFIX or (on != PREFIX and not address):
        return f"--on {on}: use ray, or ray=HOST:PORT of a cluster that runs (ray=auto: on this machine)"
    if address.startswith("ray://"):
        return f"--on {on}: start this on a machine of the cluster, with the HOST:PORT that ray start prints"
    host, _, port = address.rpartition(":")
    if address not in ("", "auto") and not (host and port.isdecimal() and 0 < int(port) < 2**16):
        return f"--on {on}: no HOST:PORT; give the address that ray start prints, or ray=auto"
    return f"--on {on} {MISSING}" if importlib.util.find_spec("ray") is None else ""


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
        self._folder = ""
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
        """Join the cluster, or start one, if that is not done."""
        if not self._is_open:
            self._connect() if self._address else self._begin()

    def _connect(self) -> None:
        """Join a cluster.

        Raises:
            ValueError: there is none, or it does not let this machine in (one line).
        """
        address = _known(self.on, self._address)
        with _quiet():
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
        self._folder = tempfile.mkdtemp(prefix="oc-")
        with _quiet(), _without("HARNESS_DATA"):  # which --data-root may have overruled
            import ray

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

        return ray.put(luggage)

    def start(self, expected: str, order: bytes, luggage: Sequence[Any], needs: Demand) -> Any:
        """Have an order computed by some machine that is fit for it."""
        self._open()
        options = {"scheduling_strategy": "SPREAD", **self._asked(needs)}
        handle = self._compute.options(**options).remote(expected, list(sys.path), order, *luggage)
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
        processors = most["CPU"] if needs.whole else min(1, most["CPU"])
        asked: dict[str, Any] = {"num_cpus": processors, "memory": memory}
        if self.device != "cpu":
            asked["num_gpus"] = most["GPU"] if needs.whole else 1
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

    def cancel(self, handle: Any) -> None:
        """Have a unit ended, wherever it is."""
        if self._is_open:
            import ray

            ray.cancel(handle, force=True)
        self.places.pop(handle, None)


def _remote() -> Any:
    """The function that Ray calls on machines; it travels itself, and tells where nothing is to call."""
    import ray

    def overclaim(expected: str, path: list[str], order: bytes, *luggage: Any) -> Iterator[Any]:
        import os
        import platform
        import sys

        import ray

        name = f"{platform.node()} ({ray.get_runtime_context().get_node_id()[:8]})"
        yield "begun", name
        sys.path[:0] = [folder for folder in path if folder not in sys.path and os.path.isdir(folder)]
        try:
            from harness.lab.away import computed
        except Exception as error:
            why = f"node {name} has no overclaim of this version ({error}): install it there"
            yield "unfit", "code", why
            return
        yield from computed(expected, order, luggage, name)

    overclaim.__module__ = "__main__"  # so that it is sent by value: a node may have no such module
    return ray.remote(num_returns="streaming", max_retries=0)(overclaim)


def _name(node: dict[str, Any]) -> str:
    return f"{node['NodeManagerHostname']} ({node['NodeID'][:8]})"


def _told(error: Exception) -> str:
    """What Ray says of an error, in one line without colours."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"the cluster could not compute it: {lines[-1] if lines else type(error).__name__}"


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Ray says nothing on the terminal, which is ours."""
    os.environ.update({name: value for name, value in QUIET.items() if name not in os.environ})
    import ray._private.worker as worker

    with contextlib.suppress(AttributeError):
        worker.print_to_stdstream = lambda *said, **more: None
    yield


@contextlib.contextmanager
def _without(name: str) -> Iterator[None]:
    """A variable of the environment is not there meanwhile."""
    before = os.environ.pop(name, None)
    try:
        yield
    finally:
        if before is not None:
            os.environ[name] = before


def _known(on: str, address: str) -> str:
    """HOST:PORT of a cluster that answers, and is of this Ray and Python.

    Raises:
        ValueError: none does, or it is of others (one line).
    """
    if address == "auto":
        address = os.environ.get("RAY_ADDRESS", "") or _started_here()
        if not address:
            raise ValueError(f"--on {on}: no cluster runs on this machine: ray start --head starts one")
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), CONNECT_SECONDS) as asked:
            asked.settimeout(CONNECT_SECONDS)
            asked.sendall(HTTP2)
            answer = asked.recv(9)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise ValueError(f"--on {on}: nothing answers at {address} ({why}): is the cluster up?") from None
    if len(answer) < 4 or answer[3] != 4 or not (versions := _versions(address)):
        raise ValueError(f"--on {on}: what answers at {address} is no Ray cluster: ray start told its own")
    import ray

    here = (ray.__version__, platform.python_version())
    if versions != here:
        told = [f"Ray {ours} and Python {python}" for ours, python in (versions, here)]
        why = f"the cluster has {told[0]}, and this machine {told[1]}: install the same on both"
        raise ValueError(f"--on {on}: {why}")
    return address


def _started_here() -> str:
    """The address of the cluster that was started on this machine last; "" if there is none."""
    from ray._private import utils

    with contextlib.suppress(Exception):
        return utils.read_ray_address() or ""
    return ""


def _versions(address: str) -> tuple[str, str] | None:
    """The versions of Ray and Python of a cluster; None where there is none."""
    try:
        client = importlib.import_module("ray._raylet").GcsClient(address=address)
        known = json.loads(client.internal_kv_get(b"CLUSTER_METADATA", b"cluster", timeout=CONNECT_SECONDS))
        return known["ray_version"], known["python_version"]
    except Exception:
        return None
