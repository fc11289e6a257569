"""Waiting for a condition, never for luck."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_S = 180.0
"""Far more than anything takes: it only ends what hangs, on the busiest machine."""
POLL_S = 0.02
POLL_S_MAX = 0.1


def until(look: Callable[[], T | None], what: str) -> T:
    """What `look` gives once it is truthy; fails, naming `what`, if it never is.

    The longer it waits the more seldom it looks, so that it takes no time from what it waits for.
    """
    began_s = time.monotonic()
    while True:
        found = look()
        if found:
            return found
        waited_s = time.monotonic() - began_s
        assert waited_s < PATIENCE_S, f"waited {PATIENCE_S} s in vain for: {what}"
        time.sleep(min(max(POLL_S, waited_s / 20), POLL_S_MAX))
