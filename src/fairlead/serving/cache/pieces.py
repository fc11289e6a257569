"""Requests whose rows come by their answers in several ways, though one version gives them all."""

from __future__ import annotations

from functools import partial

from msgspec.structs import replace

from fairlead.errors import FairleadError
from fairlead.serving.types import Answered, Outputs, Work
from fairlead.signature import concat


class Pieces:
    """Waits for the pieces of one request, and answers once: with all its rows or an error.

    Args:
        work: the whole request.
        count: of the pieces.
    """

    def __init__(self, work: Work, count: int) -> None:
        self._work = work
        self._left = count
        self._answered: dict[int, tuple[int, Answered]] = {}
        self._error: FairleadError | None = None

    def some(self, start: int, rows: int) -> Work:
        """One piece: rows that follow one another."""
        work, places = self._work, slice(start, start + rows)
        return replace(
            work,
            ask=work.ask.some([*range(start, start + rows)]),
            rows=rows,
            ids=work.ids.some(start, rows),
            slots=work.slots[places],
            done=partial(self._done, start, rows),
            parents=work.parents and work.parents[places],
        )

    def _done(self, start: int, rows: int, result: Answered | FairleadError) -> None:
        if isinstance(result, Answered):
            self._answered[start] = rows, result
        else:
            self._error = self._error or result
        self._left -= 1
        if self._left == 0:
            self._work.done(self._error or self._whole())

    def _whole(self) -> Answered:
        pieces = [self._answered[start] for start in sorted(self._answered)]
        batch = concat([one.outputs.rows(one.start, rows) for rows, one in pieces])
        ages_s: list[float | None] = []
        for rows, one in pieces:
            ages_s += one.outputs.ages_s[one.start : one.start + rows] or [None] * rows
        first = pieces[0][1].outputs
        return Answered(
            Outputs(first.source, first.fields, batch, [self._work.ids], ages_s),
            0,
            max(one.queue_s for _, one in pieces),
            max(one.model_s for _, one in pieces),
        )
