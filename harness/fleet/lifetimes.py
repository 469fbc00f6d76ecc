"""How long a process that trains for another one lives."""

from __future__ import annotations

import os


def end_with_parent() -> None:
    """Wait until the process that started this one is gone, then end at once; runs in a thread of its own.

    A session that was killed must not leave processes training for nobody; their checkpoints stay.
    """
    import multiprocessing

    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
