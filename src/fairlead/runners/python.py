"""Models that are Python code of the user: a folder with a class, in a process of its own.

    class Model:
        def load(self): ...
        def predict(self, batch): ...

in `model.py`. `batch` maps each field's name to a NumPy array, one value for each row; the answer
is an array, or a dict of arrays, of the same length. This guards a worker against faults of that
code, not against malice: it runs as the same user.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from fairlead.errors import DeadlineError, ModelError
from fairlead.runners.wire import Message, encode, pack, receive, send, unpack
from fairlead.signature import NUMERIC, Batch, Column, Field, Signature

LOAD_S_MAX = 120.0


class PythonRunner:
    """Asks the process of a model, and starts another when that one died or took too long.

    Args:
        folder: with `model.py`.
        signature: of the version.
        timeout_s: for one batch.

    Raises:
        ModelError: the model cannot be loaded.
    """

    blocking = True

    def __init__(self, folder: Path, signature: Signature, *, timeout_s: float) -> None:
        self._folder = folder
        self._signature = signature
        self._timeout_s = timeout_s
        self._process: subprocess.Popen[bytes] | None = None
        self._sock: socket.socket | None = None
        self._closed = False
        self._start()

    def predict(self, batch: Batch) -> Batch:
        """Answer rows.

        Raises:
            ModelError: the code failed, its process died, the answer has another form, or the
                runner is closed.
            DeadlineError: it took too long, and was ended.
        """
        return as_batch(self.columns(batch), self._signature.outputs, batch.rows)

    def columns(self, batch: Batch) -> dict[str, Column]:
        """The code's answer as it gave it, by name.

        Raises:
            ModelError: the code failed, or its process died.
            DeadlineError: it took too long, and was ended.
        """
        if self._closed:
            raise ModelError("The model is closed.")
        if self._sock is None:
            self._start()
        question = encode(pack({f.name: batch.column(f.name) for f in self._signature.inputs}))
        answer = self._ask(question, self._timeout_s)
        if answer.error:
            raise ModelError(f"The model's code did not answer: {answer.error}.")
        try:
            return unpack(answer)
        except (ValueError, TypeError):
            raise ModelError("The model's code answered what cannot be read.") from None

    def close(self) -> None:
        """End the process, and all that it started."""
        self._closed = True
        self._end()

    def _end(self) -> None:
        sock, process = self._sock, self._process
        self._sock = self._process = None
        if sock is not None:
            sock.close()
        if process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            assert process.stdin is not None
            process.stdin.close()

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  # our own interpreter and module
                [sys.executable, "-B", "-m", "fairlead.runners.python_child", str(self._folder),
                 str(theirs.fileno())],
                stdin=subprocess.PIPE, pass_fds=(theirs.fileno(),), start_new_session=True,
            )  # fmt: skip
        self._sock = ours
        loaded = self._ask(None, LOAD_S_MAX)
        if loaded.error:
            self._end()
            raise ModelError(f"The model's code cannot be used: {loaded.error}.")

    def _ask(self, question: bytes | None, timeout_s: float) -> Message:
        assert self._sock is not None
        deadline_s = time.monotonic() + timeout_s
        try:
            if question is not None:
                send(self._sock, question, deadline_s)
            return receive(self._sock, deadline_s)
        except TimeoutError:
            self._end()
            raise DeadlineError(
                f"The model's code took longer than {timeout_s:g} s and was ended."
            ) from None
        except (OSError, ValueError):
            self._end()
            raise ModelError("The process of the model's code died.") from None
        except BaseException:  # what is left of the answer must not become the next one
            self._end()
            raise


def as_batch(columns: dict[str, Column], fields: tuple[Field, ...], rows: int) -> Batch:
    """Columns of an answer in the form of a batch.

    Raises:
        ModelError: a field is missing, or has another length, shape or type.
    """
    fitting = {field.name: _fitting(field, columns.get(field.name), rows) for field in fields}
    names = tuple(field.name for field in fields if field.kind in NUMERIC)
    numbers = np.empty((rows, len(names)))
    for place, name in enumerate(names):
        numbers[:, place] = fitting.pop(name)
    return Batch(rows, names, numbers, fitting)


def _fitting(field: Field, column: Column | None, rows: int) -> Column:
    """A column as its field's kind has it in a batch."""
    wanted = (rows, *field.shape)
    if column is None or not _has_shape(column, wanted):
        raise ModelError(f"The model's code did not answer '{field.name}' with shape {wanted}.")
    try:
        match field.kind:
            case "number" | "integer" | "boolean":
                return column.astype(np.float64)
            case "timestamp":
                return column.astype("datetime64[us]")
            case "tensor":
                return column if column.dtype.kind in "biuf" else column.astype(np.float64)
            case "category" | "text":
                return _of_types(column, (str, bool, int, float))
            case "image" | "audio":
                return _of_types(column, (bytes,))
    except (ValueError, TypeError):
        raise ModelError(
            f"The model's code answered '{field.name}' with values that are no {field.kind}."
        ) from None


def _has_shape(column: Column, wanted: tuple[int, ...]) -> bool:
    return len(column.shape) == len(wanted) and all(
        size in (have, -1) for have, size in zip(column.shape, wanted, strict=True)
    )


def _of_types(column: Column, types: tuple[type, ...]) -> Column:
    values = column.astype(object)
    if not all(value is None or isinstance(value, types) for value in values):
        raise TypeError
    return values
