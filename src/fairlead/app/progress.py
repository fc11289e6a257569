"""How far a function of a user's is, as it says itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PACE_S = 0.5
"""Between two words of it that are passed on."""

_hear: Callable[[float], None] | None = None


def progress(share: float) -> None:
    """Say how far a training is; it is shown where its update is.

    Outside of an update nobody listens, and nothing happens.

    Args:
        share: of the work that is done, 0 to 1.

    Example:
        >>> for epoch in range(10):
        ...     progress(epoch / 10)
    """
    if _hear is not None:
        _hear(min(1.0, max(0.0, float(share))))


@contextmanager
def heard(hear: Callable[[float], object]) -> Iterator[None]:
    """Pass on what is said of progress while a block runs, not too often.

    Args:
        hear: is given the share.
    """
    global _hear  # a function of the user's knows of nothing else
    next_s = float("-inf")

    def pass_on(share: float) -> None:
        nonlocal next_s
        if time.monotonic() >= next_s:
            next_s = time.monotonic() + PACE_S
            hear(share)

    _hear = pass_on
    try:
        yield
    finally:
        _hear = None
