"""The shell that reads the counters of all processes, and remembers them for three days."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec.structs import replace

from fairlead.clock import Clock
from fairlead.monitoring.latency import Latencies, middle, slowest
from fairlead.monitoring.operations import (
    BAD_CODES,
    READINGS,
    Reading,
    Readings,
    follow_up,
    is_due,
)
from fairlead.records import Kind
from fairlead.store import ABSENT, Put, Store
from fairlead.telemetry import Sample

LOOK_S = 5.0


def readings_of(samples: Iterable[Sample], now_us: int) -> dict[str, Reading]:
    """By endpoint: how many requests there were, and how many went well."""
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


def timed(
    found: Mapping[str, Reading], past: Mapping[str, Sequence[Latencies]]
) -> dict[str, Reading]:
    """Readings, with how long answers took in the minutes before.

    Args:
        found: by endpoint.
        past: by endpoint, times of answers as `follow_on` keeps them.
    """
    told = {}
    for endpoint, reading in found.items():
        known = past.get(endpoint, ())
        slow = slowest(known)
        p99_s = None if slow is None else slow.seconds.value
        told[endpoint] = replace(reading, p50_s=middle(known), p99_s=p99_s)
    return told


class Keeper:
    """Knows how each endpoint's requests fared.

    Args:
        store: of the readings.
        samples: reads the counters of all processes, dead ones too.
        clock: for the times of readings.
        kind: of the readings.
        read: what is read from the counters, by place.
    """

    def __init__(
        self,
        store: Store,
        samples: Callable[[], Iterable[Sample]],
        clock: Clock,
        kind: Kind[Readings] = READINGS,
        read: Callable[[Iterable[Sample], int], dict[str, Reading]] = readings_of,
    ) -> None:
        self._store = store
        self._samples = samples
        self._clock = clock
        self._kind = kind
        self._read = read
        self._looked_s = float("-inf")
        self.now: dict[str, Reading] = {}
        self.past: dict[str, Readings] = {}

    def tick(self) -> None:
        """Read the counters every few seconds, and keep a reading every minute."""
        if self._clock.monotonic_s() - self._looked_s < LOOK_S:
            return
        self._looked_s = self._clock.monotonic_s()
        self.now = self._read(self._samples(), self._clock.now_us())
        for place, reading in self.now.items():
            self._keep(place, reading)

    def _keep(self, place: str, reading: Reading) -> None:
        key = self._kind.key(place)
        if place in self.past and not is_due(self.past[place], reading.time_us):
            return
        stored = self._store.get(self._kind, key)
        known = Readings() if stored is None else stored.value
        self.past[place] = known
        if is_due(known, reading.time_us):
            grown = follow_up(known, reading)
            self._store.commit(Put(self._kind, key, grown, stored.revision if stored else ABSENT))
            self.past[place] = grown
