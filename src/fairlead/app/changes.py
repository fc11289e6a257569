"""What changed in the store, by topic, for pages that are to be made anew."""

from __future__ import annotations

from typing import Any

from fairlead.alerts import ALERTS, NOTIFICATIONS, SILENCES
from fairlead.records import Kind
from fairlead.registry.types import EVALUATIONS, MODELS, VERSIONS
from fairlead.releases import RELEASES
from fairlead.releases.course import COURSE
from fairlead.releases.fold import EVIDENCE
from fairlead.releases.outcomes.reckoning import OUTCOMES
from fairlead.routing import ROUTES
from fairlead.schedules import STANDINGS
from fairlead.store import Store

# Of each kind: whether each endpoint's records are a topic of their own.
KINDS: tuple[tuple[Kind[Any], bool], ...] = (
    (ALERTS, True),
    (COURSE, True),
    (EVALUATIONS, False),
    (EVIDENCE, True),
    (MODELS, False),
    (NOTIFICATIONS, False),
    (OUTCOMES, True),
    (RELEASES, True),
    (ROUTES, True),
    (SILENCES, False),
    (STANDINGS, True),
    (VERSIONS, False),
)


class Changes:
    """Knows when something of each topic was written last.

    Args:
        store: of the records.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen = 0
        self._topics: dict[str, str] = {}

    def look(self) -> dict[str, str]:
        """The revision at which something of each topic was written last, as text."""
        revision = self._store.revision()
        if revision != self._seen:
            found = dict(self._topics)
            for kind, own in KINDS:
                for stored in self._store.scan(kind, after=self._seen):
                    topic = "/".join(stored.key.split("/")[: 2 if own else 1])
                    found[topic] = str(max(stored.revision, int(found.get(topic, "0"))))
            self._topics, self._seen = found, revision
        return self._topics
