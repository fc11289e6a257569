"""Endpoints that are loaded when they are asked: who waits, who is refused, and what goes."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.errors import (
    BundleError,
    DeadlineError,
    FairleadError,
    StorageError,
    UnavailableError,
)
from fairlead.serving.loading.plan import Held, Wants, to_unload
from fairlead.serving.waiting import IdleError
from support.routes import put_route, route, version
from support.watching import ONE, OTHER, TWO, World, follow

LONG_S = 60.0
FULL = 150


class Answers(list["FairleadError | None"]):
    """What requests that waited were told."""


def lazily(scenario: Callable[[World], Awaitable[None]], **settings: Any) -> None:
    """Play a scenario with room for one version of 100 bytes, and not for two."""
    follow(scenario, budget_bytes=FULL, size_bytes=100, **settings)


def ask(world: World, name: str, told: Answers, left_s: float = LONG_S) -> None:
    world.plane.waiting.wait(name, left_s, told.append)


async def use(world: World, name: str, used_s: float) -> None:
    """Ask an endpoint, and note when that was."""
    told = Answers()
    ask(world, name, told)
    await world.until(lambda: told)
    assert told == [None]
    world.plane.endpoints[name].arms[0].version.used_s = used_s


def test_without_a_request_nothing_is_loaded_and_the_worker_is_ready() -> None:
    async def scenario(world: World) -> None:
        put_route(world.store, route("e", 3, ONE))
        await world.until(lambda: world.watcher.revisions() == {"e": 3})
        await world.until(world.watcher.ready)
        assert not world.loader.loads
        assert world.plane.route("e").revision == 3
        assert not world.watcher.behind()
        with pytest.raises(IdleError):
            world.plane.endpoint("e")

    lazily(scenario)


def test_requests_for_one_endpoint_share_its_load() -> None:
    async def scenario(world: World) -> None:
        held = world.loader.held[ONE.digest] = threading.Event()
        put_route(world.store, route("e", 1, ONE))
        await world.until(lambda: "e" in world.plane.idle)
        told = Answers()
        for _ in range(5):
            ask(world, "e", told)
        await world.until(lambda: world.loader.loads)
        assert not told
        held.set()
        await world.until(lambda: len(told) == 5)
        assert told == [None] * 5
        assert world.loader.loads == [ONE.digest]
        assert world.answers() == {"e": "m:1"}

    lazily(scenario)


def test_a_request_waits_no_longer_than_its_deadline() -> None:
    async def scenario(world: World) -> None:
        world.loader.held[ONE.digest] = threading.Event()
        put_route(world.store, route("e", 1, ONE))
        await world.until(lambda: "e" in world.plane.idle)
        told = Answers()
        ask(world, "e", told, 0.02)
        await world.until(lambda: told)
        assert isinstance(told[0], DeadlineError)
        ask(world, "e", told)
        world.loader.held[ONE.digest].set()
        await world.until(lambda: len(told) == 2)
        assert told[1] is None, "the load went on for the next one"

    lazily(scenario)


def test_where_requests_do_not_wait_they_are_refused_and_the_load_begins() -> None:
    async def scenario(world: World) -> None:
        put_route(world.store, route("e", 1, ONE))
        put_route(world.store, route("patient", 1, TWO))
        await world.until(lambda: len(world.plane.idle) == 2)
        told = Answers()
        with pytest.raises(IdleError) as refused:
            ask(world, "e", told)
        assert refused.value.retry_after_s > 0
        await world.until(lambda: world.answers() == {"e": "m:1"})
        ask(world, "patient", told)
        await world.until(lambda: told == [None])

    lazily(scenario, first_request="refuse", differs={"patient": "wait"})


def test_no_more_requests_wait_than_there_is_room_for() -> None:
    async def scenario(world: World) -> None:
        world.loader.held[ONE.digest] = threading.Event()
        put_route(world.store, route("e", 1, ONE))
        await world.until(lambda: "e" in world.plane.idle)
        told = Answers()
        ask(world, "e", told)
        ask(world, "e", told)
        with pytest.raises(UnavailableError, match="Too many"):
            ask(world, "e", told)

    lazily(scenario, waiting_max=2)


@pytest.mark.parametrize("error", [BundleError("/home/me/x"), StorageError("/home/me/x")])
def test_a_load_that_fails_tells_those_who_wait_its_kind_alone(error: Exception) -> None:
    async def scenario(world: World) -> None:
        world.loader.fails[ONE.digest] = error
        put_route(world.store, route("e", 1, ONE))
        await world.until(lambda: "e" in world.plane.idle)
        for _ in range(2):
            told = Answers()
            ask(world, "e", told)
            await world.until(partial(len, told))
            assert isinstance(told[0], UnavailableError)
            assert type(error).code in str(told[0])  # type: ignore[attr-defined]
            assert "/home" not in str(told[0])
        if isinstance(error, BundleError):
            assert world.loader.loads == [ONE.digest], "it is not tried again"
            assert "/home/me/x" in world.watcher.behind()[0], "for the operator"
        else:
            assert world.watcher.ready(), "the next request tries again"
            assert not world.watcher.problem

    lazily(scenario)


def test_what_was_used_longest_ago_goes_when_room_is_needed() -> None:
    async def scenario(world: World) -> None:
        for name, ref in (("a", ONE), ("b", TWO), ("c", OTHER)):
            put_route(world.store, route(name, 1, ref))
        await world.until(lambda: len(world.plane.idle) == 3)
        await use(world, "a", 1.0)
        await use(world, "b", 2.0)
        await world.until(lambda: world.answers() == {"b": "m:2"})
        assert world.loader.runners[ONE.digest].closed
        assert set(world.plane.idle) == {"a", "c"}
        assert world.watcher.ready()
        assert world.watcher.memory_bytes() == {TWO.digest: 100}
        await use(world, "a", 3.0)
        await world.until(lambda: world.answers() == {"a": "m:1"})
        assert world.loader.loads == [ONE.digest, TWO.digest, ONE.digest]

    lazily(scenario)


def test_what_is_busy_stays_beyond_the_budget_until_it_is_not() -> None:
    async def scenario(world: World) -> None:
        put_route(world.store, route("a", 1, ONE))
        put_route(world.store, route("b", 1, TWO))
        await world.until(lambda: len(world.plane.idle) == 2)
        await use(world, "a", 1.0)
        busy = world.plane.endpoints["a"].arms[0].version
        busy.in_flight = 1
        told = Answers()
        ask(world, "b", told)
        await world.until(lambda: told)
        assert not world.loader.runners[ONE.digest].closed
        busy.in_flight = 0
        await world.until(lambda: len(world.plane.endpoints) == 1)

    lazily(scenario)


def test_a_release_loads_at_once_and_switches_when_it_is_ready() -> None:
    async def scenario(world: World) -> None:
        put_route(world.store, route("e", 1, ONE))
        await world.until(lambda: "e" in world.plane.idle)
        await use(world, "e", 1.0)
        put_route(world.store, route("e", 1, ONE, prepare=(TWO,)))
        await world.until(lambda: world.watcher.versions().get(TWO.digest) == "ready")
        put_route(world.store, route("e", 2, TWO, keep=(ONE,)))
        await world.until(lambda: world.answers() == {"e": "m:2"})
        assert world.watcher.revisions() == {"e": 2}
        await world.until(lambda: list(world.watcher.memory_bytes()) == [TWO.digest])

    lazily(scenario)


def test_an_endpoint_that_answers_goes_on_until_an_unprepared_version_is_loaded() -> None:
    async def scenario(world: World) -> None:
        put_route(world.store, route("e", 1, ONE))
        await world.until(lambda: "e" in world.plane.idle)
        await use(world, "e", 1.0)
        held = world.loader.held[TWO.digest] = threading.Event()
        put_route(world.store, route("e", 2, TWO))
        await world.until(lambda: TWO.digest in world.loader.loads)
        assert world.answers() == {"e": "m:1"}
        assert not world.loader.runners[ONE.digest].closed
        assert not world.watcher.ready()
        held.set()
        await world.until(lambda: world.answers() == {"e": "m:2"})
        await world.until(world.watcher.ready)

    lazily(scenario)


def test_the_arms_of_a_canary_are_always_there() -> None:
    async def scenario(world: World) -> None:
        put_route(world.store, route("e", 1, ONE, TWO))
        await world.until(lambda: "e" in world.plane.endpoints)
        put_route(world.store, route("f", 1, OTHER))
        await world.until(lambda: "f" in world.plane.idle)
        told = Answers()
        ask(world, "f", told)
        await world.until(lambda: told)
        assert told == [None], "it is answered, beyond the budget, before it goes"
        await world.until(lambda: "f" in world.plane.idle)
        assert list(world.plane.endpoints) == ["e"]

    lazily(scenario)


def test_endpoints_are_loaded_though_the_store_is_gone() -> None:
    async def scenario(world: World) -> None:
        put_route(world.store, route("e", 1, ONE))
        await world.until(lambda: "e" in world.plane.idle)

        def broken() -> int:
            raise StorageError("gone")

        world.store.revision = broken  # type: ignore[method-assign]
        await use(world, "e", 1.0)

    lazily(scenario)


def test_requests_do_not_starve_a_release_nor_a_release_requests() -> None:
    async def scenario(world: World) -> None:
        many = [version(number, "many") for number in range(6)]
        for number, ref in enumerate(many):
            put_route(world.store, route(f"e{number}", 1, ref))
        await world.until(lambda: len(world.plane.idle) == 6)
        told = Answers()
        for number in range(6):
            ask(world, f"e{number}", told)
        put_route(world.store, route("f", 1, ONE, prepare=(TWO,)))
        await world.until(lambda: TWO.digest in world.loader.loads and len(told) == 6)
        assert world.loader.loads.index(TWO.digest) < 6

    lazily(scenario)


DIGESTS = st.sampled_from("abcdefgh")
HELD = st.builds(Held, st.integers(1, 100), st.floats(0, 10), st.booleans())


@given(
    st.dictionaries(DIGESTS, HELD), st.sets(DIGESTS), st.sets(DIGESTS), st.sets(DIGESTS),
    st.none() | st.integers(0, 400),
)  # fmt: skip
def test_only_what_nobody_needs_goes_and_no_more_than_must(
    held: dict[str, Held], now: set[str], later: set[str], asked: set[str], budget: int | None
) -> None:
    wanted = Wants(dict.fromkeys(now, ONE), later)
    gone = to_unload(wanted, asked, held, budget)
    assert len(set(gone)) == len(gone)
    for digest in gone:
        assert not held[digest].busy
        assert digest not in now
        assert digest not in asked
    left = sum(one.size_bytes for digest, one in held.items() if digest not in gone)
    kept = [d for d in held.keys() - set(gone) if not held[d].busy and d not in now | asked]
    assert all(digest in later for digest in kept)
    routed = [digest for digest in gone if digest in later]
    if budget is None:
        assert not routed
    else:
        assert left <= budget or not kept
        if routed:
            assert left + held[routed[-1]].size_bytes > budget, "the last one had to go"
            oldest = max(held[digest].used_s for digest in routed)
            assert all(held[digest].used_s >= oldest for digest in kept)
