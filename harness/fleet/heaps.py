"""Memory that a process has freed and keeps: giving it back, and having it again, costs more than some steps.

A solver's step makes and frees arrays of a megabyte. By default glibc maps such an array afresh, or gives the
end of its heap back when the array is freed, and the system clears every page that it hands out again.
"""

from __future__ import annotations

import ctypes
import functools

TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD = -1, -2, -3
"""M_TRIM_THRESHOLD, M_TOP_PAD and M_MMAP_THRESHOLD of glibc's ``mallopt``."""
KEPT_BYTES = 2**28
"""Freed memory at the end of the heap that is kept: below a third of what a process is reckoned to take."""
GROWN_BYTES = 2**24
"""By so much more than is asked for a heap grows."""
HEAP_BYTES = 2**25
"""Larger arrays are mapped by themselves and given back at once: the most that every glibc takes."""


@functools.cache  # once in a process
def keep_freed() -> bool:
    """Have this process keep what it frees; say whether its C library, glibc, can be told so."""
    try:
        tell = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    told = (
        (MMAP_THRESHOLD, HEAP_BYTES),
        (TRIM_THRESHOLD, KEPT_BYTES),
        (TOP_PAD, GROWN_BYTES),
    )
    return all(bool(tell(what, size)) for what, size in told)
