"""Figures of how requests came and fared, with releases and alerts on the time axis."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fairlead.api.charts import Chart
from fairlead.app.charts.events import events
from fairlead.app.charts.types import Asked
from fairlead.figures import draw_lines
from fairlead.monitoring.draw_course import iso
from fairlead.monitoring.operations import READINGS, Pace, paces

Take = Callable[[Pace], float | None]


def requests(asked: Asked) -> Chart:
    """Requests a second."""
    return _drawn(asked, "Requests", {"requests": lambda pace: pace.rate}, unit="per second")


def errors(asked: Asked) -> Chart:
    """Share of requests that failed."""
    takes: dict[str, Take] = {"failed": lambda pace: pace.error_ratio}
    return _drawn(asked, "Errors", takes, unit="share of requests", tickformat=".1%", least=0.02)


def latency(asked: Asked) -> Chart:
    """Times within which half and 99 of 100 requests were answered."""
    takes: dict[str, Take] = {
        "p99": lambda pace: _ms(pace.p99_s),
        "p50": lambda pace: _ms(pace.p50_s),
    }
    return _drawn(asked, "Latency", takes, unit="ms")


def _drawn(
    asked: Asked,
    title: str,
    takes: Mapping[str, Take],
    *,
    unit: str,
    tickformat: str = "",
    least: float = 1.0,
) -> Chart:
    stored = asked.workspace.store.get(READINGS, READINGS.key(asked.endpoint))
    found = () if stored is None else paces(stored.value)
    lately = [pace for pace in found if pace.end_us >= asked.since_us]
    times = [iso(pace.end_us) for pace in lately]
    lines = {name: [take(pace) for pace in lately] for name, take in takes.items()}
    return Chart(
        figure=draw_lines(
            title, times, lines, events=events(asked), unit=unit, tickformat=tickformat, least=least
        ),
        columns=("time", *(f"{name} ({unit})" for name in lines)),
        rows=tuple(zip(times, *lines.values(), strict=True)),
    )


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000
