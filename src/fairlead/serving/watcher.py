"""Follows the store: loads what its routes need, then puts them in force; and its keys."""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from fairlead.access import KEYS, Key
from fairlead.errors import FairleadError, StorageError
from fairlead.routing import ROUTES, Route, VersionRef
from fairlead.serving.arm import LiveArm
from fairlead.serving.dataplane import DataPlane, Endpoint
from fairlead.serving.plan import plan
from fairlead.serving.versions import LoadedVersion, VersionLoader
from fairlead.store import Store

POLL_S = 0.1

MakeArms = Callable[[Route, dict[str, LoadedVersion]], tuple[LiveArm, ...]]
TakeKeys = Callable[[dict[str, Key]], None]


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the store holds, at one of its revisions or a later one."""

    revision: int
    routes: dict[str, Route]
    keys: dict[str, Key]


class RouteWatcher:
    """Keeps the data plane's endpoints equal to the store's routes.

    The store is asked beside the loop, and while it cannot be reached the routes that are in
    force stay so. A revision comes into force only when every version it names is loaded;
    versions are loaded one at a time, and no other change waits for that.

    Args:
        store: that holds the routes.
        plane: whose endpoints it keeps.
        loader: of versions.
        make_arms: puts a route's arms to work.
        changed: called when anything worth reporting changed.
        take_keys: takes the keys, by id, whenever they may have changed; None where none are
            needed. It takes them before the routes of the same revision come into force.
    """

    def __init__(
        self,
        store: Store,
        plane: DataPlane,
        loader: VersionLoader,
        make_arms: MakeArms,
        changed: Callable[[], None],
        take_keys: TakeKeys | None = None,
    ) -> None:
        self._store = store
        self._plane = plane
        self._loader = loader
        self._make_arms = make_arms
        self._changed = changed
        self._take_keys = take_keys
        self._look_thread = ThreadPoolExecutor(1, thread_name_prefix="routes")
        self._load_thread = ThreadPoolExecutor(1, thread_name_prefix="load")
        self._routes: dict[str, Route] = {}
        self._revision = -1
        self._stale = False
        self._loaded: dict[str, LoadedVersion] = {}
        self._failed: dict[str, str] = {}
        self._unfetched: dict[str, str] = {}
        self._loading: VersionRef | None = None
        self._load_task: asyncio.Task[None] | None = None
        self._problem = ""

    @property
    def revision(self) -> int:
        """Of the store whose keys are in force, and whose routes are followed; -1 before any."""
        return self._revision

    @property
    def problem(self) -> str:
        """What keeps it from following the routes, in words; empty if nothing does."""
        return self._problem or next(iter(self._unfetched.values()), "")

    async def run(self) -> None:
        """Follow the routes until cancelled."""
        while True:
            try:
                await self.step()
            except Exception as error:  # a fault must not end the watch
                problem = f"the routes cannot be followed: it failed with {type(error).__name__}"
                if problem != self._problem:
                    traceback.print_exception(error, file=sys.stderr)
                self._tell_problem(problem)
            if self._load_task is None:
                await asyncio.sleep(POLL_S)
            else:
                await asyncio.wait([self._load_task], timeout=POLL_S)

    async def step(self) -> None:
        """Look once, and do what there is to do; a load goes on beside it."""
        try:
            seen = await asyncio.get_running_loop().run_in_executor(self._look_thread, self._look)
        except StorageError as error:
            self._tell_problem(f"the store cannot be read: {error}")
            return
        if seen is not None:
            if self._take_keys is not None:
                self._take_keys(seen.keys)
            self._routes, self._revision, self._stale = seen.routes, seen.revision, True
        if self._load_task is not None and self._load_task.done():
            self._load_task, self._stale = None, True
        if self._stale:
            self._switch()
            self._stale = False
        self._load_next()
        self._unload()
        self._tell_problem("")

    def _look(self) -> _Seen | None:
        """The routes and the keys, if the store changed since the last look."""
        revision = self._store.revision()
        if revision == self._revision:
            return None
        routes = {stored.value.endpoint: stored.value for stored in self._store.scan(ROUTES)}
        keys = [] if self._take_keys is None else self._store.scan(KEYS)
        return _Seen(revision, routes, {stored.value.id: stored.value for stored in keys})

    def _load_next(self) -> None:
        """Begin to load what is needed most: what could not be fetched comes last."""
        if self._load_task is not None:
            return
        needed = plan(self._routes.values(), [*self._loaded, *self._failed]).load
        order = {digest: place for place, digest in enumerate(self._unfetched, 1)}
        if needed:
            self._loading = min(needed, key=lambda ref: order.get(ref.digest, 0))
            self._load_task = asyncio.create_task(self._load(self._loading))
            self._changed()

    async def _load(self, ref: VersionRef) -> None:
        try:
            self._loaded[ref.digest] = await asyncio.get_running_loop().run_in_executor(
                self._load_thread, self._loader.load, ref
            )
            self._unfetched.pop(ref.digest, None)
        except StorageError as error:  # tried again, after the others
            self._unfetched.pop(ref.digest, None)
            self._unfetched[ref.digest] = f"{ref.name} cannot be fetched: {error}"
            await asyncio.sleep(POLL_S)
        except FairleadError as error:
            if error.__cause__ is not None:
                traceback.print_exception(error, file=sys.stderr)
            self._failed[ref.digest] = str(error)
        except Exception as error:  # a broken library must not end the worker
            traceback.print_exception(error, file=sys.stderr)
            self._failed[ref.digest] = f"loading failed with {type(error).__name__}"
        self._loading = None

    def _switch(self) -> None:
        """Put every route in force whose versions are all loaded."""
        gone = plan(self._routes.values(), [*self._failed, *self._unfetched]).unload
        for digest in gone:
            self._failed.pop(digest, None)
            self._unfetched.pop(digest, None)
        endpoints = {n: e for n, e in self._plane.endpoints.items() if n in self._routes}
        for name, route in self._routes.items():
            current = endpoints.get(name)
            ready = all(arm.version.digest in self._loaded for arm in route.arms)
            if route.arms and ready and (current is None or current.route != route):
                endpoints[name] = Endpoint.of(route, self._make_arms(route, self._loaded))
        self._plane.endpoints = endpoints
        self._plane.loading = frozenset(
            name for name, route in self._routes.items() if route.arms and name not in endpoints
        )
        self._changed()

    def _unload(self) -> None:
        for digest in plan(self._routes.values(), self._loaded).unload:
            if self._loaded[digest].in_flight == 0:
                self._loaded.pop(digest).close()
                self._changed()

    def _tell_problem(self, problem: str) -> None:
        if problem != self._problem:
            self._problem = problem
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
            ({self._loading.digest: "loading"} if self._loading else {})
            | dict.fromkeys(self._loaded, "ready")
            | {digest: f"failed: {why}" for digest, why in self._failed.items()}
        )

    def close(self) -> None:
        """Free every version; no request may be under way. A load that is goes on for nothing."""
        self._load_thread.shutdown(wait=False, cancel_futures=True)
        self._look_thread.shutdown(cancel_futures=True)  # soon: the store may be closed then
        for version in self._loaded.values():
            version.close()
        self._loaded.clear()
