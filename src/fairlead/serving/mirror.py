"""Shadows: who sees rows that were answered, answers nobody, and is compared later."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from fairlead.clock import Clock
from fairlead.errors import FairleadError, UnavailableError
from fairlead.ids import IdSource
from fairlead.serving.arm import LiveArm
from fairlead.serving.types import Answer, Answered, Ask, Done, Work

if TYPE_CHECKING:
    from fairlead.serving.dataplane import Endpoint

SHADOW_S_MAX = 20.0


class Mirror:
    """Copies rows to an endpoint's shadows once their caller has the answer.

    A shadow that does not keep up misses rows; they are counted, and nobody waits for it.

    Args:
        clock: for times.
        ids: of the copies; each record of one names the prediction that was given as its parent.
    """

    def __init__(self, clock: Clock, ids: IdSource) -> None:
        self._clock = clock
        self._ids = ids

    def after(self, endpoint: Endpoint, ask: Ask, slots: list[int], done: Done) -> Done:
        """The same `done`, which then lets the shadows see the rows."""
        return partial(self._answered, endpoint.shadows, ask, slots, done)

    def _answered(
        self,
        shadows: Sequence[LiveArm],
        ask: Ask,
        slots: list[int],
        done: Done,
        answer: Answer | FairleadError,
    ) -> None:
        done(answer)
        if isinstance(answer, FairleadError):
            return
        given = answer.ids()
        for shadow in shadows:
            seen = [n for n, slot in enumerate(slots) if shadow.owns(slot)]
            if seen:
                parents = [given[n] for n in seen]
                self._copy(shadow, ask.some(seen), [slots[n] for n in seen], parents)

    def _copy(self, shadow: LiveArm, ask: Ask, slots: list[int], parents: list[bytes]) -> None:
        now_s, rows = self._clock.monotonic_s(), len(slots)
        ask = replace(ask, received_s=now_s, deadline_s=now_s + SHADOW_S_MAX)
        work = Work(
            ask, rows, self._ids.take(rows), slots, "hash", self._clock.now_us(), _nobody, parents
        )
        try:
            shadow.submit(work)
        except UnavailableError:
            shadow.missed(rows)


def _nobody(_: Answered | FairleadError) -> None:
    """Nobody waits for what a shadow answers."""
