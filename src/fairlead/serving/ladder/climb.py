"""Answers rows by the ladder of their endpoint: step after step, until each has its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial

from msgspec.structs import replace

from fairlead.clock import Clock
from fairlead.errors import DeadlineError, FairleadError
from fairlead.ids import Ids, IdSource
from fairlead.routing import slot_of_request
from fairlead.serving.dataplane import DataPlane, Endpoint
from fairlead.serving.gather import FAILURES
from fairlead.serving.held import check_held
from fairlead.serving.ladder.choose import Known, choose
from fairlead.serving.ladder.stored import Kept, Stored
from fairlead.serving.ladder.types import BY_KEY, WITH_KEY, Ladder
from fairlead.serving.types import Answer, Answered, Ask, Done, Keys, Part, Work
from fairlead.signature.findings import Findings

MODEL_SHARE = 0.8
"""Of the time that a caller has left, a model may take so much where more steps follow."""


class Ladders:
    """Answers what is asked of endpoints with a ladder, or by a key.

    Args:
        plane: asks the models.
        stored: answers that are there already.
        clock: for times and ids.
        named: the ladders that settings give, by endpoint.
    """

    def __init__(
        self, plane: DataPlane, stored: Stored, clock: Clock, named: Mapping[str, Ladder]
    ) -> None:
        self.plane = plane
        self.stored = stored
        self.clock = clock
        self.ids = IdSource(clock)
        self.named = named

    def predict(self, endpoint: Endpoint, ask: Ask, done: Done) -> None:
        """Answer the rows of one request.

        Args:
            endpoint: that is asked.
            ask: its rows; of those that bring a key alone all fields are missing.
            done: takes the answer, or the reason why there is none.

        Raises:
            FairleadError: as `DataPlane.predict` has it, where no step but a model is asked.
        """
        keys, automation = ask.keys, endpoint.route.automation
        if keys is not None:
            check_held(endpoint.route, holds=False)
        named = bool(ask.version or ask.arm) and not (keys and any(keys.bare))
        if named or automation.mode != "full" or not ask.batch.rows:
            self.plane.predict(endpoint, replace(ask, keys=None), done)
            return
        ladder = BY_KEY
        if keys is None or not keys.alone:
            ladder = self.named.get(endpoint.route.endpoint, WITH_KEY)
        _Climb(self, endpoint, ladder, ask, done).begin()


class _Climb:
    """One request on its way.

    Args:
        ladders: what it is answered by.
        endpoint: that is asked.
        ladder: of it.
        ask: its rows.
        done: takes the answer, or the reason why there is none.
    """

    def __init__(
        self, ladders: Ladders, endpoint: Endpoint, ladder: Ladder, ask: Ask, done: Done
    ) -> None:
        self._ladders = ladders
        self._endpoint = endpoint
        self._ladder = ladder
        self._ask = ask
        self._done = done
        self._kept: list[Kept | None] = [None] * ask.batch.rows
        if ladder.has("cached"):
            self._kept = ladders.stored.kept(endpoint.route, ask)
        self._known = self._look()
        self._open = 0
        self._parts: list[Part] = []
        self._error: FairleadError | None = None
        self._without: list[int] = []

    def begin(self) -> None:
        """Answer all rows; those that nothing else answers hear that none could be looked up."""
        keys = self._ask.keys
        self._go(list(range(self._ask.batch.rows)), 0, None if keys is None else keys.failed)

    def _look(self) -> list[Known]:
        """What is known of each row."""
        endpoint, keys = self._endpoint, self._ask.keys
        constant = self._ladders.stored.constant(endpoint.route, self._ladder) is not None
        previous = endpoint.previous is not None
        kept_us = [None if one is None else round(one.age_s * 1e6) for one in self._kept]
        if keys is None:
            return [Known(False, None, age_us, previous, constant) for age_us in kept_us]
        now_us = self._ladders.clock.now_us()
        ages_us = [None if row is None else max(0, now_us - row.time_us) for row in keys.rows]
        return [
            Known(bare, age_us, None if bare else kept, previous, constant)
            for bare, age_us, kept in zip(keys.bare, ages_us, kept_us, strict=True)
        ]

    def _go(self, places: list[int], start: int, error: FairleadError | None) -> None:
        """Send rows to the first step, from `start` on, that can answer each.

        Args:
            places: of the rows in the request.
            start: how many steps have been tried.
            error: why none has answered so far; None if none was tried.
        """
        steps: dict[int, list[int]] = {}
        for place in places:
            step = choose(self._ladder.steps, self._known[place], start)
            if step is not None:
                steps.setdefault(step, []).append(place)
            elif error is not None:
                self._error = error
            else:
                self._without.append(place)
        self._open += len(steps)
        for step, some in steps.items():
            self._answer(step, some)
        if not steps and not self._open:
            self._finish()

    def _answer(self, step: int, places: list[int]) -> None:
        rung, ask = self._ladder.steps[step].rung, self._some(places)
        if rung in ("live", "previous"):
            _Asked(self, step, places).begin(ask)
            return
        stored, route = self._ladders.stored, self._endpoint.route
        ids = self._ladders.ids.take(len(places))
        if rung == "precomputed":
            stored.precomputed(route, ask, ids, partial(self._found, step, places, ids))
            return
        try:
            if rung == "cached":
                kept = [one for n in places if (one := self._kept[n]) is not None]
                answered = stored.cached(route, ask, ids, kept)
            else:
                answered = stored.constant_of(route, self._ladder, ask, ids)
        except FairleadError as error:  # the log cannot be written
            self.settle([], error)
        else:
            self._found(step, places, ids, answered)

    def _found(
        self, step: int, places: list[int], ids: Ids, result: Answered | FairleadError
    ) -> None:
        if isinstance(result, Answered):
            self.settle([Part(places, ids, result)], None)
        elif isinstance(result, FAILURES):
            self.go_on(places, step, result)
        else:
            self.settle([], result)

    def _some(self, places: list[int]) -> Ask:
        ask = self._ask
        if len(places) < ask.batch.rows:
            ask = replace(ask.some(places), keys=_keys_of(ask.keys, places))
        return ask

    def model(self, step: int, ask: Ask, done: Done) -> None:
        """Ask the model, or the version before.

        Raises:
            UnavailableError: too much is asked of it.
        """
        ask = replace(ask, keys=None)
        previous = self._endpoint.previous
        if self._ladder.steps[step].rung == "live" or previous is None:
            self._ladders.plane.predict(self._endpoint, ask, done)
            return
        route, ids = self._endpoint.route, self._ladders.ids.take(ask.batch.rows)

        def answered(result: Answered | FairleadError) -> None:
            if isinstance(result, Answered):
                part = Part(None, ids, result)
                done(Answer(route.endpoint, route.revision, ids.count, (part,)))
            else:
                done(result)

        slots = [slot_of_request(ids)] * ids.count
        now_us = self._ladders.clock.now_us()
        previous.submit(Work(ask, ids.count, ids, slots, "fallback", now_us, answered))

    def follows(self, step: int, places: list[int]) -> bool:
        """Whether a later step can answer any of some rows."""
        steps = self._ladder.steps
        return any(choose(steps, self._known[place], step + 1) is not None for place in places)

    def time_of(self, ask: Ask) -> tuple[float, float]:
        """Until when a model may take where more follows, and how long that is."""
        now_s = self._ladders.clock.monotonic_s()
        left_s = MODEL_SHARE * max(0.0, ask.deadline_s - now_s)
        return now_s + left_s, left_s

    def go_on(self, places: list[int], step: int, error: FairleadError) -> None:
        """Have later steps answer what one has failed at."""
        self._open -= 1
        self._go(places, step + 1, error)

    def settle(self, parts: Sequence[Part], error: FairleadError | None) -> None:
        """Take the answers of one step, or the reason why there are none."""
        self._parts += parts
        self._error = self._error or error
        self._open -= 1
        if not self._open:
            self._finish()

    def _finish(self) -> None:
        if self._error is not None:
            self._done(self._error)
        elif self._without:
            self._done(self._unanswered())
        else:
            whole = self._ask.batch.rows
            parts = tuple(
                replace(part, places=None) if part.ids.count == whole else part
                for part in self._parts
            )
            route = self._endpoint.route
            queue_s = max(part.answered.queue_s for part in parts)
            model_s = max(part.answered.model_s for part in parts)
            self._done(Answer(route.endpoint, route.revision, whole, parts, queue_s, model_s))

    def _unanswered(self) -> FairleadError:
        """Why rows have no answer, of which no step was even asked."""
        findings = Findings(self._ask.batch.rows)
        for place in self._without:
            old = self._known[place].precomputed_us is not None and self._ladder.has("precomputed")
            why = "is a key whose prediction is too old" if old else "is no key of a prediction"
            findings.add(why, row=place, field="key", expected="a key, or all fields of the model")
        return findings.error()


class _Asked:
    """Rows that a model was asked about, until it answers or takes too long.

    Args:
        climb: whose they are.
        step: that the model is.
        places: of the rows in the request.
    """

    def __init__(self, climb: _Climb, step: int, places: list[int]) -> None:
        self._climb = climb
        self._step = step
        self._places = places
        self._timer: asyncio.TimerHandle | None = None
        self._over = False

    def begin(self, ask: Ask) -> None:
        """Ask, and where more steps follow look at the clock."""
        more = self._climb.follows(self._step, self._places)
        if more:
            deadline_s, left_s = self._climb.time_of(ask)
            ask = replace(ask, deadline_s=deadline_s)
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(left_s, partial(self._end, _TOO_LONG))
        try:
            self._climb.model(self._step, ask, self._end)
        except FairleadError as error:
            self._end(error)

    def _end(self, result: Answer | FairleadError) -> None:
        if self._over:  # it answers after all, and nobody waits any more
            return
        self._over = True
        if self._timer is not None:
            self._timer.cancel()
        if isinstance(result, Answer):
            self._climb.settle([_placed(part, self._places) for part in result.parts], None)
        elif isinstance(result, FAILURES):
            self._climb.go_on(self._places, self._step, result)
        else:
            self._climb.settle([], result)


def _placed(part: Part, places: list[int]) -> Part:
    """A part of some rows, as a part of the whole request."""
    own = places if part.places is None else [places[place] for place in part.places]
    return replace(part, places=own)


def _keys_of(keys: Keys | None, places: list[int]) -> Keys | None:
    if keys is None:
        return None
    asked, bare, rows = (
        [column[n] for n in places] for column in (keys.asked, keys.bare, keys.rows)
    )
    return replace(keys, asked=asked, bare=bare, rows=rows)


_TOO_LONG = DeadlineError("The model took too long, and nothing else answers.")
