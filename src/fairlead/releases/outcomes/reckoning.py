"""The shell that reckons what came of a release's predictions, again whenever the log has grown.

Labels come late and are corrected, so that sums cannot be added to: they are made anew of the part
of the log that concerns the release, and no oftener than a twentieth of the time that takes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import Executor, Future
from datetime import UTC, datetime, timedelta
from functools import partial

import msgspec
import polars as pl

from fairlead.clock import Clock
from fairlead.predictionlog.segments import SEGMENTS, Segment, SegmentKind
from fairlead.predictionlog.tables import FEEDBACK_SCHEMA, PREDICTION_SCHEMA, union
from fairlead.records import Kind
from fairlead.releases.outcomes.apart import outcomes_after
from fairlead.releases.outcomes.beside import (
    columns_of,
    is_shared,
    outcomes,
    parts_of,
    since_us,
    wanted_of,
)
from fairlead.releases.outcomes.metrics import Outcomes
from fairlead.releases.types import Release
from fairlead.store import ABSENT, Blobs, Put, Store

REST = 20.0
"""Times as long as it took."""


class Reckoned(msgspec.Struct, frozen=True):
    """Outcomes, and what they were made of.

    Args:
        outcomes: of a release.
        read: the sealed files that are in them.
    """

    outcomes: Outcomes = Outcomes()
    read: frozenset[str] = frozenset()


OUTCOMES = Kind("outcomes", Reckoned)


class Reckoner:
    """Knows what came of the predictions that releases concern.

    Args:
        store: of segments and outcomes.
        blobs: of the sealed files.
        clock: for the pace.
        beside: who reckons meanwhile, since a large log takes long; None to do it at once.
    """

    def __init__(
        self, store: Store, blobs: Blobs, clock: Clock, beside: Executor | None = None
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._clock = clock
        self._beside = beside
        self._under_way: dict[str, Future[Reckoned]] = {}
        self._rested_s: dict[str, float] = {}

    def outcomes(self, release: Release) -> Outcomes:
        """What was reckoned last."""
        stored = self._store.get(OUTCOMES, _key(release))
        return Outcomes() if stored is None else stored.value.outcomes

    def reckon(self, release: Release) -> None:
        """Reckon anew, if files were sealed since and the last time is long enough ago.

        What is reckoned beside is kept by a later call.
        """
        under_way = self._under_way.get(release.id)
        if under_way is not None:
            if under_way.done():
                del self._under_way[release.id]
                self._keep(release, under_way.result())
            return
        now_s = self._clock.monotonic_s()
        if not wanted_of(release).metrics or now_s < self._rested_s.get(release.id, 0.0):
            return
        stored = self._store.get(OUTCOMES, _key(release))
        predictions, feedback = (
            self._files(release, "predictions"),
            self._files(release, "feedback"),
        )
        if stored is not None and stored.value.read == predictions.keys() | feedback.keys():
            return
        work = partial(self._reckoned, release, predictions, feedback)
        if self._beside is None:
            self._keep(release, work())
        else:
            self._under_way[release.id] = self._beside.submit(work)

    def _reckoned(
        self,
        release: Release,
        predictions: Mapping[str, Segment],
        feedback: Mapping[str, Segment],
    ) -> Reckoned:
        begun_s = self._clock.monotonic_s()
        take = outcomes if is_shared(release) else outcomes_after
        found = take(
            release,
            self._table("predictions", predictions.values(), columns_of(release)),
            self._table("feedback", feedback.values(), FEEDBACK_SCHEMA),
            parts_of(sum(file.rows for file in predictions.values())),
        )
        ended_s = self._clock.monotonic_s()
        self._rested_s[release.id] = ended_s + REST * (ended_s - begun_s)
        return Reckoned(found, frozenset(predictions.keys() | feedback.keys()))

    def _keep(self, release: Release, found: Reckoned) -> None:
        stored = self._store.get(OUTCOMES, _key(release))
        expect = ABSENT if stored is None else stored.revision
        self._store.commit(Put(OUTCOMES, _key(release), found, expect))

    def _files(self, release: Release, kind: SegmentKind) -> dict[str, Segment]:
        """Those that may hold rows of a release; feedback comes later than its prediction."""
        low_us = since_us(release)
        first = datetime.fromtimestamp(low_us / 1e6, UTC) - timedelta(days=1)
        return {
            stored.key: stored.value
            for stored in self._store.scan(SEGMENTS, f"{kind}/{release.endpoint}/")
            if (stored.value.high_us >= low_us if kind == "predictions" else True)
            and stored.value.day >= f"{first:%Y-%m-%d}"
        }

    def _table(
        self, kind: SegmentKind, files: Iterable[Segment], columns: Collection[str]
    ) -> pl.LazyFrame:
        """Rows of files, in these columns and null where a file lacks one."""
        schema = PREDICTION_SCHEMA if kind == "predictions" else FEEDBACK_SCHEMA
        known = {name: schema[name] for name in columns if name in schema}
        parts = [pl.DataFrame(schema=known).lazy()]
        for file in files:
            table = pl.scan_parquet(self._blobs.locate(file.blob))
            there = [name for name in table.collect_schema().names() if name in columns]
            parts.append(table.select(there))
        return union(parts)


def _key(release: Release) -> str:
    return OUTCOMES.key(release.endpoint, release.id)
