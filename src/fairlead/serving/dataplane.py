"""What every protocol calls: assign rows to arms, and put their answers together again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

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
from fairlead.serving.types import Answer, Answered, Ask, Done, Part, Work
from fairlead.serving.waiting import IdleError, Waiting
from fairlead.signature import RowDecoder


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint as this worker serves it: a route revision with every version loaded.

    Args:
        route: the revision in force.
        decoder: of rows that fit the endpoint's signature.
        arms: in the route's order.
    """

    route: Route
    decoder: RowDecoder
    arms: tuple[LiveArm, ...]
    owners: bytes

    @staticmethod
    def of(route: Route, arms: tuple[LiveArm, ...]) -> Endpoint:
        """Put an endpoint together."""
        return Endpoint(route, RowDecoder(route.signature), arms, owners([a.arm for a in arms]))

    def version_of(self, arm: str) -> str:
        """The number of the version that an arm has.

        Raises:
            NotFoundError: there is no arm of this name; tells those there are.
        """
        numbers = {each.arm.name: number_of(each.arm.version.name) for each in self.arms}
        if arm in numbers:
            return numbers[arm]
        raise NotFoundError(
            "No arm of the endpoint has this name.",
            hint=f"Those there are: {', '.join(sorted(numbers))}.",
        )


class DataPlane:
    """Answers rows. Knows no transport, no protocol, and nothing of the control plane.

    Args:
        clock: for times and ids.
        waiting: the requests that wait for idle endpoints.

    Attributes:
        endpoints: that answer now.
        idle: the routes of those that are loaded when they are asked.
        loading: those that will answer without being asked.
    """

    def __init__(self, clock: Clock, waiting: Waiting | None = None) -> None:
        self.waiting = waiting or Waiting(clock)
        self.endpoints: Mapping[str, Endpoint] = {}
        self.idle: Mapping[str, Route] = {}
        self.loading: frozenset[str] = frozenset()
        self._clock = clock
        self._ids = IdSource(clock)

    def endpoint(self, name: str) -> Endpoint:
        """The endpoint with a name, as served now.

        Raises:
            NotFoundError: there is none; names the nearest.
            IdleError: it is loaded when it is asked.
            UnavailableError: it is still being loaded.
        """
        if name in self.endpoints:
            return self.endpoints[name]
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
            UnavailableError: too many rows wait already.
        """
        rows = ask.batch.rows
        if not rows:  # some protocols take it
            done(Answer(endpoint.route.endpoint, endpoint.route.revision, 0, ()))
            return
        ids = self._ids.take(rows)
        now_us = self._clock.now_us()
        slots = _slots(endpoint.route.salt, ask, ids)
        places = _split(endpoint, ask, slots)
        by: AssignedBy = "override" if ask.version else "hash"
        if isinstance(places, LiveArm):
            whole = partial(_answer, endpoint, places, ids, done)
            places.submit(Work(ask, rows, ids, slots, by, now_us, whole))
            return
        gather = _Gather(endpoint, rows, len(places), done)
        start = 0
        for arm, some in places:
            own = ids.some(start, len(some))
            gather.submit(arm, some, _pick(ask, some), own, [slots[n] for n in some], now_us)
            start += len(some)


def _answer(
    endpoint: Endpoint,
    arm: LiveArm,
    ids: Ids,
    done: Done,
    result: Answered | FairleadError,
) -> None:
    """Answer a request all of whose rows went to one arm, as most do."""
    if isinstance(result, FairleadError):
        done(result)
        return
    route, of = endpoint.route, arm.arm
    part = Part(None, of.name, of.version.name, ids, result)
    times = result.queue_s, result.model_s
    done(Answer(route.endpoint, route.revision, ids.count, (part,), *times))


def _slots(salt: str, ask: Ask, ids: Ids) -> list[int]:
    """The slot of each row: its unit's, or one for the request's rows without a unit."""
    own = slot_of_request(ids)
    if ask.units is None:
        return [own] * ids.count
    return [own if unit is None else slot_of_unit(salt, unit) for unit in ask.units]


def arm_of(endpoint: Endpoint, version: str) -> LiveArm:
    """The arm whose version has a number.

    Raises:
        NotFoundError: no such version answers the endpoint.
    """
    wanted = route_arm(endpoint.route, version)
    return next(arm for arm in endpoint.arms if arm.arm is wanted)


def route_arm(route: Route, version: str) -> Arm:
    """The arm of a route whose version has a number.

    Raises:
        NotFoundError: no such version answers the endpoint.
    """
    numbers = {number_of(arm.version.name): arm for arm in reversed(route.arms)}
    if version in numbers:
        return numbers[version]
    raise NotFoundError(
        "This version does not answer the endpoint.",
        hint=f"Those that do: {', '.join(sorted(numbers))}.",
    )


def _split(
    endpoint: Endpoint, ask: Ask, slots: list[int]
) -> LiveArm | list[tuple[LiveArm, list[int]]]:
    """The arm that all rows are assigned to, or several with their rows' places."""
    if ask.version:
        return arm_of(endpoint, ask.version)
    if len(endpoint.arms) == 1:
        return endpoint.arms[0]
    by_arm: dict[int, list[int]] = {}
    for place, slot in enumerate(slots):
        by_arm.setdefault(endpoint.owners[slot], []).append(place)
    if len(by_arm) == 1:
        return endpoint.arms[next(iter(by_arm))]
    return [(endpoint.arms[arm], places) for arm, places in by_arm.items()]


def _pick(ask: Ask, places: list[int]) -> Ask:
    """Some rows of a request."""
    return Ask(
        ask.batch.take(np.array(places, np.intp)),
        ask.units and [ask.units[place] for place in places],
        ask.caller_ids and [ask.caller_ids[place] for place in places],
        ask.received_s,
        ask.deadline_s,
        trace_id=ask.trace_id,
    )


class _Gather:
    """Waits for the parts of one request, and answers once: with all of them or an error."""

    def __init__(self, endpoint: Endpoint, rows: int, parts: int, done: Done) -> None:
        self._endpoint = endpoint
        self._rows = rows
        self._left = parts
        self._parts: list[Part] = []
        self._error: FairleadError | None = None
        self._done = done

    def submit(
        self,
        arm: LiveArm,
        places: list[int],
        ask: Ask,
        ids: Ids,
        slots: list[int],
        now_us: int,
    ) -> None:
        """Send one part on its way."""

        def finished(result: Answered | FairleadError) -> None:
            if isinstance(result, FairleadError):
                self._finish(None, result)
            else:
                part = Part(places, arm.arm.name, arm.arm.version.name, ids, result)
                self._finish(part, None)

        try:
            arm.submit(Work(ask, ids.count, ids, slots, "hash", now_us, finished))
        except UnavailableError as error:
            self._finish(None, error)

    def _finish(self, part: Part | None, error: FairleadError | None) -> None:
        if part is not None:
            self._parts.append(part)
        self._error = self._error or error
        self._left -= 1
        if self._left == 0:
            self._done(self._error or self._answer())

    def _answer(self) -> Answer:
        route, answered = self._endpoint.route, [part.answered for part in self._parts]
        return Answer(
            route.endpoint,
            route.revision,
            self._rows,
            tuple(self._parts),
            max(each.queue_s for each in answered),
            max(each.model_s for each in answered),
        )
