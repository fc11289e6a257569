"""The evidence on a guard as a page shows it: values with their units, ends in words, and a bar."""

from __future__ import annotations

from dataclasses import dataclass
from math import log

from fairlead.api.release import GuardLine
from fairlead.console import format as write
from fairlead.releases.enclose import MeasuredIn

WIDEST = 20.0
"""Ratios, and their inverses, beyond which a bar goes on to its edge."""
TITLES = {
    "failures": "Failures",
    "latency_p95": "Latency, 95 of 100",
    "latency_p99": "Latency, 99 of 100",
    "disagreement": "Disagreement",
    "difference": "Difference",
}
VERDICTS = {
    "worse": ("trouble", "Proven worse"),
    "no_worse": ("well", "Proven no worse"),
    "unknown": ("idle", "Not yet known"),
}


@dataclass(frozen=True, slots=True)
class Bar:
    """Where things lie on a bar, in hundredths of its width.

    Args:
        low: end of what is not refuted.
        high: the other one.
        value: as measured; None before it is.
        bound: of the guard.
        same: where both sides are alike; None where the value itself is bounded.
        wrong: from where to where it would be proven broken.
    """

    low: float
    high: float
    value: float | None
    bound: float
    same: float | None
    wrong: tuple[float, float]


def title_of(guard: GuardLine) -> str:
    """A guard's name, for people."""
    return TITLES.get(guard.name, guard.name)


def allows(guard: GuardLine) -> str:
    """What is neither too much nor too little, in words."""
    if guard.kind == "value":
        return f"at most {value(guard.bound, guard.measured_in)}"
    if guard.kind == "difference" and guard.measured_in == "share":
        side = "below" if guard.at_least else "above"
        return f"at most {abs(100 * guard.bound):.2g} points {side} the stable version's"
    return guard.allows


def level_of(guard: GuardLine) -> str:
    """How urgent what is proven is."""
    return VERDICTS[guard.finding][0]


def verdict(guard: GuardLine) -> str:
    """What is proven, in words."""
    return VERDICTS[guard.finding][1]


def outlook(guard: GuardLine) -> str:
    """How much more it takes, in words; nothing where something is proven.

    A guard is told from requests, from rows of a shadow, or from units whose outcome came.
    """
    if guard.finding != "unknown":
        return ""
    if guard.needed is None:
        return "Too little is seen to say how much more it takes."
    of = "units" if "units" in guard.seen else "rows" if "rows" in guard.seen else "requests"
    return f"About {write.number(_roughly(guard.needed))} more {of} to the candidate."


def _roughly(count: float) -> int:
    """Two figures: nobody knows it better."""
    return max(int(float(f"{count:.2g}")), 1)


def value(amount: float | None, measured_in: MeasuredIn) -> str:
    """One side's value, with its unit.

    Example:
        >>> value(0.0123, "share"), value(0.0512, "seconds"), value(None, "number")
        ('1.2 %', '51.2 ms', '-')
    """
    if measured_in == "share":
        return write.percent(amount)
    return write.span(amount) if measured_in == "seconds" else write.number(amount)


def apart(amount: float | None, guard: GuardLine) -> str:
    """What the guard bounds, with its unit: `1.4 times`, `-0.3 points`, `2 %`."""
    if amount is None:
        return write.NOTHING
    if guard.kind == "ratio":
        return f"{amount:.2f} times" if amount < 10 else f"{amount:.0f} times"
    if guard.kind == "difference" and guard.measured_in == "share":
        return f"{100 * amount:+.2g} points"
    sign = "+" if guard.kind == "difference" and amount > 0 else ""
    return sign + value(amount, guard.measured_in)


def between(guard: GuardLine) -> str:
    """The ends of the confidence sequence, in words."""
    low, high = guard.found.low, guard.found.high
    if low is None and high is None:
        return "nothing is ruled out yet"
    if high is None:
        return f"at least {apart(low, guard)}"
    if low is None:
        return f"at most {apart(high, guard)}"
    first = apart(low, guard)
    for unit in (" times", " points", " %"):  # said once
        first = first.removesuffix(unit) if apart(high, guard).endswith(unit) else first
    return f"{first} to {apart(high, guard)}"


def bar(guard: GuardLine) -> Bar:
    """Where a guard's ends, value and bound lie: ratios by their logarithm."""
    found, bound = guard.found, guard.bound
    if guard.kind == "ratio":
        most = log(min(max(1.6, bound**2, bound**-2, 1.25 * (found.high or 0.0)), WIDEST))

        def place(at: float) -> float:
            return 50.0 + 50.0 * log(max(at, 1e-9)) / most

        same: float | None = 50.0
    elif guard.kind == "difference":
        ends = [abs(one) for one in (found.low, found.high, found.value) if one is not None]
        most = max(2.0 * abs(bound), *(1.25 * one for one in ends), 1e-9)

        def place(at: float) -> float:
            return 50.0 + 50.0 * at / most

        same = 50.0
    else:
        most = max(2.0 * bound, 1.25 * (found.high or found.value or 0.0))

        def place(at: float) -> float:
            return 100.0 * at / most

        same = None
    at = place(bound)
    return Bar(
        low=0.0 if found.low is None else _within(place(found.low)),
        high=100.0 if found.high is None else _within(place(found.high)),
        value=None if found.value is None else _within(place(found.value)),
        bound=_within(at),
        same=same,
        wrong=(0.0, _within(at)) if guard.at_least else (_within(at), 100.0),
    )


def _within(place: float) -> float:
    return round(min(max(place, 0.0), 100.0), 2)
