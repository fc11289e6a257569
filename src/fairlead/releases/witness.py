"""The shell that folds the sealed log into the evidence of releases, each file exactly once."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import polars as pl
from msgspec.structs import replace

from fairlead.clock import Clock
from fairlead.predictionlog.attempts import Attempts
from fairlead.predictionlog.segments import SEGMENTS, Segment
from fairlead.releases.fold import EVIDENCE, PAST_US, Folded, fold
from fairlead.releases.reckoning import Reckoner
from fairlead.releases.types import OPEN, RELEASES, Evidence, Release
from fairlead.store import ABSENT, Blobs, Put, Store


class Witness:
    """Sees what becomes of the requests that releases concern.

    Args:
        store: of releases, segments and evidence.
        blobs: of the sealed files.
        clock: for the pace of attempts.
    """

    def __init__(self, store: Store, blobs: Blobs, clock: Clock) -> None:
        self._store = store
        self._blobs = blobs
        self._reckoner = Reckoner(store, blobs, clock)
        self._attempts = Attempts(clock, "The log {} cannot be seen by releases")

    def evidence(self, release: Release) -> Evidence:
        """What is known of a release."""
        outcomes = self._reckoner.outcomes(release)
        return replace(self._folded(release).evidence, outcomes=outcomes)

    def is_read(self, segment: str) -> bool:
        """Whether every release that a segment concerns has seen it, by its record's key."""
        stored = self._store.get(SEGMENTS, segment)
        if stored is None or stored.value.kind != "predictions":
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
                for stored in self._store.scan(SEGMENTS, f"predictions/{release.endpoint}/")
                if not stored.value.merged and _concerns(stored.value, release)
            }
            sealed |= segments.keys()
            unread = segments.keys() - self._folded(release).read
            for key in sorted(unread, key=lambda key: (segments[key].low_us, key)):
                work = partial(self._fold, release, key, segments)
                self._attempts.attempt(key, work)
            sealed.add(release.id)
            self._attempts.attempt(release.id, partial(self._reckoner.reckon, release))
        self._attempts.settle(sealed)

    def _judged(self) -> list[Release]:
        """The releases that go by evidence."""
        releases = (stored.value for stored in self._store.scan(RELEASES))
        return [
            one
            for one in releases
            if one.state in OPEN and one.shares and (one.plan.guards or one.plan.goal)
        ]

    def _folded(self, release: Release) -> Folded:
        stored = self._store.get(EVIDENCE, _key(release))
        return Folded() if stored is None else stored.value

    def _fold(self, release: Release, key: str, segments: Mapping[str, Segment]) -> None:
        """Add a file in one commit; of those that are gone nothing need be remembered."""
        stored = self._store.get(EVIDENCE, _key(release))
        before = Folded() if stored is None else stored.value
        after = fold(before, release, pl.read_parquet(self._blobs.locate(segments[key].blob)))
        read = replace(after, read=(before.read & segments.keys()) | {key})
        expect = ABSENT if stored is None else stored.revision
        self._store.commit(Put(EVIDENCE, _key(release), read, expect))


def _concerns(segment: Segment, release: Release) -> bool:
    """Whether rows of a file may be of a release, or of the hour before it."""
    recent = segment.high_us >= release.created_us - PAST_US
    return segment.endpoint == release.endpoint and recent


def _key(release: Release) -> str:
    return EVIDENCE.key(release.endpoint, release.id)
