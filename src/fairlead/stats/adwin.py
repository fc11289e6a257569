"""Change of a stream's mean, found by a window that shrinks when its halves differ."""

from __future__ import annotations

from collections import deque
from math import log, sqrt

DELTA = 0.002
CLOCK = 32
BUCKETS_MAX = 5
HALF_MIN = 5
GRACE_ROWS = 10


class Adwin:
    """ADWIN2: keeps the longest window of values whose parts have the same mean.

    Values lie in buckets of 1, 2, 4 ... of them, at most five of a size. A window is cut where
    the means of the older and the newer part are further apart than
    sqrt(2 v d / m) + 2 d / (3 m), with v the variance of all, d = ln(2 ln(n) / delta) and
    1 / m = 1 / (n0 - 4) + 1 / (n1 - 4). Bifet and Gavalda (2007), "Learning from time-changing
    data with adaptive windowing", with the bound of river's and MOA's implementation.

    Args:
        delta: the smaller, the fewer false changes.

    Example:
        >>> adwin = Adwin()
        >>> [place for place in range(2000) if adwin.update(float(place >= 1000))]
        [1023]
    """

    def __init__(self, delta: float = DELTA) -> None:
        self._delta = delta
        self._start()

    def _start(self) -> None:
        # Of size 2^i at place i: (total, sum of squared differences), the oldest first.
        self._sizes: list[deque[tuple[float, float]]] = [deque()]
        self._ticks = 0
        self._changed = False
        self.rows = 0
        self._total = 0.0
        self._squares = 0.0

    @property
    def mean(self) -> float:
        """Mean of the values in the window; 0 if there are none."""
        return self._total / self.rows if self.rows else 0.0

    def update(self, value: float) -> bool:
        """Take one value; whether the mean has changed. After a change all starts anew."""
        if self._changed:
            self._start()
        self._insert(value)
        self._ticks += 1
        if self._ticks % CLOCK == 0 and self.rows > GRACE_ROWS:
            while self._cut():
                self._changed = True
        return self._changed

    def _insert(self, value: float) -> None:
        if self.rows:
            self._squares += self.rows * (value - self.mean) ** 2 / (self.rows + 1)
        self.rows += 1
        self._total += value
        self._sizes[0].append((value, 0.0))
        for place, buckets in enumerate(self._sizes):
            if len(buckets) <= BUCKETS_MAX:
                break
            if place + 1 == len(self._sizes):
                self._sizes.append(deque())
            self._sizes[place + 1].append(_joined(buckets.popleft(), buckets.popleft(), 1 << place))

    def _cut(self) -> bool:
        """Drop the oldest bucket if the window's parts differ anywhere; whether it was."""
        older, total = 0, 0.0
        for place in range(len(self._sizes) - 1, -1, -1):
            for bucket, _ in self._sizes[place]:
                older += 1 << place
                total += bucket
                if older < self.rows and self._differ(older, total):
                    self._drop()
                    return True
        return False

    def _differ(self, older: int, total: float) -> bool:
        newer = self.rows - older
        if min(older, newer) < HALF_MIN:
            return False
        apart = total / older - (self._total - total) / newer
        doubt = log(2.0 * log(self.rows) / self._delta)
        size = 1.0 / (older - HALF_MIN + 1) + 1.0 / (newer - HALF_MIN + 1)
        variance = self._squares / self.rows
        return abs(apart) > sqrt(2.0 * size * variance * doubt) + 2.0 / 3.0 * doubt * size

    def _drop(self) -> None:
        rows = 1 << (len(self._sizes) - 1)
        total, squares = self._sizes[-1].popleft()
        self.rows -= rows
        self._total -= total
        apart = total / rows - self.mean
        self._squares -= squares + rows * self.rows * apart * apart / (rows + self.rows)
        if not self._sizes[-1] and len(self._sizes) > 1:
            self._sizes.pop()


def _joined(a: tuple[float, float], b: tuple[float, float], rows: int) -> tuple[float, float]:
    apart = (a[0] - b[0]) / rows
    return a[0] + b[0], a[1] + b[1] + rows * apart * apart / 2.0
