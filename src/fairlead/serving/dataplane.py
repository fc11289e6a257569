"""What every protocol calls: assign rows to arms, and put their answers together again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from msgspec.structs import replace

from fairlead.clock import Clock
from fairlead.errors import FairleadError, NotFoundError, UnavailableError
from fairlead.ids import Ids, IdSource
from fairlead.nearest import nearest
from fairlead.routing import (
    Arm,
    AssignedBy,
    Route,
    number_of,
    owners,
    slot_of_request,
    slot_of_unit,
)
from fairlead.serving.arm import LiveArm
from fairlead.serving.cache.response import ResponseCache, takes_part
from fairlead.serving.gather import Gather
from fairlead.serving.held import Holder, check_held, hold
from fairlead.serving.mirror import Mirror
from fairlead.serving.types import Answer, Answered, Ask, Done, Part, Work
from fairlead.serving.waiting import IdleError, Waiting
from fairlead.signature import RowDecoder

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint as this worker serves it: a route revision with every version loaded.

    Args:
        route: the revision in force.
        decoder: of rows that fit the endpoint's signature.
        arms: in the route's order.
        owners: of each slot, the place of an arm.
        shadows: that are loaded.
        previous: the version that was stable before, if it is still warm.
    """

    route: Route
    decoder: RowDecoder
    arms: tuple[LiveArm, ...]
    owners: bytes
    shadows: tuple[LiveArm, ...] = ()
    previous: LiveArm | None = None

    @staticmethod
    def of(
        route: Route,
        arms: tuple[LiveArm, ...],
        shadows: tuple[LiveArm, ...] = (),
        before: Endpoint | None = None,
        previous: LiveArm | None = None,
    ) -> Endpoint:
        """Put an endpoint together.

        Args:
            route: as of the endpoint.
            arms: as of the endpoint.
            shadows: as of the endpoint.
            before: what it follows. Most revisions leave the signature as it was, and what was
                made of it, here and by the protocols, is kept: it is full of types, which are
                slow to make and lie about until cycles are collected.
            previous: as of the endpoint.
        """
        table = owners([live.arm for live in arms])
        if before is None or before.route.signature != route.signature:
            return Endpoint(route, RowDecoder(route.signature), arms, table, shadows, previous)
        same = replace(route, signature=before.route.signature)
        return Endpoint(same, before.decoder, arms, table, shadows, previous)

    @property
    def stable(self) -> LiveArm | None:
        """The arm that answers for a candidate."""
        return next((live for live in self.arms if live.arm.role == "stable"), None)

    def arm(self, name: str) -> LiveArm:
        """The arm of a name.

        Raises:
            NotFoundError: there is none; tells those there are.
        """
        wanted = arm_named(self.route, name)
        return next(live for live in self.arms if live.arm is wanted)

    def version(self, number: str) -> LiveArm:
        """The arm whose version has a number: of the route, a shadow, or the one before.

        Raises:
            NotFoundError: no such version is loaded; tells those that are.
        """
        loaded = (*self.arms, *self.shadows, *([self.previous] if self.previous else []))
        numbers = {number_of(live.arm.version.name): live for live in reversed(loaded)}
        return _of_number(number, numbers)


class DataPlane:
    """Answers rows. Knows no transport, no protocol, and nothing of the control plane.

    Args:
        clock: for times and ids.
        waiting: the requests that wait for idle endpoints.
        caches: of the endpoints that have one.
        holder: takes on rows of which no model is asked.

    Attributes:
        endpoints: that answer now.
        idle: the routes of those that are loaded when they are asked.
        loading: those that will answer without being asked.
    """

    def __init__(
        self,
        clock: Clock,
        waiting: Waiting | None = None,
        caches: Mapping[str, ResponseCache] = {},
        holder: Holder | None = None,
    ) -> None:
        self.waiting = waiting or Waiting(clock)
        self._caches = caches
        self._holder = holder
        self.endpoints: Mapping[str, Endpoint] = {}
        self.idle: Mapping[str, Route] = {}
        self.loading: frozenset[str] = frozenset()
        self._clock = clock
        self._ids = IdSource(clock)
        self._mirror = Mirror(clock, self._ids)

    def endpoint(self, name: str) -> Endpoint:
        """The endpoint with a name, as served now.

        Raises:
            NotFoundError: there is none; names the nearest.
            IdleError: it is loaded when it is asked.
            UnavailableError: it is still being loaded.
        """
        found = self.endpoints.get(name)
        if found is not None:
            return found
        if name in self.idle:
            raise IdleError(
                "The model is not loaded.", retry_after_s=1.0, hint="A prediction loads it."
            )
        if name in self.loading:
            raise UnavailableError("The endpoint is being loaded.", retry_after_s=1.0)
        close = nearest(name, self.names())
        raise NotFoundError(
            "There is no endpoint of this name.",
            hint=f"Did you mean '{close}'?"
            if close
            else "GET /v1/endpoints lists those there are.",
        )

    def route(self, name: str) -> Route:
        """The route of an endpoint that answers, or would if it were asked.

        Raises:
            NotFoundError: there is none; names the nearest.
            UnavailableError: it is still being loaded.
        """
        return self.idle[name] if name in self.idle else self.endpoint(name).route

    def names(self) -> set[str]:
        """The endpoints there are, whether they answer yet or not."""
        return {*self.endpoints, *self.idle, *self.loading}

    def check_time(self, deadline_s: float) -> None:
        """Turn away what waited for too long before it is read, which costs the most.

        Raises:
            UnavailableError: the deadline has passed.
        """
        if self._clock.monotonic_s() >= deadline_s:
            raise UnavailableError("The server is too busy to answer in time.", shed="late")

    def predict(self, endpoint: Endpoint, ask: Ask, done: Done) -> None:
        """Answer the rows of one request.

        Args:
            endpoint: as `endpoint` gave it.
            ask: the rows.
            done: takes the answer, or the reason why there is none.

        Raises:
            NotFoundError: the version that is asked for does not answer this endpoint.
            ConflictError: a person decides, and the protocol cannot say so.
            UnavailableError: too many rows wait already.
        """
        mode = endpoint.route.automation.mode
        if mode != "full":
            check_held(endpoint.route, holds=ask.holds)
        rows = ask.batch.rows
        if not rows:  # some protocols take it
            _named(endpoint, ask)
            done(Answer(endpoint.route.endpoint, endpoint.route.revision, 0, ()))
            return
        ids = self._ids.take(rows)
        if mode == "human" and self._holder is not None:
            self._holder.hold(endpoint.route, ask, ids, done)
            return
        now_us = self._clock.now_us()
        slots = _slots(endpoint.route.salt, ask, ids)
        places = _split(endpoint, ask, slots)
        by: AssignedBy = "override" if ask.version or ask.arm else "hash"
        if mode != "full":
            done = hold(done)
        if endpoint.shadows and by == "hash":
            done = self._mirror.after(endpoint, ask, slots, done)
        if isinstance(places, LiveArm):
            whole = partial(_answer, endpoint, ids, done)
            work = Work(ask, rows, ids, slots, by, now_us, whole)
            cache = self._caches.get(endpoint.route.endpoint) if self._caches else None
            if cache is None or by != "hash" or not takes_part(endpoint.route):
                places.submit(work)
            else:
                cache.submit(places, work)
            return
        now_s = self._clock.monotonic_s()
        gather = Gather(endpoint.route, endpoint.stable, self._ids, rows, len(places), now_s, done)
        start = 0
        for arm, some in places:
            own = ids.some(start, len(some))
            part = ask if len(some) == rows else ask.some(some)
            where = None if len(some) == rows else some
            work = Work(part, len(some), own, [slots[n] for n in some], by, now_us, _nothing)
            gather.submit(arm, where, work)
            start += len(some)


def _nothing(_: Answered | FairleadError) -> None:
    """Stands in until it is known who waits."""


def _answer(endpoint: Endpoint, ids: Ids, done: Done, result: Answered | FairleadError) -> None:
    """Answer a request all of whose rows went to one arm, as most do."""
    if isinstance(result, FairleadError):
        done(result)
        return
    route, part = endpoint.route, Part(None, ids, result)
    done(Answer(route.endpoint, route.revision, ids.count, (part,), result.queue_s, result.model_s))


def _slots(salt: str, ask: Ask, ids: Ids) -> list[int]:
    """The slot of each row: its unit's, or one for the request's rows without a unit."""
    own = slot_of_request(ids)
    if ask.units is None:
        return [own] * ids.count
    return [own if unit is None else slot_of_unit(salt, unit) for unit in ask.units]


def arm_named(route: Route, name: str) -> Arm:
    """The arm of a route that has a name.

    Raises:
        NotFoundError: there is none; tells those there are.
    """
    for arm in route.arms:
        if arm.name == name:
            return arm
    names = ", ".join(sorted(arm.name for arm in route.arms))
    raise NotFoundError("No arm of the endpoint has this name.", hint=f"Those there are: {names}.")


def route_arm(route: Route, version: str) -> Arm:
    """The arm of a route whose version has a number.

    Raises:
        NotFoundError: no such version answers the endpoint; tells those that do.
    """
    return _of_number(version, {number_of(arm.version.name): arm for arm in reversed(route.arms)})


def _of_number(version: str, numbers: Mapping[str, T]) -> T:
    if version in numbers:
        return numbers[version]
    raise NotFoundError(
        "This version does not answer the endpoint.",
        hint=f"Those that do: {', '.join(sorted(numbers))}.",
    )


def _named(endpoint: Endpoint, ask: Ask) -> LiveArm | None:
    """The arm that a caller names; None where the route decides."""
    if ask.arm:
        return endpoint.arm(ask.arm)
    return endpoint.version(ask.version) if ask.version else None


def _split(
    endpoint: Endpoint, ask: Ask, slots: list[int]
) -> LiveArm | list[tuple[LiveArm, list[int]]]:
    """The arm that all rows are assigned to, or several with their rows' places."""
    named = _named(endpoint, ask)
    if named is not None:
        return named
    if len(endpoint.arms) == 1:
        return endpoint.arms[0]
    by_arm: dict[int, list[int]] = {}
    for place, slot in enumerate(slots):
        by_arm.setdefault(endpoint.owners[slot], []).append(place)
    only = endpoint.arms[next(iter(by_arm))]
    if len(by_arm) == 1 and only.arm.role != "candidate":
        return only
    return [(endpoint.arms[arm], places) for arm, places in by_arm.items()]
