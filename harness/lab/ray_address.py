"""The Ray cluster that is meant by ``--on``, and whether it can be used from here: one line where it cannot.

Ray is imported only when it is used, and its own talk (dashboard, statistics of use, log lines) is off.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import json
import logging
import os
import platform
import socket
from collections.abc import Iterator

PREFIX = "ray"
"""Of ``--on ray`` and ``--on ray=ADDRESS``."""
MODE = "RAY_AUTH_MODE"
TOKEN = "set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN_PATH to a copy of ~/.ray/auth_token of its head"
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


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Ray says nothing on the terminal, which is ours."""
    os.environ.update({name: value for name, value in QUIET.items() if name not in os.environ})
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    import ray._private.worker as worker

    with contextlib.suppress(AttributeError):
        worker.print_to_stdstream = lambda *said, **more: None
    yield


def heed_mode() -> None:
    """Have a Ray that was imported before heed what the environment says of tokens now."""
    with contextlib.suppress(Exception):  # of another version, which reads it by itself
        inside = importlib.import_module("ray._raylet")
        inside.Config.initialize("")
        inside.AuthenticationTokenLoader.instance().reset_cache()


def known(on: str, address: str) -> str:
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
    is_one = len(answer) > 3 and answer[3] == 4  # nobody else is asked: it might never answer
    versions = _versions(address) if is_one else None
    if is_one and versions is None and _is_closed(address):
        raise ValueError(f"--on {on}: the cluster at {address} asks for its token: {TOKEN}")
    if versions is None:
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
    """The versions of Ray and Python of a cluster; None where there is none, or it does not let us in."""
    try:
        if _is_closed(address) and MODE not in os.environ:
            with_token = importlib.import_module("ray._private.authentication.authentication_token_setup")
            with_token.maybe_enable_token_auth_if_token_available(warn_if_disabled=False)
        client = importlib.import_module("ray._raylet").GcsClient(address=address)
        known = json.loads(client.internal_kv_get(b"CLUSTER_METADATA", b"cluster", timeout=CONNECT_SECONDS))
        return known["ray_version"], known["python_version"]
    except Exception:
        return None


def _is_closed(address: str) -> bool:
    """Whether a cluster asks for a token that this process does not show."""
    try:
        importlib.import_module("ray._raylet").GcsClient(address=address)
    except Exception as error:
        return "AuthToken" in str(error) or "Authentication" in type(error).__name__
    return False
