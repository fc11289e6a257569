"""Two values with their intervals on one line, as small as a cell of a table."""

from __future__ import annotations

from dataclasses import dataclass

from fairlead.api.catalogue import Metric, MetricPair

WIDTH = 160
_EDGE = 8


@dataclass(frozen=True)
class Whisker:
    """Where one value and its interval lie.

    Args:
        at: the value, in units of the drawing.
        low: the lower end.
        high: the upper end.
    """

    at: float
    low: float
    high: float


def whiskers(pair: MetricPair) -> tuple[Whisker, Whisker] | None:
    """Where the values of two versions lie, on a scale that just holds both.

    Args:
        pair: a metric of both.

    Returns:
        None where one of them has no interval.

    Example:
        >>> one = Metric(name="accuracy", value=0.9, low=0.85, high=0.95)
        >>> two = Metric(name="accuracy", value=0.95, low=0.9, high=1.0)
        >>> found = whiskers(MetricPair(name="accuracy", left=one, right=two, difference=None))
        >>> found[0].low, found[1].high
        (8.0, 152.0)
    """
    if pair.left is None or pair.right is None:
        return None
    left, right = _ends(pair.left), _ends(pair.right)
    if left is None or right is None:
        return None
    low, high = min(left[0], right[0]), max(left[1], right[1])
    span = max(high - low, 1e-12)

    def place(value: float) -> float:
        return round(_EDGE + (WIDTH - 2 * _EDGE) * (value - low) / span, 1)

    return (
        Whisker(place(pair.left.value), place(left[0]), place(left[1])),
        Whisker(place(pair.right.value), place(right[0]), place(right[1])),
    )


def _ends(metric: Metric) -> tuple[float, float] | None:
    return None if metric.low is None or metric.high is None else (metric.low, metric.high)
