"""Figures of how many have come to something, and when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import accumulate, cycle

from fairlead.figures.layout import CURRENT, REFERENCE, SECOND, WRONG, Figure, axis, escape, frame

_COLOURS = (REFERENCE, WRONG, CURRENT, SECOND)


def draw_reached(
    title: str, whens: Mapping[str, Sequence[float]], of: int, *, unit: str, note: str = ""
) -> Figure:
    """The share of cases that something has happened to by each time, as rising steps.

    Args:
        title: over it.
        whens: by name of the kind, when it happened to those that it did happen to.
        of: how many cases there were of each kind.
        unit: of the times.
        note: below the title.

    Example:
        >>> figure = draw_reached("Ended", {"a": [2.0, 1.0, 2.0]}, 4, unit="hours")
        >>> figure["data"][0]["x"], figure["data"][0]["y"]
        ([0.0, 1.0, 2.0], [0.0, 0.25, 0.75])
    """
    traces = []
    last = max((max(when, default=0.0) for when in whens.values()), default=0.0)
    for (name, when), colour in zip(whens.items(), cycle(_COLOURS), strict=False):
        counted = sorted(Counter(when).items())
        times = [0.0, *(time for time, _ in counted)]
        shares = [0.0, *(total / of for total in accumulate(count for _, count in counted))]
        if times[-1] < last:
            times, shares = [*times, last], [*shares, shares[-1]]
        traces.append(
            {
                "type": "scatter", "mode": "lines", "name": escape(name), "x": times, "y": shares,
                "line": {"shape": "hv", "color": colour, "width": 2},
                "hovertemplate": "by %{x:.3g}: %{y:.1%}",
            }
        )  # fmt: skip
    return {
        "data": traces,
        "layout": frame(
            title, note, xaxis=axis(unit, rangemode="tozero"),
            yaxis=axis("share", tickformat=".0%", range=[0, 1.02]), showlegend=True, height=380,
        ),
    }  # fmt: skip
