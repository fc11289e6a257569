"""Follows the routes in the store: loads what they need, then puts them in force."""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from fairlead.errors import FairleadError, StorageError
from fairlead.routing import ROUTES, Route, VersionRef
from fairlead.serving.arm import LiveArm
from fairlead.serving.dataplane import DataPlane, Endpoint
from fairlead.serving.plan import plan
from fairlead.serving.versions import LoadedVersion, VersionLoader
from fairlead.store import Store

POLL_S = 0.1

MakeArms = Callable[[Route, dict[str, LoadedVersion]], tuple[LiveArm, ...]]


class RouteWatcher:
    """Keeps the data plane's endpoints equal to the store's routes.

    The store is asked beside the loop, and while it cannot be reached the routes that are in
    force stay so. A revision comes into force only when every version it names is loaded.

    Args:
        store: that holds the routes.
        plane: whose endpoints it keeps.
        loader: of versions.
        make_arms: puts a route's arms to work.
        changed: called when anything worth reporting changed.
    """

    def __init__(
        self,
        store: Store,
        plane: DataPlane,
        loader: VersionLoader,
        make_arms: MakeArms,
        changed: Callable[[], None],
    ) -> None:
        self._store = store
        self._plane = plane
        self._loader = loader
        self._make_arms = make_arms
        self._changed = changed
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="routes")
        self._routes: dict[str, Route] = {}
        self._revision = -1
        self._loaded: dict[str, LoadedVersion] = {}
        self._failed: dict[str, str] = {}
        self._loading: set[str] = set()
        self._unfetched = False
        self.problem = ""

    async def run(self) -> None:
        """Follow the routes until cancelled."""
        while True:
            await self.step()
            await asyncio.sleep(POLL_S)

    async def step(self) -> None:
        """Look once, and do what there is to do."""
        loop = asyncio.get_running_loop()
        try:
            routes = await loop.run_in_executor(self._thread, self._look)
        except StorageError as error:
            self._tell_problem(f"the store cannot be read: {error}")
            return
        if routes is not None:
            self._routes = routes
        if routes is not None or self._unfetched:
            await self._follow(loop)
        if not self._unfetched:
            self._tell_problem("")
        self._unload()

    def _look(self) -> dict[str, Route] | None:
        """The routes, if the store changed since the last look."""
        revision = self._store.revision()
        if revision == self._revision:
            return None
        routes = {stored.value.endpoint: stored.value for stored in self._store.scan(ROUTES)}
        self._revision = revision
        return routes

    async def _follow(self, loop: asyncio.AbstractEventLoop) -> None:
        self._plane.loading = frozenset(self._routes) - frozenset(self._plane.endpoints)
        self._unfetched = False
        needed = plan(self._routes.values(), [*self._loaded, *self._failed])
        self._failed = {d: why for d, why in self._failed.items() if d not in needed.unload}
        for ref in needed.load:
            self._loading = {ref.digest}
            self._changed()
            await self._load(loop, ref)
            self._loading = set()
            self._switch()
        self._switch()

    async def _load(self, loop: asyncio.AbstractEventLoop, ref: VersionRef) -> None:
        try:
            self._loaded[ref.digest] = await loop.run_in_executor(
                self._thread, self._loader.load, ref
            )
        except StorageError as error:  # the next look tries again
            self._unfetched = True
            self._tell_problem(f"{ref.name} cannot be fetched: {error}")
        except FairleadError as error:
            self._failed[ref.digest] = str(error)
        except Exception as error:  # a broken library must not end the worker
            traceback.print_exception(error, file=sys.stderr)
            self._failed[ref.digest] = f"loading failed with {type(error).__name__}"

    def _switch(self) -> None:
        """Put every route in force whose versions are all loaded."""
        endpoints = dict(self._plane.endpoints)
        for name, route in self._routes.items():
            current = endpoints.get(name)
            ready = all(arm.version.digest in self._loaded for arm in route.arms)
            if route.arms and ready and (current is None or current.route != route):
                endpoints[name] = Endpoint.of(route, self._make_arms(route, self._loaded))
        self._plane.endpoints = {n: e for n, e in endpoints.items() if n in self._routes}
        self._plane.loading = frozenset(
            name for name, route in self._routes.items()
            if route.arms and name not in self._plane.endpoints
        )  # fmt: skip
        self._changed()

    def _unload(self) -> None:
        for digest in plan(self._routes.values(), self._loaded).unload:
            if self._loaded[digest].in_flight == 0:
                self._loaded.pop(digest).close()
                self._changed()

    def _tell_problem(self, problem: str) -> None:
        if problem != self.problem:
            self.problem = problem
            self._changed()

    def ready(self) -> bool:
        """Whether the routes were read and every one with arms is in force, at its revision."""
        return self._revision >= 0 and not self.behind()

    def behind(self) -> tuple[str, ...]:
        """What is not in force as the store wants it, in words."""
        missing = []
        for name, route in self._routes.items():
            current = self._plane.endpoints.get(name)
            if route.arms and (current is None or current.route.revision != route.revision):
                failed = [
                    f"{arm.version.name}: {self._failed[arm.version.digest]}"
                    for arm in route.arms
                    if arm.version.digest in self._failed
                ]
                missing.append(f"endpoint {name}: {'; '.join(failed) or 'loading'}")
        return tuple(missing)

    def revisions(self) -> dict[str, int]:
        """The revision in force for each endpoint."""
        return {name: e.route.revision for name, e in self._plane.endpoints.items()}

    def versions(self) -> dict[str, str]:
        """By digest: `loading`, `ready`, or why it failed."""
        return (
            dict.fromkeys(self._loading, "loading")
            | dict.fromkeys(self._loaded, "ready")
            | {digest: f"failed: {why}" for digest, why in self._failed.items()}
        )

    def close(self) -> None:
        """Free every version; nothing may be under way."""
        self._thread.shutdown(wait=True)
        for version in self._loaded.values():
            version.close()
        self._loaded.clear()
