"""The shell that reads what was found of an endpoint."""

from __future__ import annotations

from typing import TypeVar

from fairlead.monitoring.accounts import STATEMENTS, Statement
from fairlead.monitoring.course import Course, chart
from fairlead.monitoring.records import FINDINGS, WATCHES, WINDOWS, Finding, Stream, moment
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
        since_us: windows that began before are left out, microseconds since 1970.
    """
    watches = (stored.value for stored in store.scan(WATCHES, f"{endpoint}/"))
    return [
        chart(watch, _dated(store, FINDINGS, watch.stream, since_us, watch.until_us))
        for watch in watches
    ]


def stated(store: Store, stream: Stream, *, since_us: int, until_us: int) -> list[Statement]:
    """The statements of a stream's windows that began in a span of time, oldest first.

    Args:
        store: of the records.
        stream: of rows.
        since_us: when it began, microseconds since 1970.
        until_us: when it ended.
    """
    return _dated(store, STATEMENTS, stream, since_us, until_us)


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


def _dated(
    store: Store, kind: Kind[Dated], stream: Stream, since_us: int, until_us: int
) -> list[Dated]:
    """Those of windows that began since a time; of keys, only what may be one is read."""
    found: list[Dated] = []
    for digits in spans(since_us, until_us):
        found += [each.value for each in store.scan(kind, f"{stream.place}/{digits}")]
    return [each for each in found if each.start_us >= since_us]


def spans(since_us: int, until_us: int) -> list[str]:
    """What the keys of all times of a span begin with: some tens or a hundred of them, in order."""
    cut = max(len(str(max(until_us - since_us, 0))) - 2, 1)
    step_us = 10**cut
    first, last = since_us // step_us, until_us // step_us
    return [moment(each * step_us)[:-cut] for each in range(first, last + 1)]


def _window(store: Store, stream: Stream, start_us: int) -> Window | None:
    stored = store.get(WINDOWS, WINDOWS.key(stream.place, moment(start_us)))
    return None if stored is None else stored.value
