"""Whether requests are refused for a field's sake that were not before, as of a renamed column.

A request that is refused is no row: what is wrong with it is in no window. Workers count, of each
endpoint, for which fields of its signature requests were refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import msgspec

from fairlead.monitoring.operations import KEPT_S, Reading, Readings, stretches
from fairlead.records import Kind
from fairlead.stats import Estimate, rise_p_value, share_rise
from fairlead.telemetry import Sample

HOUR_S = 3600.0
REFUSED_MIN, RISE_MIN, ALPHA = 20, 0.05, 1e-6
"""It is told of 20 refusals, of one in 20 requests more than before, beyond any chance: an hour is
looked at every few seconds, and refusals come in clusters."""
BEFORE_MIN = 100
"""Requests before the last hour, without which nothing is known that could have changed."""

REFUSALS = Kind("refusals", Readings)


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """How often requests of the last hour were refused for a field's sake.

    Args:
        endpoint: that was asked.
        field: of its signature; empty for fields that it does not have.
        time_us: when that was read, microseconds since 1970.
        refused: for its sake.
        requests: in all.
        before: share of those before, of three days.
        rise: of the share over that.
        p_value: of the rise.
        broken: whether it is no chance, and harm.
    """

    endpoint: str
    field: str
    time_us: int
    refused: int
    requests: int
    before: float
    rise: Estimate
    p_value: float
    broken: bool


def refusals_of(samples: Iterable[Sample], now_us: int) -> dict[str, Reading]:
    """By `endpoint/field`: how many requests there were, and how many not refused for its sake.

    Of each endpoint there is `endpoint/` at least, for fields that its signature does not have.
    """
    asked: Counter[str] = Counter()
    refused: Counter[tuple[str, str]] = Counter()
    for sample in samples:
        labels, count = dict(sample.series.labels), int(sample.values[0])
        endpoint = labels.get("endpoint", "")
        if sample.series.name in ("fairlead_requests_total", "fairlead_refused_requests_total"):
            asked[endpoint] += count
        elif sample.series.name == "fairlead_refused_fields_total":
            refused[endpoint, labels["field"]] += count
    for endpoint in asked:
        refused[endpoint, ""] += 0
    return {
        f"{endpoint}/{field}": Reading(now_us, asked[endpoint] - count, asked[endpoint])
        for (endpoint, field), count in refused.items()
    }


def judge(place: str, now: Reading, past: Readings, asked: Readings) -> Refusal | None:
    """Compare the last hour with what was before it.

    Args:
        place: `endpoint/field`.
        now: the newest reading.
        past: those before, from the first request on that was refused for the field's sake.
        asked: readings of the endpoint, before and since.

    Returns:
        None as long as there was too little before.

    Example:
        >>> asked = Readings((Reading(0, 0, 0), Reading(3_600_000_000, 5000, 5000)))
        >>> judge("churn/age", Reading(7_200_000_000, 5100, 5500), Readings(), asked).broken
        True
    """
    first_us = past.kept[0].time_us if past.kept else now.time_us
    before_it = (old for old in asked.kept if old.time_us < first_us and old.total <= now.total)
    all_good = (Reading(old.time_us, old.total, old.total) for old in before_it)
    known = Readings((*all_good, *past.kept))
    hour, whole = stretches(known, now, (HOUR_S, float(KEPT_S)))
    requests, earlier = hour.total, whole.total - hour.total
    refused, before = hour.total - hour.good, (whole.total - whole.good) - (hour.total - hour.good)
    if requests <= 0 or earlier < BEFORE_MIN:
        return None
    rise = share_rise(refused, requests, before, earlier)
    p_value = rise_p_value(refused, requests, before, earlier)
    endpoint, _, field = place.partition("/")
    return Refusal(
        endpoint=endpoint,
        field=field,
        time_us=now.time_us,
        refused=refused,
        requests=requests,
        before=before / earlier,
        rise=rise,
        p_value=p_value,
        broken=refused >= REFUSED_MIN and rise.value >= RISE_MIN and p_value <= ALPHA,
    )
