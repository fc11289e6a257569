"""The shell that makes a reference of chosen days: a profile of their rows in the log."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import reduce

import msgspec
import polars as pl

from fairlead.clock import Clock
from fairlead.errors import ConflictError
from fairlead.monitoring.gather import WATCHED, Gatherer
from fairlead.monitoring.records import Stream
from fairlead.monitoring.span import Span
from fairlead.monitoring.traffic import STABLE
from fairlead.predictionlog.segments import Segment
from fairlead.profiles import Profile, merge, observe_table
from fairlead.records import Kind
from fairlead.store import ABSENT, Blobs, Put, Store

SETTLE_US = 3_600_000_000
"""After the last day, until its rows are in the log."""
ROWS_MAX = 300_000
"""More would cost more than a second, and would not tell anything better."""
BLOCKS = 24
"""Of a file of which not all rows are read, so that each of its hours has a part."""


class Chosen(msgspec.Struct, frozen=True):
    """The rows of chosen days, on the bins of one version.

    Args:
        profile: of them.
    """

    profile: Profile


CHOSEN = Kind("chosen", Chosen)


class Chooser:
    """Profiles the rows of chosen days, once for each version.

    Whichever version answered then, in the stable role: so days before a version's first one may
    be chosen as well.

    Args:
        store: of segments, and of the profiles.
        blobs: of the sealed files.
        references: of versions, whose bins are counted on.
        clock: tells whether the days are over.
    """

    def __init__(
        self, store: Store, blobs: Blobs, references: Callable[[str], Profile | None], clock: Clock
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._log = Gatherer(store, blobs)
        self._references = references
        self._clock = clock

    def __call__(self, stream: Stream, span: Span) -> Profile | None:
        """The profile of the days; None while they are not over, or if they have no rows."""
        key = CHOSEN.key(stream.place, span.name)
        stored = self._store.get(CHOSEN, key)
        if stored is not None:
            return stored.value.profile
        bins = self._references(stream.version)
        if bins is None or self._clock.now_us() < span.until_us + SETTLE_US:
            return None
        files = self._log.files("predictions", stream.endpoint, span.since_us, span.until_us)
        total = sum(each.rows for each in files)
        parts = [
            observe_table(bins, rows)
            for file in files
            if not (rows := self._rows(file, span, total)).is_empty()
        ]
        if not parts:
            return None
        profile = reduce(merge, parts)
        with suppress(ConflictError):  # another controller made the same
            self._store.commit(Put(CHOSEN, key, Chosen(profile), ABSENT))
        return profile

    def _rows(self, file: Segment, span: Span, total: int) -> pl.DataFrame:
        """Rows of a file, in blocks that are spread over it if there are too many in all."""
        table = pl.scan_parquet(self._blobs.locate(file.blob))
        if total > ROWS_MAX:
            step = max(file.rows // BLOCKS, 1)
            length = max(step * ROWS_MAX // total, 1)
            table = pl.concat([table.slice(start, length) for start in range(0, file.rows, step)])
        inside = (
            pl.col("time").dt.epoch("us").is_between(span.since_us, span.until_us, closed="left")
        )
        return table.filter(WATCHED, inside, pl.col("role") == STABLE).collect()
