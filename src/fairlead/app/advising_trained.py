"""The models of a back-test: trained and asked in a process of their own, within its limits."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import msgspec
import numpy as np
import polars as pl

from fairlead.app.advising_child import ANSWER, ASK, DROP, LEARN, MODEL, PREVIOUS, Task
from fairlead.app.advising_past import Past
from fairlead.app.updating.memory import in_words, watch_session
from fairlead.errors import ModelError
from fairlead.runners.process import ModelProcess
from fairlead.signature import Column
from fairlead.updates.advice.types import Numbers, Places
from fairlead.updates.types import UpdateSpec

CHILD = "fairlead.app.advising_child"


class Trained:
    """The process of the user's function, asked by places of rows; it keeps the models.

    Args:
        folder: in which the rows lie meanwhile.
        spec: of the function, and of what it may take.
        past: its rows.

    Raises:
        ModelError: the function cannot be loaded.
    """

    def __init__(self, folder: Path, spec: UpdateSpec, past: Past) -> None:
        self._spec = spec
        self._plus_us, self._asked_us = (
            each[spec.data.time].dt.epoch("us").fill_null(0).to_numpy()
            for each in (past.plus, past.frame)
        )
        self._shape = (-1, len(past.classes)) if past.classes else (-1,)
        self._folder = tempfile.TemporaryDirectory(dir=folder, prefix="advice-")
        self._too_much, self._watch = threading.Event(), threading.Event()
        try:
            self._process = self._started(past)
        except BaseException:
            self._folder.cleanup()
            raise
        if spec.limits.memory_bytes:
            watch_session(self._process.pid, spec.limits.memory_bytes, self._end, self._watch)

    def _started(self, past: Past) -> ModelProcess:
        spec = self._spec
        rows = Path(self._folder.name) / "rows.parquet"
        given = (*past.inputs, spec.data.label, spec.data.time)
        pl.concat([past.plus.select(given), past.frame.select(given)]).write_parquet(rows)
        task = Task(
            train=spec.train, params=spec.params, rows=str(rows), inputs=past.inputs, given=given,
            classes=past.classes, memory_bytes=spec.limits.memory_bytes,
        )  # fmt: skip
        return ModelProcess(
            CHILD, Path(spec.folder), msgspec.json.encode(task).decode(),
            timeout_s=spec.limits.time_us / 1e6, what=f"'{spec.train}'",
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._watch.set()
        self._process.close()
        self._folder.cleanup()

    def train(self, rows: Places, previous: int | None) -> int:
        """Let the function learn; gives the number of the model.

        Beside these rows it is given those that always belong to them, as far as they are not
        newer.
        """
        always = np.flatnonzero(self._plus_us <= self._asked_us[rows].max())
        learnt = np.concatenate([always, len(self._plus_us) + rows])
        before = np.array([previous or 0])
        return int(self._ask({LEARN: learnt, PREVIOUS: before})[MODEL][0])

    def answer(self, model: int, rows: Places) -> Numbers:
        """What a model says of rows."""
        if not len(rows):
            return np.zeros(self._shape if len(self._shape) == 1 else (0, self._shape[1]))
        asked = {MODEL: np.array([model]), ASK: len(self._plus_us) + rows}
        return np.asarray(self._ask(asked)[ANSWER], dtype=np.float64).reshape(self._shape)

    def drop(self, model: int) -> None:
        """A model is of no more use."""
        self._ask({DROP: np.array([model])})

    def _ask(self, columns: dict[str, Any]) -> dict[str, Column]:
        try:
            return self._process.ask(columns)
        except ModelError as error:
            limit_bytes = self._spec.limits.memory_bytes
            if not self._too_much.is_set() and not (limit_bytes and "MemoryError" in str(error)):
                raise
            raise ModelError(
                f"'{self._spec.train}' took more memory than {in_words(limit_bytes)}, which "
                "'limits.memory' of the update allows.",
                hint="Allow more, or give it fewer rows. Models that others go on from are kept.",
            ) from None

    def _end(self) -> None:
        """It holds more than it may."""
        self._too_much.set()
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
