"""Figures of windows of rows: how many, how far fields moved, and one of them in full."""

from __future__ import annotations

from collections.abc import Iterator
from html import unescape

from fairlead.api.charts import Cell, Chart
from fairlead.app.charts.streams import course_of, stream_of, windows_round
from fairlead.app.charts.types import Asked
from fairlead.app.monitoring import plan_of
from fairlead.errors import ConfigError, NotFoundError
from fairlead.figures import Figure
from fairlead.monitoring.course import Course
from fairlead.monitoring.draw import draw_field
from fairlead.monitoring.draw_course import draw_drift, draw_rows, iso
from fairlead.monitoring.flatten import flatten
from fairlead.monitoring.records import Stream
from fairlead.monitoring.recount import rows_at
from fairlead.nearest import nearest
from fairlead.profiles import Profile


def volume(asked: Asked) -> Chart:
    """Rows of each window, in the band that was expected."""
    course = _course(asked)
    rows: list[tuple[Cell, ...]] = []
    for each in course.moments:
        band = each.expected
        low, high = (None, None) if band is None else (band.low, band.high)
        rows.append((iso(each.start_us), each.rows, low, high))
    return Chart(
        figure=draw_rows(course),
        columns=("window", "rows", "expected, low (rows)", "expected, high (rows)"),
        rows=tuple(rows),
    )


def drift(asked: Asked) -> Chart:
    """The effect of each field in each window."""
    course = _course(asked)
    floor = plan_of(asked.workspace.settings, asked.endpoint).rule.effect_min
    return Chart(
        figure=draw_drift(course, floor),
        columns=("window", "field", "effect (PSI above chance)"),
        rows=tuple(_effects(course)),
    )


def distribution(asked: Asked) -> Chart:
    """How a field is distributed in a window, beside the rows that its version was trained on."""
    stream = _stream(asked)
    name = asked.options.get("field", "")
    current = rows_at(asked.workspace.store, stream, _window(asked, stream))
    if current is None:
        raise NotFoundError("The rows of this window are not kept any more.")
    model = asked.promise(stream.version)
    if model is None or model.profile is None:
        raise NotFoundError("What this version was trained on is not known any more.")
    figure = draw_field(model.profile, current, name)
    if figure is None:
        raise _unknown_field(model.profile, current, name)
    return Chart(
        figure=figure,
        columns=(name, *_shares_of(figure)),
        rows=tuple(_bins(figure)),
    )


def _course(asked: Asked) -> Course:
    version = asked.options.get("version", "")
    course = course_of(asked.workspace, asked.endpoint, asked.since_us, version)
    return course or Course(stream=_stream(asked), alarm=False)


def _stream(asked: Asked) -> Stream:
    stream = stream_of(asked.workspace, asked.endpoint, asked.options.get("version", ""))
    if stream is None:
        raise NotFoundError("Nobody has answered this endpoint yet.", hint="Deploy a version.")
    return stream


def _window(asked: Asked, stream: Stream) -> int:
    """The start of the window that was asked for; of the last one if none was."""
    said = asked.options.get("window", "")
    if said:
        if not said.isdecimal() or len(said) > 18:
            raise ConfigError(
                "The option 'window' is no time.",
                hint="It is the start of a window, in microseconds since 1970.",
            )
        return int(said)
    found = windows_round(asked.workspace, stream, 0)
    if not found:
        raise NotFoundError("No window of this version was looked at yet.")
    return found[-1].start_us


def _effects(course: Course) -> Iterator[tuple[Cell, ...]]:
    for place, each in enumerate(course.moments):
        for field in course.fields:
            yield iso(each.start_us), field.name, field.effects[place]


def _shares_of(figure: Figure) -> list[str]:
    """Headings: bars are shares of rows, steps are shares by unit of the field."""
    kind = "share of rows" if figure["data"][0]["type"] == "bar" else "density"
    return [f"{trace['name']} ({kind})" for trace in figure["data"]]


def _bins(figure: Figure) -> Iterator[tuple[Cell, ...]]:
    """The figure's own numbers: of categories, or of bins by their lower edge."""
    before, after = figure["data"]
    if before["type"] == "bar":
        names = map(unescape, before["customdata"])
        yield from zip(names, before["x"], after["x"], strict=True)
    else:
        yield from zip(before["x"], before["y"], after["y"], strict=True)


def _unknown_field(reference: Profile, current: Profile, name: str) -> NotFoundError:
    close = nearest(name, [pair.name for pair in flatten(reference, current)])
    hint = f"Did you mean '{close}'?" if close else "Say which with the option 'field'."
    return NotFoundError("There is no field of this name.", hint=hint)
