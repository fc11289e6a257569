"""Waiting for a condition, never for luck."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

POLL_S = 0.02


def until(look: Callable[[], T | None], what: str, timeout_s: float = 30.0) -> T:
    """What `look` gives once it is truthy; fails, naming `what`, if it never is."""
    deadline_s = time.monotonic() + timeout_s
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline_s, f"waited {timeout_s} s in vain for: {what}"
        time.sleep(POLL_S)
