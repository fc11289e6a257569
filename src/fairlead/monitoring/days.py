"""What remains of the hours of a day: their rows as one profile, and what they proved."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce

import msgspec
from msgspec.structs import replace

from fairlead.monitoring.accounts import Statement
from fairlead.monitoring.ledger import Tally, merge_tallies
from fairlead.monitoring.recall import DAY_US
from fairlead.monitoring.records import Finding, Stream
from fairlead.monitoring.types import Window
from fairlead.profiles import Profile, merge
from fairlead.records import Kind


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """A day of a stream, of which the hours are no more.

    Args:
        stream: whose rows.
        start_us: of the day, UTC, microseconds since 1970.
        end_us: of the day.
        profile: of its rows.
        found: windows that were looked at.
        unusual: of these, how many had far too few or too many rows.
        alarms: fields whose drift was proven in it.
        recovered: fields whose drift was over.
        broken: fields with a fault.
        tally: what metrics are estimated from, with the labels that had come by then; None
            without an estimator.
    """

    stream: Stream
    start_us: int
    end_us: int
    profile: Profile
    found: int = 0
    unusual: int = 0
    alarms: tuple[str, ...] = ()
    recovered: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    tally: Tally | None = None


DAYS = Kind("day", Day)


def add_rows(before: Day | None, stream: Stream, start_us: int, profile: Profile) -> Day:
    """A day with some rows more.

    Args:
        before: what is known of the day.
        stream: whose.
        start_us: of the day.
        profile: of the rows.
    """
    if before is not None:
        return replace(before, profile=merge(before.profile, profile))
    return Day(stream=stream, start_us=start_us, end_us=start_us + DAY_US, profile=profile)


def add_hours(
    before: Day | None,
    stream: Stream,
    start_us: int,
    windows: Sequence[Window],
    findings: Sequence[Finding],
    statements: Iterable[Statement],
) -> Day | None:
    """A day with what its hours tell.

    Args:
        before: what is known of the day, as of rows that came very late.
        stream: whose.
        start_us: of the day.
        windows: of its hours.
        findings: likewise.
        statements: likewise.

    Returns:
        None if it had no rows.
    """
    day = before
    if windows:
        profile = reduce(merge, (window.profile for window in windows))
        day = add_rows(before, stream, start_us, profile)
    if day is None:
        return None
    tallies = [tally for tally in (day.tally, *(s.tally for s in statements)) if tally is not None]
    return replace(
        day,
        found=day.found + len(findings),
        unusual=day.unusual + sum(1 for f in findings if f.volume is not None and f.volume.broken),
        alarms=_names(day.alarms, *(f.detection.alarms for f in findings)),
        recovered=_names(day.recovered, *(f.detection.recovered for f in findings)),
        broken=_names(day.broken, *([q.field for q in f.comparison.broken] for f in findings)),
        tally=reduce(merge_tallies, tallies) if tallies else None,
    )


def _names(*named: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for names in named for name in names))
