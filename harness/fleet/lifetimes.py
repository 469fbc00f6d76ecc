"""How long a process that trains for another one lives."""

from __future__ import annotations

import os
import signal
import time

from harness.fleet import pausing


def end_with_parent() -> None:
    """Wait until the process that started this one is gone, then end; runs in a thread of its own.

    A session that was killed must not leave processes training for nobody. Who can, keeps what it reached.
    """
    import multiprocessing

    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(pausing.GRACE)
        os._exit(1)
