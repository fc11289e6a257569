"""The shell that reads the counters of all processes, and remembers them for three days."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from fairlead.clock import Clock
from fairlead.monitoring.operations import (
    BAD_CODES,
    READINGS,
    Reading,
    Readings,
    follow_up,
    is_due,
)
from fairlead.store import ABSENT, Put, Store
from fairlead.telemetry import Sample

LOOK_S = 5.0


class Keeper:
    """Knows how each endpoint's requests fared.

    Args:
        store: of the readings.
        samples: reads the counters of all processes, dead ones too.
        clock: for the times of readings.
    """

    def __init__(self, store: Store, samples: Callable[[], Iterable[Sample]], clock: Clock) -> None:
        self._store = store
        self._samples = samples
        self._clock = clock
        self._looked_s = float("-inf")
        self.now: dict[str, Reading] = {}
        self.past: dict[str, Readings] = {}

    def tick(self) -> None:
        """Read the counters every few seconds, and keep a reading every minute."""
        if self._clock.monotonic_s() - self._looked_s < LOOK_S:
            return
        self._looked_s = self._clock.monotonic_s()
        self.now = _readings(self._samples(), self._clock.now_us())
        for endpoint, reading in self.now.items():
            self._keep(endpoint, reading)

    def _keep(self, endpoint: str, reading: Reading) -> None:
        key = READINGS.key(endpoint)
        if endpoint in self.past and not is_due(self.past[endpoint], reading.time_us):
            return
        stored = self._store.get(READINGS, key)
        known = Readings() if stored is None else stored.value
        self.past[endpoint] = known
        if is_due(known, reading.time_us):
            grown = follow_up(known, reading)
            self._store.commit(Put(READINGS, key, grown, stored.revision if stored else ABSENT))
            self.past[endpoint] = grown


def _readings(samples: Iterable[Sample], now_us: int) -> dict[str, Reading]:
    good: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for sample in samples:
        labels = dict(sample.series.labels)
        endpoint, count = labels.get("endpoint", ""), int(sample.values[0])
        if sample.series.name == "fairlead_requests_total":
            total[endpoint] += count
            good[endpoint] += count if labels["outcome"] == "ok" else 0
        elif sample.series.name == "fairlead_refused_requests_total" and endpoint:
            total[endpoint] += count if labels["code"] in BAD_CODES else 0
    return {name: Reading(now_us, good[name], count) for name, count in total.items()}
