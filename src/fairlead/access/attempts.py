"""How often a password may be tried: by each name, and by all together."""

from __future__ import annotations

import threading

from fairlead.access.limit import Bucket, Limit, take
from fairlead.clock import Clock
from fairlead.errors import RateError

OF_NAME = Limit(rate=1 / 15, burst=5.0)
OF_ALL = Limit(rate=0.5, burst=20.0)
NAMES_MAX = 1000


class Attempts:
    """Lets so many through and no more, whether there is such a name or not.

    Args:
        clock: for how long it takes until the next one.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._all: Bucket | None = None
        self._names: dict[str, Bucket] = {}

    def take(self, name: str) -> None:
        """Count one more.

        Raises:
            RateError: there were too many.
        """
        with self._lock:
            wait_s = self._wait_s(name, self._clock.monotonic_s())
        if wait_s:
            raise RateError(
                "Passwords were tried too often.", retry_after_s=wait_s, hint="Wait a moment."
            )

    def _wait_s(self, name: str, now_s: float) -> float:
        bucket, wait_s = take(self._names.get(name), OF_NAME, now_s)
        if not wait_s:
            self._all, wait_s = take(self._all, OF_ALL, now_s)
        if not wait_s:
            self._forget(now_s)
            self._names[name] = bucket
        return wait_s

    def _forget(self, now_s: float) -> None:
        """Names of which nothing is left to remember; a stranger must not fill the memory."""
        if len(self._names) >= NAMES_MAX:
            full_s = OF_NAME.burst / OF_NAME.rate
            kept = {n: b for n, b in self._names.items() if now_s - b.at_s < full_s}
            self._names = kept
