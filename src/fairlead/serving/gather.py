"""Requests whose rows several arms answer, or that the stable arm answers for a candidate."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from msgspec.structs import replace

from fairlead.errors import DeadlineError, FairleadError, ModelError, UnavailableError
from fairlead.ids import IdSource
from fairlead.routing import AssignedBy, Route
from fairlead.serving.arm import LiveArm
from fairlead.serving.types import Answer, Answered, Done, Part, Work

CANDIDATE_SHARE = 0.5
"""Of the time that a caller has left, a candidate may take so much, and the stable arm the rest."""

_Tried = Callable[[Work, Answered | FairleadError], None]

FAILURES = (ModelError, DeadlineError, UnavailableError)


class Gather:
    """Waits for the parts of one request, and answers once: with all of them or an error.

    What a candidate fails at, or is too slow for, is answered by the stable arm: the caller does
    not pay for the trial, and the log holds the failure against the candidate.

    Args:
        route: that the request was assigned by.
        stable: who answers for a candidate; None to let it fail.
        ids: of what is answered a second time.
        rows: of the request.
        parts: how many there will be.
        now_s: on the monotonic clock.
        done: takes the answer, or the reason why there is none.
    """

    def __init__(
        self,
        route: Route,
        stable: LiveArm | None,
        ids: IdSource,
        rows: int,
        parts: int,
        now_s: float,
        done: Done,
    ) -> None:
        self._route = route
        self._stable = stable
        self._ids = ids
        self._rows = rows
        self._left = parts
        self._now_s = now_s
        self._parts: list[Part] = []
        self._error: FairleadError | None = None
        self._done = done

    def submit(self, arm: LiveArm, places: list[int] | None, work: Work) -> None:
        """Send one part on its way.

        Args:
            arm: that it is assigned to.
            places: of its rows in the request; None for all of them.
            work: the part; what is done with its answer is decided here.
        """
        on_trial = arm.arm.role == "candidate" and self._stable not in (None, arm)
        ask = work.ask
        if on_trial:
            left_s = max(0.0, ask.deadline_s - self._now_s)
            ask = replace(ask, deadline_s=self._now_s + CANDIDATE_SHARE * left_s)
        self._send(arm, replace(work, ask=ask), partial(self._tried, places, work, on_trial))

    def _send(self, arm: LiveArm, work: Work, done: _Tried) -> None:
        try:
            arm.submit(replace(work, done=partial(done, work)))
        except UnavailableError as error:
            done(work, error)

    def _tried(
        self,
        places: list[int] | None,
        asked: Work,
        on_trial: bool,
        work: Work,
        result: Answered | FairleadError,
    ) -> None:
        if isinstance(result, Answered):
            self._finish(Part(places, work.ids, result), None)
        elif on_trial and isinstance(result, FAILURES):
            assert self._stable is not None
            by: AssignedBy = "fallback"
            # What was refused for want of room is on no log.
            parents = None if isinstance(result, UnavailableError) else work.ids.raw()
            ids = self._ids.take(asked.rows)
            again = replace(asked, ids=ids, assigned_by=by, parents=parents)
            self._send(self._stable, again, partial(self._tried, places, again, False))
        else:
            self._finish(None, result)

    def _finish(self, part: Part | None, error: FairleadError | None) -> None:
        if part is not None:
            self._parts.append(part)
        self._error = self._error or error
        self._left -= 1
        if self._left == 0:
            self._done(self._error or self._answer())

    def _answer(self) -> Answer:
        answered = [part.answered for part in self._parts]
        return Answer(
            self._route.endpoint,
            self._route.revision,
            self._rows,
            tuple(self._parts),
            max(each.queue_s for each in answered),
            max(each.model_s for each in answered),
        )
