"""What every protocol calls: assign rows to arms, and put their answers together again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from fairlead.clock import Clock
from fairlead.errors import FairleadError, NotFoundError, UnavailableError
from fairlead.ids import IdSource
from fairlead.nearest import nearest
from fairlead.routing import Route, number_of, owners, slot_of_request, slot_of_unit
from fairlead.serving.arm import LiveArm
from fairlead.serving.types import Answer, Answered, Ask, Done, Part, Work
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
    """

    def __init__(self, clock: Clock) -> None:
        self.endpoints: Mapping[str, Endpoint] = {}
        self.loading: frozenset[str] = frozenset()
        self._clock = clock
        self._ids = IdSource(clock)

    def endpoint(self, name: str) -> Endpoint:
        """The endpoint with a name, as served now.

        Raises:
            NotFoundError: there is none; names the nearest.
            UnavailableError: it is still being loaded.
        """
        if name in self.endpoints:
            return self.endpoints[name]
        if name in self.loading:
            raise UnavailableError("The endpoint is being loaded.", retry_after_s=1.0)
        close = nearest(name, self.endpoints)
        raise NotFoundError(
            "There is no endpoint of this name.",
            hint=f"Did you mean '{close}'?"
            if close
            else "GET /v1/endpoints lists those there are.",
        )

    def predict(self, endpoint: Endpoint, ask: Ask, done: Done) -> None:
        """Answer the rows of one request.

        Args:
            endpoint: as `endpoint` gave it.
            ask: the rows.
            done: takes the answer, or the reason why there is none.

        Raises:
            NotFoundError: the version that is asked for does not answer this endpoint.
        """
        arm = arm_of(endpoint, ask.version) if ask.version else None
        if not ask.batch.rows:  # some protocols take it
            done(Answer(endpoint.route.endpoint, endpoint.route.revision, 0, (), 0.0, 0.0))
            return
        ids = self._ids.take(ask.batch.rows)
        slots = _slots(endpoint.route.salt, ask, ids)
        places = _split(endpoint, slots) if arm is None else [(arm, None)]
        gather = _Gather(endpoint, ask.batch.rows, len(places), done)
        now_us = self._clock.now_us()
        whole = Work(
            batch=ask.batch,
            ids=ids,
            units=ask.units,
            caller_ids=ask.caller_ids,
            slots=slots,
            assigned_by="hash" if arm is None else "override",
            admitted_us=now_us,
            received_s=ask.received_s,
            deadline_s=ask.deadline_s,
            done=lambda _: None,
        )
        for arm, rows in places:
            part = whole if rows is None else _pick(whole, rows)
            gather.submit(arm, part, rows)


def _slots(salt: str, ask: Ask, ids: list[bytes]) -> list[int]:
    """The slot of each row: its unit's, or one for the request's rows without a unit."""
    own = slot_of_request(ids[0])
    if ask.units is None:
        return [own] * len(ids)
    return [own if unit is None else slot_of_unit(salt, unit) for unit in ask.units]


def arm_of(endpoint: Endpoint, version: str) -> LiveArm:
    """The arm whose version has a number.

    Raises:
        NotFoundError: no such version answers the endpoint.
    """
    numbers = {number_of(arm.arm.version.name): arm for arm in reversed(endpoint.arms)}
    if version in numbers:
        return numbers[version]
    raise NotFoundError(
        "This version does not answer the endpoint.",
        hint=f"Those that do: {', '.join(sorted(numbers))}.",
    )


def _split(endpoint: Endpoint, slots: list[int]) -> list[tuple[LiveArm, list[int] | None]]:
    """The arms that rows are assigned to, each with its rows' places; None for all of them."""
    if len(endpoint.arms) == 1:
        return [(endpoint.arms[0], None)]
    by_arm: dict[int, list[int]] = {}
    for place, slot in enumerate(slots):
        by_arm.setdefault(endpoint.owners[slot], []).append(place)
    if len(by_arm) == 1:
        return [(endpoint.arms[next(iter(by_arm))], None)]
    return [(endpoint.arms[arm], places) for arm, places in by_arm.items()]


def _pick(work: Work, places: list[int]) -> Work:
    """Some rows of a request."""
    return replace(
        work,
        batch=work.batch.take(np.array(places, np.intp)),
        ids=[work.ids[place] for place in places],
        units=work.units and [work.units[place] for place in places],
        caller_ids=work.caller_ids and [work.caller_ids[place] for place in places],
        slots=[work.slots[place] for place in places],
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
        self._queue_s = self._model_s = 0.0

    def submit(self, arm: LiveArm, work: Work, places: list[int] | None) -> None:
        """Send one part on its way."""

        def finished(result: Answered | FairleadError) -> None:
            if isinstance(result, FairleadError):
                self._finish(None, result)
                return
            self._queue_s = max(self._queue_s, result.queue_s)
            self._model_s = max(self._model_s, result.model_s)
            name, fields = arm.arm.version.name, arm.version.fields
            part = Part(places, arm.arm.name, name, work.ids, fields, result.outputs)
            self._finish(part, None)

        try:
            arm.submit(replace(work, done=finished))
        except UnavailableError as error:
            self._finish(None, error)

    def _finish(self, part: Part | None, error: FairleadError | None) -> None:
        if part is not None:
            self._parts.append(part)
        self._error = self._error or error
        self._left -= 1
        if self._left == 0:
            route = self._endpoint.route
            answer = Answer(
                route.endpoint,
                route.revision,
                self._rows,
                tuple(self._parts),
                self._queue_s,
                self._model_s,
            )
            self._done(self._error or answer)
