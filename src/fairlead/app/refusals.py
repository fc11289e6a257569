"""Requests that are refused for a field's sake, as signals: a schema that broke upstream."""

from __future__ import annotations

from collections.abc import Iterator

from fairlead.alerts import Signal
from fairlead.monitoring.keeper import Keeper
from fairlead.monitoring.operations import Readings
from fairlead.monitoring.refusals import Refusal, judge

VALID_S = 120.0


def refusal_signals(keeper: Keeper) -> Iterator[Signal]:
    """Of each field that requests were ever refused for, whether they are now.

    Args:
        keeper: of refusals.
    """
    for place, now in keeper.now.items():
        endpoint = place.partition("/")[0]
        past, asked = (keeper.past.get(key, Readings()) for key in (place, f"{endpoint}/"))
        found = judge(place, now, past, asked) if endpoint else None
        if found is not None:
            yield _signal(found)


def _signal(found: Refusal) -> Signal:
    share = found.refused / found.requests
    cause = f"'{found.field}'" if found.field else "fields that the signature does not have"
    return Signal(
        endpoint=found.endpoint,
        name="schema",
        subject=found.field,
        time_us=found.time_us,
        valid_s=VALID_S,
        value=found.rise.value,
        low=found.rise.low,
        high=found.rise.high,
        proven=found.broken,
        cause=found.field,
        evidence={
            "refused": found.refused,
            "requests": found.requests,
            "share_before": found.before,
            "p_value": found.p_value,
            "why": f"{share:.1%} of the last hour's requests were refused because of {cause}, "
            f"{found.before:.1%} before.",
        },
    )
