"""The data plane's way to the log, and what happens when the disk does not take it."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Literal

from fairlead.errors import StorageError
from fairlead.logs import tell
from fairlead.predictionlog import (
    FeedbackFrame,
    JournalWriter,
    PredictionFrame,
    encode_feedback,
    encode_prediction,
)
from fairlead.serving.counters import Counters
from fairlead.signature import Batch

OnFull = Literal["continue", "stop"]

RECENT_FRAMES, RECENT_BYTES = 64, 65_536
"""Frames of all endpoints that are remembered; larger ones are not."""


class LogSink:
    """Appends frames to this worker's journal before replies go out.

    Args:
        journal: that frames are appended to.
        on_full: `continue` answers unlogged when the journal cannot be written, `stop` answers
            with an error instead. Both tell the operator: in health, in metrics, on stderr.
        by_endpoint: the same for endpoints that are an exception.
        counters: of the worker.
    """

    def __init__(
        self,
        journal: JournalWriter,
        on_full: OnFull,
        by_endpoint: Mapping[str, OnFull],
        counters: Counters,
    ) -> None:
        self._journal = journal
        self._on_full = on_full
        self._by_endpoint = by_endpoint
        self._counters = counters
        self.problem = ""
        self._recent: deque[tuple[str, Batch]] = deque(maxlen=RECENT_FRAMES)

    def recent(self, endpoint: str) -> list[Batch]:
        """What was lately asked of an endpoint and is on the log, oldest first; from any thread."""
        return [inputs for name, inputs in self._recent.copy() if name == endpoint]

    @property
    def stopped(self) -> bool:
        """Whether any endpoint holds answers back because the log cannot be written."""
        return bool(self.problem) and "stop" in (self._on_full, *self._by_endpoint.values())

    def predictions(self, frame: PredictionFrame) -> None:
        """Record the rows of a batch.

        Raises:
            StorageError: they are not on the log and must not be answered.
        """
        must = self._by_endpoint.get(frame.endpoint, self._on_full) == "stop"
        encoded = encode_prediction(frame)
        if self._write(encoded, len(frame.ids), must=must) and len(encoded) <= RECENT_BYTES:
            self._recent.append((frame.endpoint, frame.inputs))

    def feedback(self, frame: FeedbackFrame) -> None:
        """Record feedback, which is never dropped: its sender is told.

        Raises:
            StorageError: it is not on the log; send it again later.
        """
        self._write(encode_feedback(frame), len(frame.ids), must=True)

    def _write(self, frame: bytes, rows: int, *, must: bool) -> bool:
        """Append a frame; whether it is on the log."""
        try:
            self._journal.append(frame)
        except StorageError as error:
            self._failed(error, rows)
            if must:
                raise StorageError(
                    "The prediction log cannot be written.", hint="Try again later."
                ) from error
            return False
        if self.problem:
            self.problem = ""
            tell("warning", "log_written", "The prediction log can be written again.")
        return True

    def _failed(self, error: StorageError, rows: int) -> None:
        self._counters.unlogged(rows)
        if not self.problem:
            tell("error", "log_failed", str(error))
        what = {"continue": "answers go out unlogged", "stop": "answering stopped"}
        consequences = dict.fromkeys(
            what[on_full] for on_full in (self._on_full, *self._by_endpoint.values())
        )
        self.problem = f"the prediction log cannot be written; {' or '.join(consequences)}"
