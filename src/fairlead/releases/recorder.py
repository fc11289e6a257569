"""The shell that keeps the course of each release as its evidence grows."""

from __future__ import annotations

from fairlead.releases.course import COURSE, Course, add_look, look_at, same
from fairlead.releases.types import Evidence, Release
from fairlead.store import ABSENT, Put, Store, Stored


class Recorder:
    """Keeps what was known of releases over time.

    Args:
        store: of the courses.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._last: dict[str, Evidence] = {}

    def course(self, release: Release) -> Course:
        """What was known of a release until now."""
        stored = self._stored(release)
        return Course() if stored is None else stored.value

    def note(self, release: Release, evidence: Evidence, now_us: int) -> None:
        """Add a look, if anything more is known than at the last one."""
        plan = release.plan
        watched = release.shares and (plan.guards or plan.goal is not None)
        if not watched or self._last.get(release.id) == evidence:
            return
        look, stored = look_at(release, evidence, now_us), self._stored(release)
        before = Course() if stored is None else stored.value
        if not before.looks or not same(before.looks[-1], look):
            expect = ABSENT if stored is None else stored.revision
            self._store.commit(Put(COURSE, _key(release), add_look(before, look), expect))
        self._last[release.id] = evidence

    def forget(self, release: Release) -> None:
        """Keep nothing more in memory of a release that has ended."""
        self._last.pop(release.id, None)

    def _stored(self, release: Release) -> Stored[Course] | None:
        return self._store.get(COURSE, _key(release))


def _key(release: Release) -> str:
    return COURSE.key(release.endpoint, release.id)
