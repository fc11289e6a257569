"""Memory of a small machine."""

from __future__ import annotations

import ctypes  # NumPy has imported it already
from contextlib import suppress


def give_back() -> None:
    """Give the system back what is free: it is kept for later use otherwise, some 1 to 4 MB.

    Where the allocator cannot be asked to, nothing happens.
    """
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
