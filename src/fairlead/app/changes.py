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
from fairlead.review import PLACES
from fairlead.routing import ROUTES
from fairlead.schedules import STANDINGS
from fairlead.store import Store
from fairlead.updates import UPDATES, UPDATING

# Of each kind: whether each endpoint's, or queue's, records are a topic of their own.
KINDS: tuple[tuple[Kind[Any], bool], ...] = (
    (ALERTS, True),
    (COURSE, True),
    (EVALUATIONS, False),
    (EVIDENCE, True),
    (MODELS, False),
    (NOTIFICATIONS, False),
    (OUTCOMES, True),
    (PLACES, True),
    (RELEASES, True),
    (ROUTES, True),
    (SILENCES, False),
    (STANDINGS, True),
    (UPDATES, True),
    (UPDATING, True),
    (VERSIONS, False),
)
REMOVED: tuple[Kind[Any], ...] = (ALERTS, NOTIFICATIONS, PLACES, SILENCES)
"""Kinds whose records may end by being removed, of which no revision tells."""


class Changes:
    """Knows when something of each topic was written last, and how much there is of it.

    Args:
        store: of the records.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen = 0
        self._written: dict[str, int] = {}
        self._topics: dict[str, str] = {}

    def look(self) -> dict[str, str]:
        """A text for each topic that is another one after each change of it."""
        revision = self._store.revision()
        if revision != self._seen:
            written = dict(self._written)
            for kind, own in KINDS:
                for stored in self._store.scan(kind, after=self._seen):
                    topic = "/".join(stored.key.split("/")[: 2 if own else 1])
                    written[topic] = max(stored.revision, written.get(topic, 0))
            self._topics = {topic: self._text(topic, last) for topic, last in written.items()}
            self._written, self._seen = written, revision
        return self._topics

    def _text(self, topic: str, written: int) -> str:
        """When it was written last; with the number of records where some may be removed."""
        name, _, own = topic.partition("/")
        for kind in REMOVED:
            if kind.prefix == name:
                return f"{written}.{self._store.count(kind, f'{own}/' if own else '')}"
        return str(written)
