"""Fixtures of more than one room's tests."""

from __future__ import annotations

import errno
import gc
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from harness.lab.lab import Lab

WRITING = [
    (os, "mkdir"), (os, "rename"), (os, "replace"), (os, "unlink"), (os, "rmdir"), (Path, "write_bytes"),
    (Path, "write_text"), (Path, "unlink"), (Path, "rmdir"),
]  # fmt: skip
"""By these a store writes."""
SLOW = {
    "clusters": ("what a simulated cluster takes long for", "-m clusters, or tox -e clusters"),
    "pretended": ("all nets of the full tier on a pretended GPU", "-m pretended, a few minutes"),
}
"""What is left out unless it is asked for by its mark: what it is, and how to ask."""
GARBAGE = 20_000
"""Objects more than were freed at which the collector of garbage looks through the youngest."""


def pytest_configure(config: pytest.Config) -> None:
    for mark, (what, how) in SLOW.items():
        config.addinivalue_line("markers", f"{mark}: {what} ({how})")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is slow, unless it is asked for by its mark."""
    for mark, (what, how) in SLOW.items():
        if mark not in config.option.markexpr:
            slow = pytest.mark.skip(reason=f"{what}: {how}")
            for item in items:
                if item.get_closest_marker(mark):
                    item.add_marker(slow)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Have the collector of garbage leave alone what lives until the end: a twentieth of the time was its."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE, 20, 20)


@pytest.fixture
def prepared() -> Iterator[None]:
    """The trainer's numerics for what is trained without the lab, and plain ones again afterwards."""
    import torch

    from harness.fleet import numerics

    numerics.prepare("cpu")
    yield
    torch.set_flush_denormal(False)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process asks itself to end, and is not ended for being slow on a machine that does much else."""
    from harness.fleet import pausing

    monkeypatch.setattr(pausing, "GRACE", 3600.0)


@pytest.fixture
def warm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions, and processes that they or this one spawn, have imported torch already."""
    from harness.tests import warm, zygote

    warm.settle(zygote.crews(), monkeypatch)
    monkeypatch.setattr(zygote, "warm_sessions", True)


@pytest.fixture(scope="module")
def warm_sessions() -> Iterator[None]:
    """Sessions of a module's other fixtures, and their crews, have imported torch already."""
    from harness.tests import zygote

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zygote, "warm_sessions", True)
        yield


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """A lab of one process, whose store is new."""
    from harness.lab.lab import Lab
    from harness.tests.simulated import at

    return Lab(at(tmp_path))


@pytest.fixture
def freeze(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Makes a folder one of a medium that is only read, as far as a store can tell."""

    def frozen(folder: Path) -> None:
        from harness.lab import durable

        for owner, name in (*WRITING, (durable, "write"), (durable, "exchanged")):
            once = getattr(owner, name)

            def refusing(*arguments: Any, _once: Any = once, **more: Any) -> Any:
                if any(folder in Path(str(a)).parents for a in arguments[:2] if isinstance(a, (str, Path))):
                    raise OSError(errno.EROFS, os.strerror(errno.EROFS))
                return _once(*arguments, **more)

            monkeypatch.setattr(owner, name, refusing)

    return frozen
