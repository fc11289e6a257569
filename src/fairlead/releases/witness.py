"""The shell that folds the sealed log into the evidence of releases, each file exactly once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from datetime import UTC, datetime
from functools import partial

import polars as pl
from msgspec.structs import replace

from fairlead.clock import Clock
from fairlead.predictionlog.attempts import Attempts
from fairlead.predictionlog.segments import SEGMENTS, Segment, SegmentKind
from fairlead.releases.fold import EVIDENCE, PAST_US, Folded, fold
from fairlead.releases.opened import OpenReleases
from fairlead.releases.outcomes.reckoning import Reckoner
from fairlead.releases.shadow.compare import compare
from fairlead.releases.shadow.pairs import LATE_US, asked_us
from fairlead.releases.types import Evidence, Release
from fairlead.store import ABSENT, Blobs, Put, Store

_KINDS: tuple[SegmentKind, ...] = ("predictions", "feedback")


class Witness:
    """Sees what becomes of the requests that releases concern.

    Args:
        store: of releases, segments and evidence.
        blobs: of the sealed files.
        clock: for the pace of attempts.
        beside: who reckons what comes late; see `Reckoner`.
    """

    def __init__(
        self, store: Store, blobs: Blobs, clock: Clock, beside: Executor | None = None
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._reckoner = Reckoner(store, blobs, clock, beside)
        self._opened = OpenReleases(store)
        self._attempts = Attempts(clock, "The log {} cannot be seen by releases")

    def evidence(self, release: Release) -> Evidence:
        """What is known of a release."""
        outcomes = self._reckoner.outcomes(release)
        return replace(self._folded(release).evidence, outcomes=outcomes)

    def is_read(self, segment: str) -> bool:
        """Whether every release that a segment concerns has seen it, by its record's key."""
        stored = self._store.get(SEGMENTS, segment)
        if stored is None:
            return True
        concerned = (one for one in self._judged() if _concerns(stored.value, one))
        return all(segment in self._folded(one).read for one in concerned)

    def tick(self) -> None:
        """Fold what was sealed since.

        Raises:
            StorageError: files cannot be read; all others are folded.
        """
        sealed: set[str] = set()
        for release in self._judged():
            segments = {
                stored.key: stored.value
                for kind in _KINDS
                for stored in self._store.scan(SEGMENTS, f"{kind}/{release.endpoint}/")
                if _concerns(stored.value, release)
            }
            whole = {key for key, segment in segments.items() if not segment.merged}
            sealed |= whole
            unread = whole - self._folded(release).read
            for key in sorted(unread, key=lambda key: (segments[key].low_us, key)):
                work = partial(self._fold, release, key, segments)
                self._attempts.attempt(key, work)
            sealed.add(release.id)
            self._attempts.attempt(release.id, partial(self._reckoner.reckon, release))
        self._attempts.settle(sealed)

    def _judged(self) -> list[Release]:
        """The releases that go by evidence."""
        under_way = (stored.value for stored in self._opened.find())
        return [one for one in under_way if _is_judged(one) and one.shares]

    def _folded(self, release: Release) -> Folded:
        stored = self._store.get(EVIDENCE, _key(release))
        return Folded() if stored is None else stored.value

    def _fold(self, release: Release, key: str, segments: Mapping[str, Segment]) -> None:
        """Add a file in one commit; of those that are gone nothing need be remembered."""
        stored = self._store.get(EVIDENCE, _key(release))
        before = Folded() if stored is None else stored.value
        rows = pl.read_parquet(self._blobs.locate(segments[key].blob))
        after = fold(before, release, rows) if segments[key].kind == "predictions" else before
        if release.plan.is_compared:
            near = _near(release, segments[key], rows)
            others = [
                pl.scan_parquet(self._blobs.locate(segment.blob))
                for name, segment in segments.items()
                if name != key and (name in before.read or segment.merged) and near(segment)
            ]  # what was merged had been read in parts
            after = compare(after, release, rows, others)
        read = replace(after, read=(before.read & segments.keys()) | {key})
        expect = ABSENT if stored is None else stored.revision
        self._store.commit(Put(EVIDENCE, _key(release), read, expect))


def _near(release: Release, own: Segment, rows: pl.DataFrame) -> Callable[[Segment], bool]:
    """Tells which files may hold the other half of pairs of which a file has one."""
    kind, low_us, high_us = "predictions", own.low_us, own.high_us
    if release.plan.decided_by and own.kind == "predictions":
        return lambda other: other.kind == "feedback"  # however late a person decides
    if release.plan.decided_by:
        low_us, high_us = asked_us(rows) or (0, 0)
    low_us, high_us = low_us - LATE_US, high_us + LATE_US
    return lambda other: other.kind == kind and other.low_us <= high_us and other.high_us >= low_us


def _is_judged(release: Release) -> bool:
    plan = release.plan
    return bool(plan.guards) or plan.is_compared or plan.goal is not None


def _concerns(segment: Segment, release: Release) -> bool:
    """Whether rows of a file may be of a release, or of the hour before it.

    Feedback bears the time that its sender says: when it came in is told by the day of its file.
    """
    since_us = release.created_us - PAST_US
    if segment.endpoint != release.endpoint:
        return False
    if segment.kind == "predictions":
        return segment.high_us >= since_us
    first = datetime.fromtimestamp(since_us / 1e6, UTC)
    return bool(release.plan.decided_by) and segment.day >= f"{first:%Y-%m-%d}"


def _key(release: Release) -> str:
    return EVIDENCE.key(release.endpoint, release.id)
