"""Counts as few bytes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_WIDTHS = ((2**8, "<u1"), (2**16, "<u2"), (2**32, "<u4"), (2**64, "<u8"))
"""Of integers: those below the first fit into the second."""


def narrow(counts: npt.NDArray[np.integer]) -> bytes:
    r"""Little-endian unsigned integers, as narrow as the largest allows.

    Args:
        counts: shape (n,), at least one.

    Example:
        >>> narrow(np.array([1, 2])), narrow(np.array([1, 256]))
        (b'\x01\x02', b'\x01\x00\x00\x01')
    """
    most = int(counts.max())
    return counts.astype(next(dtype for limit, dtype in _WIDTHS if most < limit)).tobytes()


def widen(raw: bytes, length: int) -> npt.NDArray[np.int64]:
    r"""So many integers from their bytes.

    Example:
        >>> widen(b"\x01\x00\x00\x01", 2).tolist()
        [1, 256]
    """
    width = len(raw) // max(length, 1) or 1
    return np.frombuffer(raw, f"<u{width}").astype(np.int64)
