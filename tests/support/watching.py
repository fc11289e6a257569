"""A watcher over a store in memory, fake versions and arms."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, cast

from fairlead.access import Key
from fairlead.clock import ManualClock
from fairlead.routing import Arm, Route
from fairlead.serving.arm import LiveArm
from fairlead.serving.dataplane import DataPlane
from fairlead.serving.loading.versions import LoadedVersion, VersionLoader
from fairlead.serving.waiting import Waiting
from fairlead.serving.watcher import RouteWatcher
from fairlead.store.memory import MemoryStore
from support.routes import FakeLoader, version

TIMEOUT_S = 10.0
ONE, TWO, OTHER = version(1), version(2), version(1, "other")


class World:
    """A watcher over a store in memory."""

    def __init__(
        self,
        budget_bytes: int | None = None,
        size_bytes: int = 0,
        **waiting: Any,
    ) -> None:
        self.store = MemoryStore()
        self.loader = FakeLoader()
        self.keys: list[dict[str, Key]] = []
        self.loader.size_bytes = size_bytes
        self.plane = DataPlane(ManualClock(), Waiting(ManualClock(), **waiting))
        self.made: Callable[[Route, Arm, LoadedVersion], LiveArm] = _made
        self.watcher = RouteWatcher(
            self.store,
            self.plane,
            cast(VersionLoader, self.loader),
            lambda route, arm, version: self.made(route, arm, version),
            lambda: None,
            self.keys.append,
            budget_bytes,
        )

    def answers(self) -> dict[str, str]:
        return {
            name: endpoint.arms[0].arm.version.name
            for name, endpoint in self.plane.endpoints.items()
        }

    def previous(self, name: str) -> str | None:
        found = self.plane.endpoints[name].previous
        return None if found is None else found.arm.version.name

    async def until(self, look: Callable[[], object]) -> None:
        async with asyncio.timeout(TIMEOUT_S):
            while not look():
                await asyncio.sleep(0.005)


class _Arm:
    def __init__(self, arm: Any, loaded: LoadedVersion) -> None:
        self.arm, self.version = arm, loaded


def _made(_: Route, arm: Arm, loaded: LoadedVersion) -> LiveArm:
    return cast(LiveArm, _Arm(arm, loaded))


def follow(scenario: Callable[[World], Awaitable[None]], **settings: Any) -> None:
    """Play a scenario while the watcher runs."""

    async def play() -> None:
        world = World(**settings)
        watching = asyncio.create_task(world.watcher.run())
        try:
            await scenario(world)
            assert not watching.done(), "the watcher ended"
        finally:
            for event in world.loader.held.values():
                event.set()
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching
            world.watcher.close()

    asyncio.run(play())
