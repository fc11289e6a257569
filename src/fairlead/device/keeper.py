"""What keeps rows while it can, so that answers go on where it cannot: unlogged, counted, told."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from fairlead.clock import Clock
from fairlead.device.state import State
from fairlead.errors import ConflictError
from fairlead.ids import Ids, IdSource
from fairlead.logs import tell
from fairlead.predictionlog import PredictionFrame, encode_prediction

RETRY_S = 10.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where rows are kept, and how.

    Args:
        folder: of the state; made if it is not there.
        limit_bytes: that it may take.
        disk: whether each row is to survive a power cut.
    """

    folder: Path
    limit_bytes: int
    disk: bool = False


class Keeper:
    """Draws ids that rise from process to process, and keeps rows under them.

    Args:
        place: where; None to keep nothing.
        digest: of the bundle that answers.
        reference: the profile of its reference rows, as the bundle has it; None without one.
        clock: for ids, and for when to try again.

    Attributes:
        unlogged: rows that this process answered and could not keep.
        problem: why not; empty while all is well.

    Raises:
        ConflictError: another process keeps rows there.
    """

    def __init__(
        self, place: Place | None, digest: str, reference: bytes | None, clock: Clock
    ) -> None:
        self._place, self._digest, self._reference = place, digest, reference
        self._clock = clock
        self._ids = IdSource(clock)
        self._last = b""
        self._state: State | None = None
        self._process = os.getpid()
        self._tried_s = clock.monotonic_s()
        self._owed = 0
        self.unlogged = 0
        self.problem = ""
        self._open()

    def draw(self, count: int) -> Ids:
        """Ids for rows, each after all that were drawn before, also by earlier processes."""
        ids = self._ids.take(count)
        self._last = ids.some(count - 1, 1).raw()[0]
        return ids

    def keep(self, frame: PredictionFrame) -> bool:
        """Keep the rows of a frame, or count them; whether they are kept."""
        if self._place is None:
            return False
        rows, now_us = len(frame.ids), int(frame.time_us[0])
        if self._process != os.getpid():
            self._leave()
        elif self._state is None and self._clock.monotonic_s() - self._tried_s >= RETRY_S:
            self._reopen()
        if self._state is not None:
            try:
                self._state.append(encode_prediction(frame), rows, frame.ids[-1], now_us)
            except OSError as error:
                self._tell(f"{self._place.folder.name} cannot be written: {error.strerror}.")
            else:
                self.problem = ""
                return True
        self._count(rows)
        return False

    def close(self) -> None:
        """Let go of the folder; calling it twice is harmless."""
        if self._state is not None:
            self._state.close()
            self._state = None

    def _open(self) -> None:
        place = self._place
        if place is None:
            return
        try:
            state = State(
                place.folder, self._digest, self._reference, place.limit_bytes, disk=place.disk
            )
        except OSError as error:
            self._tell(f"{place.folder.name} cannot be used: {error.strerror}.")
            return
        self._state = state
        state.unlogged.add(self._owed)
        self._owed = 0
        self._ids = IdSource(self._clock, max(state.last_id, self._last))

    def _reopen(self) -> None:
        self._tried_s = self._clock.monotonic_s()
        try:
            self._open()
        except ConflictError as error:
            self._tell(error.message)

    def _leave(self) -> None:
        """In a process that was forked, the folder stays with the one that opened it."""
        if self._state is not None:
            self._state.leave()
            self._state = None
        self._tried_s = self._clock.monotonic_s()
        self._process = os.getpid()
        self._ids = IdSource(self._clock, self._last)

    def _count(self, rows: int) -> None:
        self.unlogged += rows
        if self._state is None:
            self._owed += rows
        else:
            self._state.unlogged.add(rows)

    def _tell(self, why: str) -> None:
        if not self.problem:
            tell("warning", "rows_not_kept", f"Rows are answered, but not kept: {why}")
        self.problem = why
