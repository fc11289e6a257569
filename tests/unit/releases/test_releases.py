"""Releases: each state's way on as a table, and the shell over a store in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from fairlead.clock import ManualClock
from fairlead.errors import ConfigError, ConflictError, NotFoundError
from fairlead.releases import RELEASES, Release, ReleaseController, State, WorkerView, decide
from fairlead.releases.decide import PREPARE_US_MAX, SWITCH_US_MAX
from fairlead.releases.types import Evidence, Order, Plan
from fairlead.routing import ROUTES, SLOTS, Route
from fairlead.signature import Field, Signature
from fairlead.store import Put
from fairlead.store.memory import MemoryStore
from support.routes import SIGNATURE, route, version

ONE, TWO, THREE = version(1), version(2), version(3)
OTHER = Signature(inputs=(Field(name="else", kind="text"),), outputs=SIGNATURE.outputs)
LATE_US = PREPARE_US_MAX + 1


def release(state: State, revision: int = 0) -> Release:
    return Release(
        id="r1", endpoint="e", version=TWO, signature=SIGNATURE, actor="cli",
        created_us=0, changed_us=0, state=state, revision=revision,
    )  # fmt: skip


def workers(*versions: str, revision: int = 1) -> list[WorkerView]:
    return [WorkerView(place, revision, state) for place, state in enumerate(versions)]


@pytest.mark.parametrize(
    ("state", "views", "now_us", "next_state", "says"),
    [
        ("requested", [], 0, "preparing", "load"),
        ("requested", workers("absent"), 0, "preparing", "load"),
        ("preparing", [], 0, None, ""),
        ("preparing", workers("ready", "loading"), 0, None, ""),
        ("preparing", workers("ready", "absent"), PREPARE_US_MAX, None, ""),
        ("preparing", workers("ready", "ready"), 0, "switching", "ready"),
        ("preparing", workers("ready", "ready"), LATE_US, "switching", "ready"),
        ("preparing", workers("ready", "failed: damaged"), 0, "failed", "damaged"),
        ("preparing", workers("ready", "loading"), LATE_US, "failed", "workers: 1"),
        ("preparing", [], LATE_US, "failed", "all"),
        ("switching", [], 0, None, ""),
        ("switching", workers("ready", revision=1), SWITCH_US_MAX, None, ""),
        ("switching", workers("ready", revision=2), 0, "done", "answers"),
        ("switching", workers("ready", revision=3), 0, "done", "answers"),
        ("switching", workers("failed: x", revision=1), SWITCH_US_MAX + 1, "done", "workers: 0"),
        ("switching", [], SWITCH_US_MAX + 1, "done", "no worker lives"),
    ],
)
def test_a_release_goes_on_as_the_table_says(
    state: State, views: Sequence[WorkerView], now_us: int, next_state: str | None, says: str
) -> None:
    current = route("e", 1, ONE, prepare=(TWO,) if state != "requested" else ())
    decision = decide(release(state, revision=2), current, views, Evidence(), now_us)
    if next_state is None:
        assert decision is None
        return
    assert decision is not None
    assert decision.release.state == next_state
    assert says in decision.release.reason
    assert decision.release.changed_us == now_us


def test_the_first_release_makes_the_route() -> None:
    decision = decide(release("requested"), None, [], Evidence(), 5)
    assert decision is not None
    assert decision.route == Route("e", 0, SIGNATURE, (), prepare=(TWO,), salt="r1")


def test_a_switch_moves_every_slot_and_keeps_what_answered() -> None:
    current = route("e", 7, ONE, prepare=(TWO,), keep=(THREE,))
    decision = decide(release("preparing"), current, workers("ready"), Evidence(), 0)
    assert decision is not None
    switched = decision.route
    assert switched is not None
    assert [(arm.version, arm.slots) for arm in switched.arms] == [(TWO, ((0, SLOTS),))]
    assert (switched.revision, switched.prepare, switched.keep) == (8, (), (ONE,))
    assert switched.salt == current.salt, "units stay where they are"
    assert decision.release.revision == 8


def test_giving_up_leaves_what_answers_alone() -> None:
    current = route("e", 7, ONE, prepare=(TWO,), keep=(THREE,))
    decision = decide(release("preparing"), current, workers("failed: x"), Evidence(), 0)
    assert decision is not None
    assert decision.route == replace(current, prepare=())


def test_what_does_not_fit_the_endpoint_is_never_loaded() -> None:
    odd = replace(release("requested"), signature=OTHER)
    decision = decide(odd, route("e", 1, ONE), [], Evidence(), 0)
    assert decision is not None
    assert (decision.release.state, decision.route) == ("failed", None)
    assert "does not fit" in decision.release.reason
    assert "endpoint of its own" in decision.release.reason, "says what to do"


class World:
    """A controller over a store in memory, with workers that load what routes name."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.clock = ManualClock()
        self.controller = ReleaseController(self.store, self.clock)
        self.failing: set[str] = set()
        self.alive = True

    def view(self, of: Release) -> Sequence[WorkerView]:
        current = self.route(of.endpoint)
        if not self.alive or current is None:
            return []
        known = {arm.version.digest for arm in current.arms}
        known |= {ref.digest for ref in (*current.prepare, *current.keep)}
        state = "ready" if of.version.digest in known else "absent"
        if of.version.digest in self.failing:
            state = "failed: damaged"
        return [WorkerView(0, current.revision, state)]

    def route(self, endpoint: str = "e") -> Route | None:
        stored = self.store.get(ROUTES, ROUTES.key(endpoint))
        return stored.value if stored else None

    def ask(self, number: int, endpoint: str = "e") -> Release:
        return self.controller.request(endpoint, version(number), SIGNATURE, "cli")

    def tick(self, times: int = 5) -> None:
        for _ in range(times):
            self.controller.tick(self.view)

    def states(self) -> list[str]:
        return [found.state for found in self.controller.releases()]


def test_versions_follow_each_other_and_each_step_is_in_the_audit() -> None:
    world = World()
    for number in (1, 2):
        asked = world.ask(number)
        world.tick()
        assert world.controller.get(asked).state == "done"
    current = world.route()
    assert current is not None
    assert (current.arms[0].version, current.keep, current.revision) == (TWO, (ONE,), 2)
    steps = [(event.action, event.actor) for event in world.store.events()][:4]
    assert steps == [
        ("release requested", "cli"),
        ("release preparing", "controller"),
        ("release switching", "controller"),
        ("release done", "controller"),
    ]


@pytest.mark.parametrize("name", ["", "a/b", "Churn", "a b", "..", "ü", "a" * 64])
def test_an_endpoint_whose_name_no_address_or_file_can_hold_is_refused(name: str) -> None:
    world = World()
    with pytest.raises(ConfigError, match="cannot be called"):
        world.ask(1, name)
    assert world.store.revision() == 0


def test_a_second_release_is_refused_while_one_is_under_way() -> None:
    world = World()
    world.ask(1)
    with pytest.raises(ConflictError, match="under way"):
        world.ask(2)
    world.ask(2, endpoint="f")
    world.tick()
    assert world.states() == ["done", "done"]


def test_of_two_that_were_asked_for_at_once_one_goes_on() -> None:
    world = World()
    first = world.ask(1)
    twin = replace(first, id=first.id[:-1] + "~", version=TWO)
    world.store.commit(Put(RELEASES, RELEASES.key("e", twin.id), twin, 0))
    world.tick()
    assert sorted(world.states()) == ["done", "failed"]
    lost = world.controller.get(twin)
    assert "m:1 was first" in lost.reason
    current = world.route()
    assert current is not None
    assert current.arms[0].version == ONE


def test_one_that_is_under_way_is_not_ended_by_one_with_an_earlier_id() -> None:
    world = World()
    first = world.ask(1)
    world.tick(1)
    twin = replace(first, id="0", version=TWO)
    world.store.commit(Put(RELEASES, RELEASES.key("e", twin.id), twin, 0))
    world.tick()
    assert world.controller.get(first).state == "done"
    assert world.controller.get(twin).state == "failed"


def test_an_order_is_for_the_newest_release_not_for_one_that_bakes() -> None:
    world = World()
    world.ask(1)
    world.tick()
    plan = Plan(strategy="blue-green", bake_us=10**12)
    first = world.controller.request("e", TWO, SIGNATURE, "cli", plan)
    world.tick()
    assert world.controller.get(first).state == "baking"
    world.ask(3)
    assert world.controller.order("e", Order("abort", "ann")).version == THREE
    world.tick()
    assert world.states() == ["done", "done", "aborted"]
    current = world.route()
    assert current is not None
    assert current.arms[0].version == TWO
    with pytest.raises(NotFoundError, match="under way"):
        world.controller.order("e", Order("abort", "ann"))


def test_a_release_waits_while_no_worker_lives() -> None:
    world = World()
    world.alive = False
    world.ask(1)
    world.tick()
    assert world.states() == ["preparing"]
    world.alive = True
    world.tick()
    assert world.states() == ["done"]


def test_after_a_failure_the_next_may_be_asked_for() -> None:
    world = World()
    world.failing.add(TWO.digest)
    world.ask(1)
    world.tick()
    world.ask(2)
    world.tick()
    current = world.route()
    assert current is not None
    assert (current.arms[0].version, current.prepare) == (ONE, ())
    world.ask(3)
    world.tick()
    assert world.states() == ["done", "failed", "done"]


def test_a_clock_that_is_set_back_stops_no_release() -> None:
    world = World()
    world.ask(1)
    world.tick(1)
    world.clock.set(0)
    world.tick()
    assert world.states() == ["done"]


def test_a_step_is_lost_to_whoever_was_first_and_made_again() -> None:
    world = World()
    asked = world.ask(1)
    stale = world.controller
    rival = ReleaseController(world.store, world.clock)

    def late(of: Release) -> Sequence[WorkerView]:
        rival.tick(world.view)
        return world.view(of)

    with pytest.raises(ConflictError):
        stale.tick(late)
    world.tick()
    assert world.controller.get(asked).state == "done"


class Reads(MemoryStore):
    """Counts the releases that are read."""

    read = 0

    def scan(self, kind: Any, prefix: str = "", *, after: int = 0) -> list[Any]:
        found = super().scan(kind, prefix, after=after)
        self.read += len(found)
        return found


def test_what_has_ended_is_not_read_again_and_what_others_write_is_seen() -> None:
    world = World()
    world.store = store = Reads()
    world.controller = ReleaseController(store, world.clock)
    other = ReleaseController(store, world.clock)
    for number in range(1, 11):
        world.ask(number % 2 + 1)
        world.tick()
    assert other.all_under_way() == []
    store.read = 0
    asked = world.ask(3)
    assert other.all_under_way() == [asked]
    assert other.under_way("e") == asked
    assert other.under_way("f") is None
    assert store.read <= 2, "only what is new"
    other.order("e", Order("abort", "ann"))
    world.tick()
    assert world.controller.get(asked).state == "aborted"
    assert other.all_under_way() == []
