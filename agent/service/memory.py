"""Memory that the agent does not need goes back to the machine, where the C library is glibc."""

import ctypes
import gc

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
"""Of malloc.h, see mallopt(3)."""
_KEPT_BYTES = 8 << 20
"""More than a tick of 200 calls works with."""


def keep_little() -> None:
    """From now on let no thread keep more free memory than a tick needs.

    Left to itself glibc keeps twice the largest block that was ever freed, up to 64 MB for each thread:
    5 MB more at 200 calls, 11 MB after a burst. Were the limit below what a tick works with, each tick
    would ask for its pages anew.
    """
    tune = getattr(ctypes.CDLL(None), "mallopt", None)
    if tune is not None:
        tune(_M_MMAP_THRESHOLD, _KEPT_BYTES)
        tune(_M_TRIM_THRESHOLD, _KEPT_BYTES)


def stay() -> None:
    """Let Python's collector pass over all that there is now, for the life of the process.

    It holds every thread while it looks through what has grown old: 60 ms for what the agent is made of.
    And the more is old, the more it lets gather before it looks again, such as what calls leave behind.
    """
    gc.collect()
    gc.freeze()


def give_back() -> None:
    """Return all freed pages to the kernel now.

    By itself glibc returns only what lies behind everything else. Unpickling holds all of a forest's arrays
    a second time until it ends: of 500 trees it leaves 80 MB free between what stays. Calls that end leave
    less, and so do ticks that had much to catch up with, but again and again.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
