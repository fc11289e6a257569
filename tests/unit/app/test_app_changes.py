"""A topic's text is another one after each change: of what is written, and of what is removed."""

from __future__ import annotations

import pytest

from fairlead.alerts import SILENCES, Silence
from fairlead.app.changes import Changes
from fairlead.registry.types import MODELS
from fairlead.review import PLACES
from fairlead.review.types import Place
from fairlead.store import Delete, Put
from fairlead.store.memory import MemoryStore

PLACE = Place(id="1", endpoint="churn")
SILENCE = Silence(id="1", endpoint="churn", until_us=9, actor="ann", created_us=1)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def test_nothing_written_is_no_topic(store: MemoryStore) -> None:
    assert Changes(store).look() == {}


def test_what_is_removed_moves_its_own_topic_alone(store: MemoryStore) -> None:
    changes = Changes(store)
    for queue in ("risk", "risky"):
        store.commit(Put(PLACES, PLACES.key(queue, "1"), PLACE, None))
    store.commit(Put(PLACES, PLACES.key("risk", "2"), PLACE, None))
    store.commit(Put(SILENCES, SILENCES.key("1"), SILENCE, None))
    before = changes.look()
    assert set(before) == {"queue/risk", "queue/risky", SILENCES.prefix}
    assert changes.look() == before
    store.commit(Delete(PLACES.key("risk", "2"), None))
    after = changes.look()
    assert {topic for topic in after if after[topic] != before[topic]} == {"queue/risk"}
    store.commit(Delete(PLACES.key("risk", "1"), None), Delete(SILENCES.key("1"), None))
    last = changes.look()
    assert {topic for topic in last if last[topic] != after[topic]} == {
        "queue/risk",
        SILENCES.prefix,
    }


def test_who_looks_first_later_sees_what_is_there(store: MemoryStore) -> None:
    store.commit(Put(PLACES, PLACES.key("risk", "1"), PLACE, None))
    assert Changes(store).look() == Changes(store).look()
    assert MODELS.prefix not in Changes(store).look()
