"""What many simulated releases see, drawn for all of them at once and kept as counts."""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import log

import numpy as np
import numpy.typing as npt

from fairlead.releases.fold import PAST_US
from fairlead.releases.latency import APART_US, BUCKETS, LEAST_US, WIDER
from fairlead.releases.simulation.traffic import HOURS, Fault, Traffic
from fairlead.releases.types import Evidence, Plan, Tally
from fairlead.releases.weigh import QUANTILES
from fairlead.releases.weights import CANDIDATE, CONTROL
from fairlead.routing import SLOTS
from fairlead.stats import Failures, FailureStep

Whole = npt.NDArray[np.int64]
Real = npt.NDArray[np.float64]

OURS, THEIRS = 0, 1
REQUESTS, FAILED = 0, 1


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts of many releases; the first axis of each is the release.

    Args:
        requests: by share of the candidate and side, shape (runs, shares, 2).
        failed: units that failed for the first time, the same shape.
        past: requests and failures of the hour before, shape (runs, 2).
        latency: times by side and bucket in use, shape (runs, 2, buckets).
    """

    requests: Whole
    failed: Whole
    past: Whole
    latency: Whole

    def add(self, runs: Whole, more: Counts) -> None:
        """Add what some of the releases saw."""
        for field in fields(self):
            getattr(self, field.name)[runs] += getattr(more, field.name)


class World:
    """Where releases are simulated.

    Args:
        plan: of all of them.
        traffic: that the endpoint sees.
        fault: of the candidate.
        random: what is drawn from.
    """

    def __init__(
        self, plan: Plan, traffic: Traffic, fault: Fault, random: np.random.Generator
    ) -> None:
        slots = [step.slots for step in plan.steps if step.kind == "share"]
        self.shares: Real = np.array(slots, dtype=np.float64) / SLOTS
        self._traffic, self._random = traffic, random
        self._failing = (fault.rate(traffic), traffic.failing)
        times = np.array(traffic.latency_us)
        watched = any(guard.name in QUANTILES for guard in plan.guards)
        places = [_buckets(times * fault.latency_factor), _buckets(times)] if watched else []
        self.buckets: Whole = np.unique(np.array(places, dtype=np.int64))
        self._chances = [_chances(place, self.buckets) for place in places]

    def before(self, runs: int) -> tuple[Counts, Real]:
        """The hour before, and the hour of the day at which each release begins."""
        start_h = self._random.uniform(0.0, HOURS, runs)
        counts = self._nothing(runs)
        asked = self._random.poisson(self._rate_per_h(start_h) * PAST_US / 3.6e9)
        counts.past[:, REQUESTS] = asked
        counts.past[:, FAILED] = self._random.binomial(asked, self._failing[THEIRS])
        return counts, start_h

    def draw(self, place: Whole, hour: Real, span_us: int) -> Counts:
        """What happens in a stretch of time.

        Args:
            place: of each release, the place of its candidate's share.
            hour: of each release's day.
            span_us: how long it is.
        """
        drawn, runs = self._nothing(place.size), np.arange(place.size)
        share = self.shares[place]
        mean = self._rate_per_h(hour) * span_us / 3.6e9
        kept = []
        for side, part in ((OURS, share), (THEIRS, 1.0 - share)):
            asked = self._random.poisson(mean * part)
            failed = self._random.binomial(asked, self._failing[side])
            drawn.requests[runs, place, side] = asked
            drawn.failed[runs, place, side] = failed
            kept.append(asked - failed)
        if self.buckets.size:
            rest = np.maximum(1.0 - share, 1e-9)
            mirror = np.where(share < 1.0, np.minimum(share, rest) / rest, 0.0)
            kept[OURS] = np.where(share < 1.0, kept[OURS], 0)
            kept[THEIRS] = self._random.binomial(kept[THEIRS], mirror)
            for side in (OURS, THEIRS):
                apart = self._apart(kept[side], span_us)
                drawn.latency[:, side] = self._random.multinomial(apart, self._chances[side])
        return drawn

    def units(self, counts: Counts) -> Real:
        """How many units, about, the candidate of each release answered.

        A unit stays with the candidate while its share grows. Of N units a day, that ask equally
        often, those in its first share w are missed with chance exp(-n / (N w)) after n requests.
        """
        asked = counts.requests[:, :, OURS].astype(np.float64)
        if self._traffic.units is None:
            return np.asarray(asked.sum(axis=1))
        own = self._traffic.units * np.diff(self.shares, prepend=0.0)
        each = asked / (self._traffic.units * self.shares)
        since = each[:, ::-1].cumsum(axis=1)[:, ::-1]  # a unit is asked from its share on
        return np.asarray((own * -np.expm1(-since)).sum(axis=1))

    def evidence(
        self, counts: Counts, run: int, until_us: int, *, failures: bool, latency: bool
    ) -> Evidence:
        """What one release has seen.

        Args:
            counts: of all.
            run: which.
            until_us: the time of its newest request.
            failures: whether to tell of failures beside the stable version.
            latency: whether to tell of times.
        """
        requests, failed = counts.requests[run], counts.failed[run]
        steps = [
            FailureStep(float(share), *map(int, failed[place]))
            for place, share in enumerate(self.shares[:-1])
        ]
        times = {
            arm: self._times(counts.latency[run, side])
            for side, arm in ((OURS, CANDIDATE), (THEIRS, CONTROL))
        }
        return Evidence(
            candidate=int(requests[:-1, OURS].sum()),
            control=int(requests[:-1, THEIRS].sum()),
            failures=Failures(tuple(steps) if failures else ()),
            past=Tally(*map(int, counts.past[run])),
            alone=Tally(int(requests[-1, OURS]), int(failed[-1, OURS])),
            until_us=until_us,
            latency=times if latency else {},
        )

    def _times(self, counted: Whole) -> dict[int, int]:
        used = np.flatnonzero(counted)
        return dict(zip(self.buckets[used].tolist(), counted[used].tolist(), strict=True))

    def _nothing(self, runs: int) -> Counts:
        shape = (runs, self.shares.size, 2)
        return Counts(
            np.zeros(shape, np.int64),
            np.zeros(shape, np.int64),
            np.zeros((runs, 2), np.int64),
            np.zeros((runs, 2, self.buckets.size), np.int64),
        )

    def _rate_per_h(self, hour: Real) -> Real:
        rates = np.array(self._traffic.requests_per_h)
        return np.asarray(rates[hour.astype(np.int64) % rates.size])

    def _apart(self, requests: Whole, span_us: int) -> Whole:
        """How many of so many requests count, as of those close together one does."""
        places = max(span_us // APART_US, 1)
        mean = -places * np.expm1(requests * np.log1p(-1.0 / places)) if places > 1 else requests
        counted = np.floor(mean + self._random.uniform(size=requests.size)).astype(np.int64)
        return np.asarray(np.minimum(counted, requests))


def _buckets(times_us: Real) -> Whole:
    places = np.floor(np.log(np.maximum(times_us / LEAST_US, 1.0)) / log(WIDER))
    return np.minimum(places, BUCKETS - 1).astype(np.int64)


def _chances(places: Whole, buckets: Whole) -> Real:
    counted = np.bincount(np.searchsorted(buckets, places), minlength=buckets.size)
    return np.asarray(counted / places.size)
