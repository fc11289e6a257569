"""Following the routes: what comes into force when, whatever the store and the loads do."""

from __future__ import annotations

import asyncio
import threading

import pytest
from msgspec import structs

from fairlead.access import KeyBook
from fairlead.clock import ManualClock
from fairlead.errors import BundleError, StorageError
from fairlead.routing import Arm, Route
from fairlead.serving.arm import LiveArm
from fairlead.serving.loading.versions import LoadedVersion
from fairlead.signature import RowDecoder
from support.routes import put_route, route
from support.watching import ONE, OTHER, TWO, World, follow


def test_a_route_is_in_force_once_its_versions_are_loaded() -> None:
    async def scenario(world: World) -> None:
        held = world.loader.held[ONE.digest] = threading.Event()
        put_route(world.store, route("e", 1, ONE))
        await world.until(lambda: world.loader.loads)
        await world.until(lambda: world.plane.loading)
        assert not world.watcher.ready()
        assert world.watcher.versions() == {ONE.digest: "loading"}
        held.set()
        await world.until(world.watcher.ready)
        assert world.answers() == {"e": "m:1"}
        assert world.watcher.revisions() == {"e": 1}

    follow(scenario)


def test_it_is_not_ready_before_the_routes_that_were_read_are_known() -> None:
    async def looking() -> None:
        world = World()
        put_route(world.store, route("e", 1, ONE))
        step = asyncio.create_task(world.watcher.step())
        await asyncio.sleep(0)  # it waits for its look at the store
        world.watcher._look_thread.submit(lambda: None).result()  # which has ended now
        assert not world.watcher.ready(), "the step has not gone on yet"
        await step
        assert not world.watcher.ready(), "they are known, and not loaded"
        world.watcher.close()

    asyncio.run(looking())


def test_a_slow_load_holds_no_other_endpoint_up() -> None:
    async def scenario(world: World) -> None:
        put_route(world.store, route("e", 1, ONE, keep=(TWO,)))
        await world.until(lambda: world.watcher.ready() and len(world.loader.loads) == 2)
        await world.until(lambda: TWO.digest in world.loader.runners)
        world.loader.held[OTHER.digest] = threading.Event()
        put_route(world.store, route("slow", 1, OTHER))
        await world.until(lambda: OTHER.digest in world.loader.loads)
        put_route(world.store, route("e", 2, TWO, keep=(ONE,)))
        await world.until(lambda: world.answers() == {"e": "m:2"})

    follow(scenario)


def test_a_version_that_fails_is_told_and_not_tried_again(
    capfd: pytest.CaptureFixture[str],
) -> None:
    async def scenario(world: World) -> None:
        world.loader.fails[TWO.digest] = damaged = BundleError("damaged")
        damaged.__cause__ = ValueError("byte 7")
        put_route(world.store, route("e", 1, ONE, prepare=(TWO,)))
        await world.until(lambda: "failed: damaged" in world.watcher.versions().values())
        assert "ValueError: byte 7" in capfd.readouterr().err, "for the operator"
        put_route(world.store, route("f", 1, ONE))
        await world.until(lambda: "f" in world.answers())
        assert world.loader.loads.count(TWO.digest) == 1
        assert world.watcher.ready(), "what is prepared does not answer"

    follow(scenario)


def test_a_failed_version_is_tried_again_when_it_is_asked_for_again() -> None:
    async def scenario(world: World) -> None:
        world.loader.fails[TWO.digest] = BundleError("damaged")
        put_route(world.store, route("e", 1, ONE, prepare=(TWO,)))
        await world.until(lambda: "failed: damaged" in world.watcher.versions().values())
        put_route(world.store, route("e", 1, ONE))
        await world.until(lambda: TWO.digest not in world.watcher.versions())
        del world.loader.fails[TWO.digest]
        put_route(world.store, route("e", 1, ONE, prepare=(TWO,)))
        await world.until(lambda: world.watcher.versions().get(TWO.digest) == "ready")

    follow(scenario)


def test_an_endpoint_that_nobody_answers_any_more_is_gone() -> None:
    async def scenario(world: World) -> None:
        put_route(world.store, route("e", 1, ONE))
        await world.until(lambda: world.answers() == {"e": "m:1"})
        put_route(world.store, route("e", 2))
        await world.until(lambda: world.answers() == {})
        await world.until(world.watcher.ready)
        put_route(world.store, route("e", 3, TWO))
        await world.until(lambda: world.answers() == {"e": "m:2"})

    follow(scenario)


def test_what_cannot_be_fetched_is_tried_again_after_the_others() -> None:
    async def scenario(world: World) -> None:
        world.loader.fails[OTHER.digest] = StorageError("no such disk")
        put_route(world.store, route("a", 1, OTHER))
        await world.until(lambda: "no such disk" in world.watcher.problem)
        put_route(world.store, route("b", 1, ONE))
        await world.until(lambda: world.answers() == {"b": "m:1"})
        assert not world.watcher.ready()
        del world.loader.fails[OTHER.digest]
        await world.until(world.watcher.ready)
        assert world.watcher.problem == ""

    follow(scenario)


def test_while_the_store_is_gone_the_routes_stay() -> None:
    async def scenario(world: World) -> None:
        put_route(world.store, route("e", 1, ONE))
        await world.until(world.watcher.ready)
        working = world.store.revision

        def broken() -> int:
            raise StorageError("the disk is gone")

        world.store.revision = broken  # type: ignore[method-assign]
        await world.until(lambda: "the disk is gone" in world.watcher.problem)
        assert world.answers() == {"e": "m:1"}
        assert world.watcher.ready()
        world.store.revision = working  # type: ignore[method-assign]
        put_route(world.store, route("e", 2, ONE))
        await world.until(lambda: world.watcher.revisions() == {"e": 2})
        assert world.watcher.problem == ""

    follow(scenario)


def test_a_fault_of_one_step_does_not_end_the_watch(capfd: pytest.CaptureFixture[str]) -> None:
    async def scenario(world: World) -> None:
        working, tries = world.made, []

        def broken(of: Route, _: Arm, __: LoadedVersion) -> LiveArm:
            tries.append(of)
            raise RuntimeError("a fault")

        world.made = broken
        put_route(world.store, route("e", 1, ONE))
        await world.until(lambda: len(tries) > 2)
        assert "RuntimeError" in world.watcher.problem
        world.made = working
        await world.until(world.watcher.ready)
        assert world.watcher.problem == ""

    follow(scenario)
    assert capfd.readouterr().err.count("RuntimeError: a fault") == 1, (
        "told once, not ten times a second"
    )


def test_an_old_version_is_closed_only_when_nothing_is_under_way_on_it() -> None:
    async def scenario(world: World) -> None:
        put_route(world.store, route("e", 1, ONE))
        await world.until(world.watcher.ready)
        loaded = world.plane.endpoints["e"].arms[0].version
        loaded.in_flight = 1
        put_route(world.store, route("e", 2, TWO))
        await world.until(lambda: world.answers() == {"e": "m:2"})
        put_route(world.store, route("f", 1, TWO))
        await world.until(lambda: "f" in world.answers())
        assert not world.loader.runners[ONE.digest].closed
        loaded.in_flight = 0
        await world.until(lambda: world.loader.runners[ONE.digest].closed == 1)

    follow(scenario)


def test_what_is_kept_stays_warm_and_what_is_not_is_freed() -> None:
    async def scenario(world: World) -> None:
        put_route(world.store, route("e", 1, ONE))
        await world.until(world.watcher.ready)
        put_route(world.store, route("e", 2, TWO, keep=(ONE,)))
        await world.until(lambda: world.answers() == {"e": "m:2"})
        put_route(world.store, route("e", 3, ONE, keep=(TWO,)))
        await world.until(lambda: world.answers() == {"e": "m:1"})
        assert world.loader.loads == [ONE.digest, TWO.digest], "the way back loads nothing"

    follow(scenario)


def test_the_version_before_is_at_hand_while_it_is_kept() -> None:
    async def scenario(world: World) -> None:
        put_route(world.store, route("e", 1, TWO, keep=(ONE,)))
        put_route(world.store, route("o", 1, TWO))
        await world.until(world.watcher.ready)
        await world.until(lambda: world.previous("e") == "m:1")  # it is loaded after the others
        assert world.previous("o") is None
        put_route(world.store, route("e", 2, ONE, keep=(TWO,)))
        await world.until(lambda: world.answers()["e"] == "m:1")
        assert world.previous("e") == "m:2"
        put_route(world.store, route("e", 3, ONE))
        await world.until(lambda: world.previous("e") is None)

    follow(scenario)


def test_an_empty_store_is_ready() -> None:
    async def scenario(world: World) -> None:
        assert not world.watcher.ready()
        await world.until(world.watcher.ready)

    follow(scenario)


def test_keys_are_followed_while_a_version_loads() -> None:
    async def scenario(world: World) -> None:
        book = KeyBook(world.store, ManualClock())
        world.loader.held[ONE.digest] = threading.Event()
        put_route(world.store, route("e", 1, ONE))
        await world.until(lambda: world.loader.loads)
        key, _ = book.create("a", ["predict"])
        await world.until(lambda: key.id in world.keys[-1])
        assert world.watcher.revision == world.store.revision()
        book.revoke("a")
        await world.until(lambda: world.keys[-1][key.id].revoked_us)
        assert not world.watcher.ready()

    follow(scenario)


def test_the_keys_that_are_known_stay_in_force_while_the_store_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def scenario(world: World) -> None:
        key, _ = KeyBook(world.store, ManualClock()).create("a", ["predict"])
        await world.until(lambda: world.keys and key.id in world.keys[-1])
        taken = len(world.keys)

        def fail() -> int:
            raise StorageError("gone")

        with monkeypatch.context() as patched:
            patched.setattr(world.store, "revision", fail)
            KeyBook(world.store, ManualClock()).revoke("a")
            await world.until(lambda: world.watcher.problem)
            assert len(world.keys) == taken
        await world.until(lambda: world.keys[-1][key.id].revoked_us)

    follow(scenario)


def test_what_is_made_of_a_signature_is_kept_until_that_changes() -> None:
    async def scenario(world: World) -> None:
        async def decoder(revision: int, asked: Route) -> RowDecoder:
            put_route(world.store, asked)
            await world.until(lambda: world.watcher.revisions() == {"e": revision})
            endpoint = world.plane.endpoints["e"]
            assert endpoint.route.signature is endpoint.decoder.signature
            return endpoint.decoder

        first = await decoder(1, route("e", 1, ONE))
        assert await decoder(2, route("e", 2, TWO)) is first
        changed = structs.replace(first.signature, extra="ignore")
        other = await decoder(3, structs.replace(route("e", 3, TWO), signature=changed))
        assert other.signature.extra == "ignore"

    follow(scenario)
