"""The releases that are under way, found without reading those that have ended."""

from __future__ import annotations

import threading

from fairlead.releases.types import OPEN, RELEASES, Release
from fairlead.store import Store, Stored


class OpenReleases:
    """Reads each release once, and again when it was written since.

    A release is never deleted, so one that is not written again is as it was.

    Args:
        store: of the releases; other processes may write there too.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._seen = 0
        self._found: dict[str, Stored[Release]] = {}

    def find(self, endpoint: str = "") -> list[Stored[Release]]:
        """Those under way now, of an endpoint or of all if it is empty, by key."""
        with self._lock:
            self._look()
            found = sorted(self._found.items())
        return [stored for _, stored in found if endpoint in ("", stored.value.endpoint)]

    def _look(self) -> None:
        revision = self._store.revision()  # before the rest: what comes meanwhile is read again
        if revision == self._seen:
            return
        for stored in self._store.scan(RELEASES, after=self._seen):
            if stored.value.state in OPEN:
                self._found[stored.key] = stored
            else:
                self._found.pop(stored.key, None)
        self._seen = revision
