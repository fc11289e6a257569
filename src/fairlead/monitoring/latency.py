"""How long nearly all requests of the last minutes took, from the counts of a histogram."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate
from math import sqrt
from operator import add

import msgspec

from fairlead.stats import CONFIDENCE, Estimate
from fairlead.stats.intervals import normal_quantile
from fairlead.telemetry import Sample

STRETCH_US = 300_000_000
SHARE = 0.99
REQUESTS_MIN = 20
"""With fewer in a stretch nothing is said: one slow request at night is no trouble."""


class Latencies(msgspec.Struct, frozen=True):
    """How many requests of an endpoint took how long, up to a moment.

    Args:
        time_us: the moment, microseconds since 1970.
        edges_s: upper edges of the buckets, in seconds; the last bucket has none.
        counts: of each bucket, since counting began.
    """

    time_us: int
    edges_s: tuple[float, ...]
    counts: tuple[float, ...]


class Slowest(msgspec.Struct, frozen=True):
    """The time within which 99 of 100 requests were answered.

    Args:
        requests: that it was told from.
        seconds: that time, with its interval.
    """

    requests: int
    seconds: Estimate


def latencies(samples: Iterable[Sample], now_us: int) -> dict[str, Latencies]:
    """What was counted of each endpoint, over all that answer it."""
    found: dict[str, Latencies] = {}
    for sample in samples:
        if sample.series.name != "fairlead_request_seconds":
            continue
        endpoint = dict(sample.series.labels)["endpoint"]
        counts = sample.values[:-1]  # the last is the sum of all times
        if endpoint in found:
            counts = tuple(map(add, found[endpoint].counts, counts))
        found[endpoint] = Latencies(now_us, sample.series.edges, counts)
    return found


def follow_on(past: Sequence[Latencies], new: Latencies) -> tuple[Latencies, ...]:
    """The past with one more, as far back as a stretch of five minutes needs.

    What is from after the new one is of a clock that was wrong, and counts that fell are of
    counters that were lost; both go.
    """
    kept = [
        old
        for old in past
        if old.time_us < new.time_us
        and old.edges_s == new.edges_s
        and all(before <= now for before, now in zip(old.counts, new.counts, strict=True))
    ]
    since_us = new.time_us - STRETCH_US
    start = max((at for at, old in enumerate(kept) if old.time_us <= since_us), default=0)
    return (*kept[start:], new)


def slowest(past: Sequence[Latencies]) -> Slowest | None:
    """Tell the 99th percentile of the time between the first and the last.

    Within a bucket times are taken to be spread evenly, as Prometheus' `histogram_quantile` does.
    The interval is that of the share: a time of which no more than Wilson's lower end of 99 %
    of so many requests are within, up to the same of its upper end.

    Args:
        past: as `follow_on` keeps it.

    Returns:
        None of fewer than 20 requests.

    Example:
        >>> calm = Latencies(0, (0.1, 1.0), (0, 0, 0))
        >>> found = slowest([calm, Latencies(60_000_000, (0.1, 1.0), (900, 100, 0))])
        >>> found.requests, round(found.seconds.value, 2)
        (1000, 0.91)
    """
    counts = _lately(past)
    if counts is None:
        return None
    requests = int(sum(counts))
    z = normal_quantile(CONFIDENCE)
    centre = (SHARE + z * z / (2 * requests)) / (1 + z * z / requests)
    half = sqrt(SHARE * (1 - SHARE) / requests + (z / (2 * requests)) ** 2) * z
    half /= 1 + z * z / requests
    shares = (SHARE, centre - half, min(centre + half, 1.0))
    return Slowest(requests, Estimate(*(_quantile(past[-1].edges_s, counts, q) for q in shares)))


def middle(past: Sequence[Latencies]) -> float | None:
    """Tell the median of the time between the first and the last, in seconds.

    Args:
        past: as `follow_on` keeps it.

    Returns:
        None of fewer than 20 requests.
    """
    counts = _lately(past)
    return None if counts is None else _quantile(past[-1].edges_s, counts, 0.5)


def _lately(past: Sequence[Latencies]) -> list[float] | None:
    """What was counted between the first and the last; None if that is too little."""
    if not past:
        return None
    pairs = zip(past[-1].counts, past[0].counts, strict=True)
    counts = [now - before for now, before in pairs]
    return counts if sum(counts) >= REQUESTS_MIN else None


def _quantile(edges_s: Sequence[float], counts: Sequence[float], share: float) -> float:
    """The time within which a share of requests were; at most the last edge, as more is unknown."""
    rank = share * sum(counts)
    low_s, below = 0.0, 0.0
    for edge_s, upto in zip(edges_s, accumulate(counts), strict=False):
        if upto >= rank and upto > below:
            return low_s + (edge_s - low_s) * (rank - below) / (upto - below)
        low_s, below = edge_s, upto
    return edges_s[-1]
