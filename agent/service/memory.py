"""Memory that start-up needed and the service does not goes back to the machine."""

import ctypes


def give_back() -> None:
    """Return all freed pages to the kernel, where the C library can (glibc's `malloc_trim(3)`).

    Unpickling holds all of a forest's arrays a second time until it ends: of 500 trees it leaves 50 MB free
    between what stays, and by itself glibc returns only what lies behind everything else.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
