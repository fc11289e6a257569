"""Figures are valid for Plotly, and show text as text."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects
import pytest

from fairlead.figures import (
    Event,
    Figure,
    draw_densities,
    draw_effects,
    draw_heat,
    draw_intervals,
    draw_lines,
    draw_reached,
    draw_series,
    draw_shares,
    escape,
)

HOSTILE = '<a href="https://example.com">x</a><br>&lt;'
TIMES = ["2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z"]
FIGURES = [
    draw_shares(HOSTILE, [HOSTILE, "b"], [0.7, 0.3], [0.4, 0.6], note=HOSTILE),
    draw_effects(HOSTILE, [HOSTILE, "b"], [0.7, -0.3], floor=0.02, drifted={HOSTILE}, note=HOSTILE),
    draw_densities(HOSTILE, [0.0, 1.0, 3.0], [0.5, 0.5], [0.2, 0.8], note=HOSTILE),
    draw_series(HOSTILE, TIMES, [1, None], low=[0, 0], high=[2, 2], unit=HOSTILE, note=HOSTILE),
    draw_reached(HOSTILE, {HOSTILE: [2.0, 1.0], "b": []}, 3, unit=HOSTILE, note=HOSTILE),
    draw_intervals(
        HOSTILE,
        TIMES,
        bands={HOSTILE: [(1, 0, 2), None]},
        points={HOSTILE: [None, (1, None, 2)]},
        limit=1,
        unit=HOSTILE,
        note=HOSTILE,
    ),
    draw_lines(
        HOSTILE,
        TIMES,
        {HOSTILE: [1, None]},
        events=[Event(TIMES[0], "release", HOSTILE), Event(TIMES[1], "alert", HOSTILE)],
        unit=HOSTILE,
        note=HOSTILE,
    ),
    draw_heat(HOSTILE, TIMES, [HOSTILE], [[0.1, None]], most=1.0, unit=HOSTILE, note=HOSTILE),
]


def strings(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for inner in value.values() for text in strings(inner)]
    if isinstance(value, list | tuple):
        return [text for inner in value for text in strings(inner)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("figure", FIGURES)
def test_plotly_takes_the_figure(figure: Figure) -> None:
    assert len(plotly.graph_objects.Figure(figure).data) >= 1


@pytest.mark.parametrize("figure", FIGURES)
def test_no_tag_that_was_given_is_left(figure: Figure) -> None:
    shown = strings(figure)
    assert any("&lt;a href" in text for text in shown)
    assert not [text for text in shown if "<a" in text or "<br" in text]


def test_labels_are_cut_but_bars_stay_apart() -> None:
    long = ["x" * 100 + end for end in "ab"]
    figure = draw_shares("plan", long, [0.5, 0.5], [0.1, 0.9])
    assert len(set(figure["layout"]["yaxis"]["ticktext"])) == 1
    assert figure["data"][0]["y"] == [0, 1]
    assert len(escape(long[0])) == 40


def test_nothing_looks_like_much_that_is_little() -> None:
    assert (
        draw_lines("", TIMES, {"a": [0.0, None]}, least=0.02)["layout"]["yaxis"]["range"][1] < 0.03
    )
    assert draw_lines("", TIMES, {"a": []}, least=0.02)["layout"]["yaxis"]["range"] == [0, 0.02]


def test_lines_and_events_are_told_apart_without_colours() -> None:
    events = [Event(TIMES[0], "release", "a"), Event(TIMES[0], "alert", "b")]
    drawn = draw_lines("", TIMES, {"a": [1, 2], "b": [1, 2]}, events=events)["data"]
    assert len({trace["line"]["dash"] for trace in drawn if "line" in trace}) == 2
    assert len({trace["marker"]["symbol"] for trace in drawn if "marker" in trace}) == 2


def test_a_long_tail_does_not_set_the_view() -> None:
    edges = [0.0, 1.0, 2.0, 3.0, 4.0, 1e6]
    low, high = draw_densities("x", edges, [0.2] * 5, [0.2] * 5)["layout"]["xaxis"]["range"]
    assert (low, high) == (0.25, 4.75)
