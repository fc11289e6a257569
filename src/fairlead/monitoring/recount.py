"""The shell that reads what was found of an endpoint."""

from __future__ import annotations

from fairlead.monitoring.course import Course, chart
from fairlead.monitoring.records import FINDINGS, WATCHES, WINDOWS, Finding, Stream, moment
from fairlead.monitoring.types import Window
from fairlead.profiles import Profile, merge
from fairlead.store import Store


def recount(store: Store, endpoint: str, *, since_us: int = 0) -> list[Course]:
    """What was found of each stream of an endpoint, in order of version and role.

    Args:
        store: of the records.
        endpoint: its name.
        since_us: windows that ended by then are left out, microseconds since 1970.
    """
    watches = (stored.value for stored in store.scan(WATCHES, f"{endpoint}/"))
    return [chart(watch, _findings(store, watch.stream, since_us, watch.until_us))
            for watch in watches]  # fmt: skip


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


def _findings(store: Store, stream: Stream, since_us: int, until_us: int) -> list[Finding]:
    # Times are a part of keys: what those of the span begin with narrows the scan.
    first, last = moment(since_us), moment(until_us)
    alike = next((n for n in range(len(first)) if first[n] != last[n]), len(first))
    stored = store.scan(FINDINGS, f"{stream.place}/{first[:alike]}")
    return [each.value for each in stored if each.value.end_us > since_us]


def _window(store: Store, stream: Stream, start_us: int) -> Window | None:
    stored = store.get(WINDOWS, WINDOWS.key(stream.place, moment(start_us)))
    return None if stored is None else stored.value
