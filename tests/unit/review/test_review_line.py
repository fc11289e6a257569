"""Whoever takes, skips, decides and undoes in whatever order: nothing is lost or given twice."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from fairlead.clock import ManualClock
from fairlead.errors import ConflictError, FairleadError
from fairlead.review import PLACES, Place
from fairlead.review.book import ReviewBook
from fairlead.review.decide import GRACE_US, is_due
from fairlead.review.take import LEASE_US, choose, is_held, skip, take
from fairlead.store import Put
from fairlead.store.memory import MemoryStore
from support.log import START_US
from support.review import enter, name, put_route, route

PEOPLE = ("ada", "bob", "eve")
LINE = [Place(id=str(n), endpoint="churn") for n in range(3)]
ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(("take", "decide", "skip", "undo", "wait", "deliver")),
        st.sampled_from(PEOPLE),
        st.integers(0, 3),
    ),
    max_size=60,
)


def opened(count: int = 4) -> tuple[MemoryStore, ManualClock, ReviewBook]:
    store, clock = MemoryStore(), ManualClock(START_US)
    put_route(store, route(mode="shadow"))
    enter(store, *range(count))
    return store, clock, ReviewBook(store, clock)


def id_of(place: Place | None) -> str | None:
    return None if place is None else place.id


def test_the_oldest_is_taken_first_and_what_is_before_one_is_found_again() -> None:
    mine = [LINE[0], take(LINE[1], "ada", 0), LINE[2]]
    assert id_of(choose(mine, "ada", 1)) == "1"
    assert id_of(choose(mine, "bob", 1)) == "0"


def test_what_one_holds_nobody_else_gets_until_the_time_is_up() -> None:
    alone = [take(LINE[0], "ada", 0)]
    assert choose(alone, "bob", LEASE_US - 1) is None
    assert id_of(choose(alone, "bob", LEASE_US)) == "0"


def test_a_clock_that_was_set_back_keeps_nobody_from_a_task() -> None:
    assert not is_held(take(LINE[0], "ada", 10 * LEASE_US), "bob", 0)


def test_what_one_skips_goes_to_others_and_to_the_back_of_ones_own_line() -> None:
    line = [skip(take(LINE[0], "ada", 0), "ada"), *LINE[1:]]
    assert id_of(choose(line, "ada", 0)) == "1"
    assert id_of(choose(line, "bob", 0)) == "0"
    all_skipped = [skip(line[0], "ada"), *(skip(place, "ada") for place in LINE[1:])]
    assert id_of(choose(all_skipped, "ada", 0)) == "1"  # passed over less often than the first


def test_what_is_decided_is_nobodys_turn() -> None:
    assert choose([replace(LINE[0], decided_us=0)], "ada", 0) is None


@pytest.mark.parametrize(
    ("place", "now_us", "due"),
    [
        (LINE[0], 0, False),
        (replace(LINE[0], decided_us=5), GRACE_US, False),
        (replace(LINE[0], decided_us=5), GRACE_US + 5, True),
        (replace(LINE[0], decided_us=5, is_leaving=True), 6, True),
        (replace(LINE[0], decided_us=5), 4, True),  # the clock was set back
    ],
)
def test_a_decision_leaves_when_it_cannot_be_undone_any_more(
    place: Place, now_us: int, due: bool
) -> None:
    assert is_due(place, now_us) == due


def test_two_do_not_decide_the_same() -> None:
    _, clock, book = opened()
    task = book.take("churn", "ada")
    assert task is not None
    with pytest.raises(ConflictError, match="Somebody else has"):
        book.decide(task.id, "left", "bob")
    with pytest.raises(ConflictError, match="not before you"):
        book.skip(task.id, "bob")
    clock.advance(LEASE_US / 1e6)
    taken = book.take("churn", "bob")
    assert taken is not None
    assert taken.id == task.id
    with pytest.raises(ConflictError, match="Somebody else has"):
        book.decide(task.id, "left", "ada")


def test_who_is_late_may_decide_what_nobody_else_has_by_now() -> None:
    _, clock, book = opened()
    task = book.take("churn", "ada")
    assert task is not None
    clock.advance(LEASE_US / 1e6)
    assert book.decide(task.id, "left", "ada").decided_by == "ada"
    with pytest.raises(ConflictError, match="decided already"):
        book.decide(task.id, "left", "bob")


def test_undo_takes_back_ones_own_last_decision_alone() -> None:
    _, clock, book = opened()
    for said in ("left", "stayed"):
        task = book.take("churn", "ada")
        assert task is not None
        book.decide(task.id, said, "ada")
        clock.advance(1)
    with pytest.raises(ConflictError, match="no decision of yours"):
        book.undo("churn", "bob")
    assert book.undo("churn", "ada").id == name(1)
    again = book.take("churn", "ada")
    assert again is not None
    assert (again.id, again.state) == (name(1), "open")
    assert book.undo("churn", "ada").id == name(0)
    assert book.queues.line("churn").waiting == 4


def test_many_are_decided_together_or_none_is() -> None:
    _, _, book = opened()
    with pytest.raises(FairleadError):
        book.decide_all([(name(0), "left"), (name(1), "gone")], "ada")
    assert book.queues.line("churn").decided == 0
    book.decide_all([(name(0), "left"), (name(1), "stayed")], "ada")
    assert book.queues.line("churn").decided == 2


@settings(max_examples=150, deadline=None)
@given(ACTIONS)
def test_no_task_is_lost_or_given_to_two(actions: list[tuple[str, str, int]]) -> None:
    store, clock, book = opened()
    before: dict[str, tuple[str, int]] = {}  # by person: the task and until when
    delivered: set[str] = set()
    for action, person, number in actions:
        now_us = clock.now_us()
        try:
            if action == "take" and (task := book.take("churn", person)) is not None:
                others = {t for p, (t, until) in before.items() if p != person and until > now_us}
                assert task.id not in others
                assert task.state == "open"
                before[person] = (task.id, now_us + LEASE_US)
            elif action == "decide":
                book.decide(name(number), "left", person)
                before = {p: held for p, held in before.items() if held[0] != name(number)}
            elif action == "skip":
                book.skip(name(number), person)
                before = {p: held for p, held in before.items() if held[0] != name(number)}
            elif action == "undo":
                task = book.undo("churn", person)
                assert task.id not in delivered
                before[person] = (task.id, now_us + LEASE_US)
            elif action == "wait":
                clock.advance((number + 1) * LEASE_US / 3e6)
            else:
                for stored in store.scan(PLACES, "churn/"):
                    if stored.value.id == name(number) and stored.value.decided_us is not None:
                        gone = replace(stored.value, is_leaving=True)
                        store.commit(Put(PLACES, stored.key, gone, stored.revision))
                        delivered.add(stored.value.id)
        except ConflictError:
            continue
        left, done = book.queues.waiting("churn"), book.queues.decided("churn")
        assert sorted(task.id for task in [*left, *done]) == [name(n) for n in range(4)]
        assert delivered <= {task.id for task in done}
    clock.advance(2 * LEASE_US / 1e6)
    for _ in book.queues.waiting("churn"):  # whoever comes gets all that is left
        task = book.take("churn", "zoe")
        assert task is not None
        book.decide(task.id, "stayed", "zoe")
    assert book.queues.waiting("churn") == []
