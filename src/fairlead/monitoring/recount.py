"""The shell that reads what was found of an endpoint."""

from __future__ import annotations

from typing import TypeVar

from fairlead.monitoring.accounts import STATEMENTS, Statement
from fairlead.monitoring.course import Course, chart
from fairlead.monitoring.days import DAYS, Day
from fairlead.monitoring.recall import DAY_US
from fairlead.monitoring.records import (
    FINDINGS,
    WATCHES,
    WINDOWS,
    Finding,
    Stream,
    Watch,
    moment,
    spans,
)
from fairlead.monitoring.retain import DAYS_US
from fairlead.monitoring.types import Window
from fairlead.profiles import Profile, merge
from fairlead.records import Kind
from fairlead.store import Store

Dated = TypeVar("Dated", Finding, Statement)


def recount(store: Store, endpoint: str, *, since_us: int = 0) -> list[Course]:
    """What was found of each stream of an endpoint, in order of version and role.

    Args:
        store: of the records.
        endpoint: its name.
        since_us: windows, and days, that began before are left out, microseconds since 1970.
    """
    watches = (stored.value for stored in store.scan(WATCHES, f"{endpoint}/"))
    return [_course(store, watch, since_us) for watch in watches]


def recount_stream(store: Store, stream: Stream, *, since_us: int = 0) -> Course | None:
    """What was found of one stream; None if it was never watched.

    Args:
        store: of the records.
        stream: of rows.
        since_us: as in `recount`.
    """
    stored = store.get(WATCHES, WATCHES.key(stream.place))
    return None if stored is None else _course(store, stored.value, since_us)


def stated(store: Store, stream: Stream, *, since_us: int, until_us: int) -> list[Statement]:
    """The statements of windows that began in a span of time and were over by its end, in order.

    Args:
        store: of the records.
        stream: of rows.
        since_us: when it began, microseconds since 1970.
        until_us: when it ended.
    """
    found = _dated(store, STATEMENTS, stream, since_us, until_us)
    return [statement for statement in found if statement.end_us <= until_us]


def gather(store: Store, course: Course, *, last: int) -> Profile | None:
    """The profile of a stream's last windows together; None if they are not there any more.

    Args:
        store: of the records.
        course: of the stream.
        last: how many windows at most.
    """
    found: Profile | None = None
    for each in course.moments[-last:]:
        window = _window(store, course.stream, each.start_us)
        if window is not None:
            found = window.profile if found is None else merge(found, window.profile)
    return found


def rows_at(store: Store, stream: Stream, start_us: int) -> Profile | None:
    """The profile of a window, or of a day of long ago; None if it is not there any more.

    Args:
        store: of the records.
        stream: of rows.
        start_us: of the window or day, microseconds since 1970.
    """
    window = _window(store, stream, start_us)
    if window is not None:
        return window.profile
    day = store.get(DAYS, DAYS.key(stream.place, moment(start_us)))
    return None if day is None else day.value.profile


def findings(store: Store, stream: Stream, *, since_us: int, until_us: int) -> list[Finding]:
    """What was found in the windows that began in a span of time, in order.

    Args:
        store: of the records.
        stream: of rows.
        since_us: when the span began, microseconds since 1970.
        until_us: when it ended.
    """
    found = _dated(store, FINDINGS, stream, since_us, until_us)
    return [one for one in found if one.start_us < until_us]


def _course(store: Store, watch: Watch, since_us: int) -> Course:
    return chart(
        watch,
        _dated(store, FINDINGS, watch.stream, since_us, watch.until_us),
        _days(store, watch, since_us),
    )


def _dated(
    store: Store, kind: Kind[Dated], stream: Stream, since_us: int, until_us: int
) -> list[Dated]:
    """Those of windows that began since a time; of keys, only what may be one is read."""
    found: list[Dated] = []
    for digits in spans(since_us, until_us):
        found += [each.value for each in store.scan(kind, f"{stream.place}/{digits}")]
    return [each for each in found if each.start_us >= since_us]


def _days(store: Store, watch: Watch, since_us: int) -> list[Day]:
    """Those since a time of which there are no findings any more."""
    first_us = max(-(-since_us // DAY_US) * DAY_US, watch.archived_us - DAYS_US)
    keys = (
        DAYS.key(watch.stream.place, moment(start_us))
        for start_us in range(first_us, watch.archived_us, DAY_US)
    )
    found = (store.get(DAYS, key) for key in keys)
    return [stored.value for stored in found if stored is not None]


def _window(store: Store, stream: Stream, start_us: int) -> Window | None:
    stored = store.get(WINDOWS, WINDOWS.key(stream.place, moment(start_us)))
    return None if stored is None else stored.value
