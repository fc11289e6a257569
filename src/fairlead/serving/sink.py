"""The data plane's way to the log, and what happens when the disk does not take it."""

from __future__ import annotations

import sys
from typing import Literal

from fairlead.errors import StorageError
from fairlead.predictionlog import (
    FeedbackFrame,
    JournalWriter,
    PredictionFrame,
    encode_feedback,
    encode_prediction,
)
from fairlead.serving.counters import Counters


class LogSink:
    """Appends frames to this worker's journal before replies go out.

    Args:
        journal: that frames are appended to.
        on_full: `continue` answers unlogged when the journal cannot be written, `stop` answers
            with an error instead. Both tell the operator: in health, in metrics, on stderr.
        counters: of the worker.
    """

    def __init__(
        self, journal: JournalWriter, on_full: Literal["continue", "stop"], counters: Counters
    ) -> None:
        self._journal = journal
        self._on_full = on_full
        self._counters = counters
        self.problem = ""

    @property
    def stopped(self) -> bool:
        """Whether answers are held back because the log cannot be written."""
        return bool(self.problem) and self._on_full == "stop"

    def predictions(self, frame: PredictionFrame) -> None:
        """Record the rows of a batch.

        Raises:
            StorageError: they are not on the log and must not be answered.
        """
        self._write(encode_prediction(frame), len(frame.ids), must=self._on_full == "stop")

    def feedback(self, frame: FeedbackFrame) -> None:
        """Record feedback, which is never dropped: its sender is told.

        Raises:
            StorageError: it is not on the log; send it again later.
        """
        self._write(encode_feedback(frame), len(frame.ids), must=True)

    def _write(self, frame: bytes, rows: int, *, must: bool) -> None:
        try:
            self._journal.append(frame)
        except StorageError as error:
            self._failed(error, rows)
            if must:
                raise StorageError(
                    "The prediction log cannot be written.", hint="Try again later."
                ) from error
            return
        if self.problem:
            self.problem = ""
            print("The prediction log can be written again.", file=sys.stderr)  # noqa: T201

    def _failed(self, error: StorageError, rows: int) -> None:
        self._counters.unlogged(rows)
        if not self.problem:
            print(f"{error}", file=sys.stderr)  # noqa: T201
        self.problem = "the prediction log cannot be written" + (
            "; answers go out unlogged" if self._on_full == "continue" else "; answering stopped"
        )
