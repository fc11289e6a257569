"""The shell that folds the sealed log into the evidence of releases, each file exactly once."""

from __future__ import annotations

from functools import partial

import polars as pl
from msgspec.structs import replace

from fairlead.clock import Clock
from fairlead.predictionlog.attempts import Attempts
from fairlead.predictionlog.segments import SEGMENTS, Segment
from fairlead.releases.fold import EVIDENCE, PAST_US, Folded, fold
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
        self._attempts = Attempts(clock, "The log {} cannot be seen by releases")

    def evidence(self, release: Release) -> Evidence:
        """What is known of a release."""
        stored = self._store.get(EVIDENCE, _key(release))
        return Evidence() if stored is None else stored.value.evidence

    def is_read(self, segment: str) -> bool:
        """Whether every release that a segment concerns has seen it, by its record's key."""
        stored = self._store.get(SEGMENTS, segment)
        if stored is None or stored.value.kind != "predictions":
            return True
        return not any(self._lacks(one, segment, stored.value) for one in self._judged())

    def tick(self) -> None:
        """Fold what was sealed since.

        Raises:
            StorageError: files cannot be read; all others are folded.
        """
        seen = []
        for release in self._judged():
            for stored in self._store.scan(SEGMENTS, f"predictions/{release.endpoint}/"):
                if not stored.value.merged and self._lacks(release, stored.key, stored.value):
                    seen.append(stored.key)
                    self._attempts.attempt(
                        stored.key, partial(self._fold, release, stored.key, stored.value)
                    )
        self._attempts.settle(seen)

    def _judged(self) -> list[Release]:
        """The releases that go by evidence."""
        releases = (stored.value for stored in self._store.scan(RELEASES))
        return [one for one in releases if one.state in OPEN and one.plan.guards and one.shares]

    def _lacks(self, release: Release, key: str, segment: Segment) -> bool:
        if segment.endpoint != release.endpoint or segment.high_us < release.created_us - PAST_US:
            return False
        stored = self._store.get(EVIDENCE, _key(release))
        return stored is None or key not in stored.value.read

    def _fold(self, release: Release, key: str, segment: Segment) -> None:
        stored = self._store.get(EVIDENCE, _key(release))
        before = Folded() if stored is None else stored.value
        rows = pl.read_parquet(self._blobs.locate(segment.blob))
        after = fold(before, release, rows)
        read = replace(after, read=after.read | {key})
        expect = ABSENT if stored is None else stored.revision
        self._store.commit(Put(EVIDENCE, _key(release), read, expect))


def _key(release: Release) -> str:
    return EVIDENCE.key(release.endpoint, release.id)
