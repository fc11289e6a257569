"""Follows the store: loads what its routes need, then puts them in force; and its keys."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from fairlead.access import KEYS, Key
from fairlead.errors import StorageError
from fairlead.logs import tell_error
from fairlead.routing import ROUTES, Arm, Route, VersionRef
from fairlead.serving.arm import LiveArm
from fairlead.serving.dataplane import DataPlane, Endpoint
from fairlead.serving.loading.plan import Wants, to_unload, wants
from fairlead.serving.loading.shelf import Shelf
from fairlead.serving.loading.versions import LoadedVersion, VersionLoader
from fairlead.store import Store

POLL_S = 0.1
PREVIOUS = "previous"
"""The arm that the version has which was stable before."""

MakeArm = Callable[[Route, Arm, LoadedVersion], LiveArm]
TakeKeys = Callable[[dict[str, Key]], None]


@dataclass(frozen=True, slots=True)
class _Seen:
    """What changed in the store up to one of its revisions, or a later one."""

    revision: int
    routes: dict[str, Route]
    keys: dict[str, Key]


class RouteWatcher:
    """Keeps the data plane's endpoints equal to the store's routes.

    The store is asked beside the loop, and while it cannot be reached the routes that are in
    force stay so. A revision comes into force only when every version it names is loaded;
    versions are loaded one at a time, and no other change waits for that. Where there is a
    budget, an endpoint with one arm may be *idle*: its version is loaded when it is asked, and
    let go again when the room is needed.

    Args:
        store: that holds the routes.
        plane: whose endpoints it keeps.
        loader: of versions.
        make_arm: puts an arm of a route to work.
        changed: called when anything worth reporting changed.
        take_keys: takes the keys, by id, whenever they may have changed; None where none are
            needed. It takes them before the routes of the same revision come into force.
        budget_bytes: of memory for versions; None to load them all.
    """

    def __init__(
        self,
        store: Store,
        plane: DataPlane,
        loader: VersionLoader,
        make_arm: MakeArm,
        changed: Callable[[], None],
        take_keys: TakeKeys | None = None,
        budget_bytes: int | None = None,
    ) -> None:
        self._store = store
        self._plane = plane
        self._make_arm = make_arm
        self._changed = changed
        self._take_keys = take_keys
        self._budget_bytes = budget_bytes
        self._look_thread = ThreadPoolExecutor(1, thread_name_prefix="routes")
        self._shelf = Shelf(loader, self._load_moved)
        self._routes: dict[str, Route] = {}
        self._keys: dict[str, Key] = {}
        self._revision = -1
        self._wants = Wants()
        self._users: dict[str, list[str]] = {}
        self._keepers: dict[str, list[str]] = {}
        self._altered: set[str] = set()
        self._behind: set[str] = set()
        self._last_load: VersionRef | None = None
        self._crowded = True
        self._turn = 0
        self._problem = ""
        self._woken = asyncio.Event()
        plane.waiting.notify = self._woken.set

    @property
    def revision(self) -> int:
        """Of the store whose keys are in force, and whose routes are followed; -1 before any."""
        return self._revision

    @property
    def problem(self) -> str:
        """What keeps it from following the routes, in words; empty if nothing does."""
        return self._problem or next(iter(self._shelf.unfetched.values()), "")

    async def run(self) -> None:
        """Follow the routes until cancelled."""
        while True:
            self._woken.clear()
            try:
                await self.step()
            except Exception as error:  # a fault must not end the watch
                problem = f"the routes cannot be followed: it failed with {type(error).__name__}"
                if problem != self._problem:
                    tell_error("follow_failed", error)
                self._tell_problem(problem)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_S):  # wait_for can lose a cancellation
                    await self._woken.wait()

    async def step(self) -> None:
        """Look once, and do what there is to do; a load goes on beside it."""
        problem = await self._follow()
        self._end_load()
        self._switch()
        self._settle_failed()
        self._load_next()
        self._unload()
        self._tell_problem(problem)

    async def _follow(self) -> str:
        """Take over what changed in the store; says what kept it from that."""
        try:
            seen = await asyncio.get_running_loop().run_in_executor(self._look_thread, self._look)
        except StorageError as error:
            return f"the store cannot be read: {error}"
        if seen is None:
            return ""
        if self._take_keys is not None:
            self._keys = self._keys | seen.keys
            self._take_keys(self._keys)
        self._revision = seen.revision
        if seen.routes:
            self._routes |= seen.routes
            self._altered |= seen.routes.keys()
            self._wants = wants(self._routes.values(), lazy=self._budget_bytes is not None)
            self._users = _users(self._routes)
            self._keepers = _keepers(self._routes)
            self._crowded = True
        self._changed()
        return ""

    def _look(self) -> _Seen | None:
        """The routes and the keys that changed since the last look; neither is ever removed."""
        revision, last = self._store.revision(), max(0, self._revision)
        if revision == self._revision:
            return None
        routes = {s.value.endpoint: s.value for s in self._store.scan(ROUTES, after=last)}
        keys = [] if self._take_keys is None else self._store.scan(KEYS, after=last)
        return _Seen(revision, routes, {stored.value.id: stored.value for stored in keys})

    def _load_moved(self) -> None:
        self._woken.set()
        self._changed()

    def _load_next(self) -> None:
        """Begin to load what is needed most: what could not be fetched comes last.

        What requests wait for and what the routes want at once take turns, so that neither can
        starve the other.
        """
        if self._shelf.loading is not None:
            return
        queues = (self._missing(self._sought()), self._missing(self._wants.now))
        waiting = [queue for queue in queues if queue]
        if waiting:
            self._turn += 1
            order = {digest: place for place, digest in enumerate(self._shelf.unfetched, 1)}
            queue = waiting[self._turn % len(waiting)]
            self._last_load = min(queue, key=lambda ref: order.get(ref.digest, 0))
            self._crowded = True
            self._shelf.load(self._last_load, self._first_user(self._last_load))

    def _first_user(self, ref: VersionRef) -> str:
        """The endpoint whose settings a version is loaded with: there is one of it for all."""
        users = self._users.get(ref.digest)
        if users:
            return users[0]
        routes = self._routes.values()
        return next(r.endpoint for r in routes if ref in (*r.prepare, *r.keep))

    def _missing(self, refs: Mapping[str, VersionRef]) -> list[VersionRef]:
        loaded, failed = self._shelf.loaded, self._shelf.failed
        return [ref for d, ref in refs.items() if d not in loaded and d not in failed]

    def _sought(self) -> dict[str, VersionRef]:
        """What requests wait for, and what is to replace versions that answer."""
        replaced = self._behind & self._plane.endpoints.keys()
        names = dict.fromkeys((*self._plane.waiting.asked, *replaced))
        arms = [arm for name in names for arm in self._routes[name].arms]
        return {arm.version.digest: arm.version for arm in arms}

    def _end_load(self) -> None:
        """Look again at the endpoints that need what was loaded, or was not."""
        ref = self._last_load
        if ref is None or self._shelf.loading is not None:
            return
        self._last_load = None
        self._crowded = True
        users = self._users.get(ref.digest, [])
        self._altered.update(self._keepers.get(ref.digest, ()))
        self._altered.update(users)
        if ref.digest not in self._shelf.loaded:
            for name in users:
                self._plane.waiting.settle(name, self._shelf.refusal([ref.digest]))

    def _settle_failed(self) -> None:
        """Answer those who wait for what failed to load before."""
        for name in tuple(self._plane.waiting.asked):
            failed = [d for d in _digests(self._routes[name]) if d in self._shelf.failed]
            if failed:
                self._plane.waiting.settle(name, self._shelf.refusal(failed))

    def _switch(self) -> None:
        """Put every altered route in force whose versions are all loaded."""
        if not self._altered:
            return
        sought, wanted = self._sought(), self._wants
        self._shelf.forget(
            lambda digest: digest in wanted.now or digest in wanted.later,
            lambda digest: digest in wanted.now or digest in sought,
        )
        live, idle = dict(self._plane.endpoints), dict(self._plane.idle)
        altered = tuple(self._altered)
        for name in altered:
            self._place(self._routes[name], live, idle)
        self._altered.clear()
        self._publish(live, idle)
        for name in altered:
            if name in live:
                self._plane.waiting.settle(name, None)

    def _place(self, route: Route, live: dict[str, Endpoint], idle: dict[str, Route]) -> None:
        """Put one endpoint where it belongs: among those that answer, or that could."""
        name, current = route.endpoint, live.get(route.endpoint)
        idle.pop(name, None)
        self._behind.discard(name)
        shadows = [arm for arm in route.shadows if arm.version.digest in self._shelf.loaded]
        if not route.arms:
            live.pop(name, None)
            return
        before = self._before(route)
        if current is not None and current.route == route:
            same = len(current.shadows) == len(shadows)
            if same and (current.previous is None) == (not before):
                return
        if all(digest in self._shelf.loaded for digest in _digests(route)):
            live[name] = Endpoint.of(
                route,
                self._live(route, route.arms),
                self._live(route, shadows),
                current,
                next(iter(self._live(route, before)), None),
            )
            return
        loadable = self._budget_bytes is not None and len(route.arms) == 1 and not route.shadows
        if loadable and current is None:
            idle[name] = route
        if name not in idle or any(digest in self._shelf.failed for digest in _digests(route)):
            self._behind.add(name)

    def _before(self, route: Route) -> list[Arm]:
        """The arm of the version that was stable before, if it is loaded and stays so."""
        kept = route.keep if self._budget_bytes is None else ()
        warm = [ref for ref in kept if ref.digest in self._shelf.loaded]
        return [Arm(PREVIOUS, ref, "stable", ()) for ref in warm[:1]]

    def _live(self, route: Route, arms: Sequence[Arm]) -> tuple[LiveArm, ...]:
        loaded = self._shelf.loaded
        return tuple(self._make_arm(route, arm, loaded[arm.version.digest]) for arm in arms)

    def _publish(self, live: dict[str, Endpoint], idle: dict[str, Route]) -> None:
        self._plane.endpoints, self._plane.idle = live, idle
        self._plane.loading = frozenset(self._behind - live.keys() - idle.keys())
        self._changed()

    def _unload(self) -> None:
        if not self._crowded:
            return
        needed = {*self._sought(), *self._answering_of(self._behind)}
        loading = self._shelf.loading
        coming_bytes = self._shelf.size_bytes(loading) if loading else 0
        held = self._shelf.held()
        gone = to_unload(self._wants, needed, held, self._budget_bytes, coming_bytes)
        self._rest(gone)
        for digest in gone:
            self._shelf.unload(digest)
        self._crowded = any(one.busy for one in held.values())

    def _answering_of(self, names: set[str]) -> set[str]:
        """The digests that some endpoints answer with now."""
        live = [self._plane.endpoints[name] for name in names & self._plane.endpoints.keys()]
        beside = [arm for e in live for arm in (*e.shadows, *([e.previous] if e.previous else []))]
        shown = {arm.arm.version.digest for arm in beside}
        return {digest for endpoint in live for digest in _digests(endpoint.route)} | shown

    def _rest(self, digests: tuple[str, ...]) -> None:
        """Let the endpoints whose versions go answer no more, until they are asked."""
        names = {name for digest in digests for name in self._users.get(digest, ())}
        names &= self._plane.endpoints.keys()
        if names:
            live = {n: e for n, e in self._plane.endpoints.items() if n not in names}
            self._publish(live, {**self._plane.idle, **{n: self._routes[n] for n in names}})

    def _tell_problem(self, problem: str) -> None:
        if problem != self._problem:
            self._problem = problem
            self._changed()

    def ready(self) -> bool:
        """Whether the routes were read and every one with arms is in force, or could be."""
        return self._revision >= 0 and not self._behind and not self._altered

    def behind(self) -> tuple[str, ...]:
        """What is not in force as the store wants it, in words."""
        missing = []
        for name in sorted(self._behind | self._altered):
            failed = [
                f"{arm.version.name}: {self._shelf.failed[arm.version.digest]}"
                for arm in self._routes[name].arms
                if arm.version.digest in self._shelf.failed
            ]
            missing.append(f"endpoint {name}: {'; '.join(failed) or 'loading'}")
        return tuple(missing)

    def revisions(self) -> dict[str, int]:
        """The revision in force for each endpoint, or that it will have when it is asked."""
        idle = {name: route.revision for name, route in self._plane.idle.items()}
        return idle | {name: e.route.revision for name, e in self._plane.endpoints.items()}

    def versions(self) -> dict[str, str]:
        """By digest: `loading`, `ready`, or why it failed."""
        return self._shelf.states()

    def memory_bytes(self) -> dict[str, int]:
        """By digest, the memory that each version takes, as estimated."""
        return {digest: version.size_bytes for digest, version in self._shelf.loaded.items()}

    def named_memory_bytes(self) -> dict[str, int]:
        """The same, by the version's name."""
        return {v.ref.name: v.size_bytes for v in self._shelf.loaded.values()}

    def in_flight(self) -> dict[str, int]:
        """By the name of each version that is asked now, how many requests are under way on it."""
        return {v.ref.name: v.in_flight for v in self._shelf.loaded.values() if v.in_flight}

    def processes(self) -> dict[str, int]:
        """By the name of each version with a process of its own, the number of that."""
        runners = {v.ref.name: v.runner for v in self._shelf.loaded.values()}
        return {name: pid for name, runner in runners.items() if (pid := runner.process_id())}

    def close(self) -> None:
        """Free every version; no request may be under way. A load that is goes on for nothing."""
        self._look_thread.shutdown(cancel_futures=True)  # soon: the store may be closed then
        self._shelf.close()


def _digests(route: Route) -> list[str]:
    """What must be loaded before a route is in force; a shadow may come later."""
    return [arm.version.digest for arm in route.arms]


def _users(routes: dict[str, Route]) -> dict[str, list[str]]:
    """The endpoints that each version answers, by digest."""
    users: dict[str, list[str]] = {}
    for name, route in routes.items():
        for arm in (*route.arms, *route.shadows):
            users.setdefault(arm.version.digest, []).append(name)
    return users


def _keepers(routes: dict[str, Route]) -> dict[str, list[str]]:
    """The endpoints that each version stays warm for, by digest."""
    keepers: dict[str, list[str]] = {}
    for name, route in routes.items():
        for ref in route.keep:
            keepers.setdefault(ref.digest, []).append(name)
    return keepers
