"""The shell over a store: what is written, told and silenced, whatever happens in between."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.alerts import (
    ALERTS,
    NOTIFICATIONS,
    SILENCES,
    AlertBook,
    AlertController,
    Message,
    Rule,
    Severity,
    Signal,
)
from fairlead.alerts.controller import KEEP_US
from fairlead.alerts.tell import ALERTS_MAX
from fairlead.clock import ManualClock
from fairlead.errors import ConfigError, ConflictError, NotFoundError
from fairlead.store import Store, open_store
from fairlead.store.memory import MemoryStore
from support.alerts import HOUR_US, MINUTE_US, START_US, rule, signal

CHANNELS: dict[str, list[Severity]] = {"phone": ["page"], "all": ["page", "ticket", "digest"]}


class World:
    """A controller over a store, and a clock that tests turn."""

    def __init__(self, *rules: Rule, store: Store | None = None) -> None:
        self.store = store or MemoryStore()
        self.clock = ManualClock(START_US)
        self.rules = list(rules) or [rule(severity="page", keep_for_s=0)]
        self.controller = AlertController(
            self.store, self.clock, lambda _: self.rules, CHANNELS, digest_hour=7
        )
        self.book = AlertBook(self.store, self.clock)

    def look(self, *signals: Signal, after_s: float = 0) -> list[tuple[str, Message]]:
        """Tick; gives what is newly told."""
        self.clock.advance(after_s)
        known = {stored.key for stored in self.store.scan(NOTIFICATIONS)}
        self.controller.tick(signals)
        self.check_that_again_changes_nothing(signals)
        fresh = [s.value for s in self.store.scan(NOTIFICATIONS) if s.key not in known]
        return [(n.channel, n.message) for n in fresh]

    def check_that_again_changes_nothing(self, signals: Sequence[Signal]) -> None:
        revision = self.store.revision()
        self.controller.tick(signals)
        assert self.store.revision() == revision

    def now(self, value: float = 0.9, **changes: Any) -> Signal:
        """A signal of this moment."""
        return signal(value, self.clock.now_us() - START_US, **changes)

    def states(self) -> dict[str, str]:
        return {alert.name: alert.state for alert in self.book.alerts()}


def test_what_fires_and_is_resolved_is_told_once_each() -> None:
    world = World()
    told = world.look(world.now())
    assert [(channel, m.title[:6]) for channel, m in told] == [
        ("all", "[page]"),
        ("phone", "[page]"),
    ]
    assert world.look(world.now(), after_s=60) == []
    told = world.look(signal(0.1, 2 * MINUTE_US), after_s=60)
    assert [channel for channel, _ in told] == ["all", "phone"]
    assert world.look(signal(0.1, 3 * MINUTE_US), after_s=60) == []


def test_resolved_is_told_to_whom_firing_was() -> None:
    world = World()
    world.look(world.now())
    world.clock.advance(60)
    told = world.look(world.now(0.1))
    assert [(channel, m.title.partition(" ")[0]) for channel, m in told] == [
        ("all", "[resolved]"), ("phone", "[resolved]"),
    ]  # fmt: skip


def test_the_change_the_notification_and_the_audit_are_one_commit() -> None:
    world = World()
    before = world.store.revision()
    world.look(world.now())
    assert world.store.revision() == before + 1
    (event,) = world.store.events()
    assert (event.action, event.subject) == ("alert firing", "alert/churn/errors/")
    assert event.detail["value"] == 0.9
    assert event.detail["reason"] == "error_rate is 0.9, above 0.5."


def test_severities_go_to_the_channels_that_take_them() -> None:
    world = World(rule(severity="ticket"))
    assert [channel for channel, _ in world.look(world.now())] == ["all"]


def test_alerts_of_one_cause_share_a_message() -> None:
    world = World(
        rule(), rule(name="lower", severity="page", metric="accuracy", above=None, below=0.7)
    )
    crm = [world.now(subject=s, cause="crm") for s in ("age", "plan")]
    crm += [world.now(0.5, name="accuracy", cause="crm"), world.now(subject="x")]
    told = world.look(*crm)
    assert [(c, m.cause, len(m.alerts), m.severity) for c, m in told] == [
        ("all", "crm", 3, "page"), ("phone", "crm", 3, "page"), ("all", "x", 1, "ticket"),
    ]  # fmt: skip
    world.clock.advance(60)
    told = world.look(*crm, world.now(subject="z", cause="crm"))
    (message,) = [m for _, m in told]
    assert [a.subject for a in message.alerts] == ["z", "", "age", "plan"], "what still fires"


def test_a_message_too_long_becomes_several() -> None:
    world = World(rule(severity="page"))
    told = world.look(*[world.now(subject=f"f{n}", cause="crm") for n in range(2 * ALERTS_MAX + 1)])
    sizes = [len(m.alerts) for channel, m in told if channel == "phone"]
    assert sizes == [ALERTS_MAX, ALERTS_MAX, 1]


def test_a_digest_is_one_message_a_day() -> None:
    world = World(rule(severity="digest", keep_for_s=0))
    world.clock.set(START_US + HOUR_US)  # nine in the morning
    assert world.look(world.now(subject="age")) == []
    world.clock.advance(3600)
    assert world.look(world.now(subject="plan"), world.now(0.1, subject="age")) == []
    told = world.look(after_s=20.9 * 3600)
    assert told == []
    told = world.look(after_s=0.2 * 3600)
    assert [(channel, len(m.alerts)) for channel, m in told] == [("all", 2)]
    assert world.look(after_s=60) == []


def test_what_is_silenced_is_told_when_the_silence_ends() -> None:
    world = World()
    world.book.silence("churn", 600, reason="known")
    assert world.look(world.now()) == []
    assert world.states() == {"churn/errors": "firing"}, "it is there all the same"
    assert world.look(world.now(), after_s=599) == []
    told = world.look(world.now(), after_s=1)
    assert [channel for channel, _ in told] == ["all", "phone"]
    assert world.store.scan(SILENCES) == []


def test_of_what_was_over_before_the_silence_ended_no_word_is_said() -> None:
    world = World()
    world.book.silence("churn", 600)
    world.look(world.now())
    world.clock.advance(60)
    assert world.look(world.now(0.1)) == []
    assert world.look(after_s=600) == []


def test_what_was_told_as_firing_is_told_as_resolved_silence_or_not() -> None:
    world = World()
    world.look(world.now())
    world.book.silence("churn", 600)
    world.clock.advance(60)
    assert [m.title[:10] for _, m in world.look(world.now(0.1))] == ["[resolved]"] * 2


@pytest.mark.parametrize(
    ("chosen", "quiet"),
    [
        ({}, True), ({"rule": "err*"}, True), ({"rule": "slow"}, False),
        ({"subject": "age"}, True), ({"subject": "plan"}, False), ({"subject": "a?e"}, True),
    ],
)  # fmt: skip
def test_a_silence_covers_what_it_names(chosen: dict[str, str], quiet: bool) -> None:
    world = World()
    world.book.silence("other", 600)
    world.book.silence("churn", 600, **chosen)
    assert bool(world.look(world.now(subject="age"))) != quiet


def test_a_silence_can_be_taken_back_and_must_end() -> None:
    world = World()
    made = world.book.silence("churn", 600, actor="ada")
    world.look(world.now())
    world.book.unsilence(made.id)
    assert world.look(world.now()) != []
    assert [e.action for e in world.store.events() if e.subject.startswith("silence")] == [
        "alerts silenced", "alerts unsilenced",
    ]  # fmt: skip
    with pytest.raises(NotFoundError):
        world.book.unsilence(made.id)
    for for_s in (0, -1, float("inf"), float("nan")):
        with pytest.raises(ConfigError):
            world.book.silence("churn", for_s)


def test_a_restart_forgets_nothing(tmp_path: Path) -> None:
    url = f"sqlite://{tmp_path / 'store.db'}"
    watching = rule(severity="page", for_s=600, keep_for_s=600)
    store = open_store(url)
    world = World(watching, store=store)
    world.look(world.now())
    store.close()
    store = open_store(url)
    again = World(watching, store=store)
    again.clock.set(START_US + 10 * MINUTE_US)
    assert again.look(again.now()) != []
    assert again.states() == {"churn/errors": "firing"}
    store.close()
    store = open_store(url)
    third = World(watching, store=store)
    third.clock.set(START_US + 11 * MINUTE_US)
    assert third.look(third.now()) == [], "it was told before"
    store.close()


def test_a_steady_state_writes_nothing() -> None:
    """A look follows each commit: one that always wrote would never rest."""
    world = World()
    world.look(world.now())
    revision = world.store.revision()
    for _ in range(100):
        world.look(world.now(), after_s=1)
    assert world.store.revision() == revision


def test_a_rule_that_is_switched_off_ends_what_it_raised() -> None:
    world = World()
    world.look(world.now())
    world.rules = []
    told = world.look(world.now(), after_s=1)
    assert "switched off" in told[0][1].text
    assert world.states() == {"churn/errors": "resolved"}


def test_resolved_alerts_are_kept_for_a_while() -> None:
    world = World()
    world.look(world.now())
    world.clock.advance(1)
    world.look(world.now(0.1))
    world.look(after_s=KEEP_US / 1e6)
    assert world.states() == {"churn/errors": "resolved"}
    world.look(after_s=1)
    assert world.states() == {}
    assert [e.action for e in world.store.events()] == ["alert firing", "alert resolved"]


def test_two_controllers_at_once_tell_it_once() -> None:
    """One whose lease ran out looks together with the next one."""

    class Raced(MemoryStore):
        raced = False

        def commit(self, *changes: Any, events: Any = ()) -> int:
            if changes and not self.raced:
                self.raced = True
                other.controller.tick([other.now()])
            return super().commit(*changes, events=events)

    store = Raced()
    first, other = World(store=store), World(store=store)
    with pytest.raises(ConflictError):
        first.controller.tick([first.now()])
    assert len(store.scan(NOTIFICATIONS)) == len(CHANNELS)


def test_an_alert_is_found_by_its_name() -> None:
    world = World()
    world.look(world.now(subject="age"))
    assert world.book.alert("churn/errors/age").subject == "age"
    with pytest.raises(NotFoundError, match="churn/errors/age"):
        world.book.alert("churn/errors/aged")


@given(
    st.lists(
        st.tuples(
            st.integers(-3600, 3600),
            st.lists(st.tuples(st.sampled_from(["", "age", "plan"]), st.sampled_from([0.1, 0.9]))),
            st.booleans(),
        ),
        max_size=12,
    )
)
def test_whatever_the_clock_does_each_state_is_told_at_most_once(
    looks: list[tuple[int, list[tuple[str, float]], bool]],
) -> None:
    world = World(rule(severity="page", for_s=60, keep_for_s=60))
    states: dict[str, list[str]] = {}
    for step_s, heard, silenced in looks:
        world.clock.set(world.clock.now_us() + step_s * 1_000_000)
        if silenced:
            world.book.silence("churn", 30)
        signals = [world.now(value, subject=subject) for subject, value in heard]
        for channel, message in world.look(*signals):
            for alert in message.alerts if channel == "phone" else ():
                told = states.setdefault(alert.subject, [""])
                if alert.state != told[-1]:
                    told.append(alert.state)
    for told in states.values():
        assert all(a != b for a, b in pairwise(told))
        assert "pending" not in told
    for stored in world.store.scan(ALERTS):
        assert stored.key == stored.value.key


def test_who_is_on_an_alert_is_told_with_it_until_it_is_over() -> None:
    world = World()
    world.look(world.now())
    on_it = world.book.acknowledge("churn/errors", "I roll back.", "ann").acknowledged
    assert on_it is not None
    assert (on_it.by, on_it.note) == ("ann", "I roll back.")
    world.book.acknowledge("churn/errors", actor="bob")
    assert world.store.events()[-1].action == "alert acknowledged"
    other = world.now(subject="b", cause="error_rate")
    told = world.look(world.now(), other, after_s=60)
    assert "On it: bob, since" in told[0][1].text
    world.look(world.now(0.1), after_s=60)
    with pytest.raises(ConflictError, match="is resolved"):
        world.book.acknowledge("churn/errors")
    world.look(world.now(), after_s=60)
    assert world.book.alert("churn/errors").acknowledged is None


def test_a_note_has_an_end() -> None:
    world = World()
    world.look(world.now())
    with pytest.raises(ConfigError, match="500 characters"):
        world.book.acknowledge("churn/errors", "x" * 501)
