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
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np

from fairlead.errors import DeadlineError, ModelError
from fairlead.runners.wire import Message, pack, receive, send, unpack
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
        self._start()

    def predict(self, batch: Batch) -> Batch:
        """Answer rows.

        Raises:
            ModelError: the code failed, its process died, or the answer has another form.
            DeadlineError: it took too long, and was ended.
        """
        return as_batch(self.columns(batch), self._signature.outputs, batch.rows)

    def columns(self, batch: Batch) -> dict[str, Column]:
        """The code's answer as it gave it, by name.

        Raises:
            ModelError: the code failed, or its process died.
            DeadlineError: it took too long, and was ended.
        """
        if self._sock is None:
            self._start()
        question = pack({f.name: batch.column(f.name) for f in self._signature.inputs})
        answer = self._ask(question, self._timeout_s)
        if answer.error:
            raise ModelError(f"The model's code did not answer: {answer.error}.")
        return unpack(answer)

    def close(self) -> None:
        """End the process."""
        if self._sock is not None:
            self._sock.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            assert self._process.stdin is not None
            self._process.stdin.close()
        self._sock = self._process = None

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
            self.close()
            raise ModelError(f"The model's code cannot be used: {loaded.error}.")

    def _ask(self, question: Message | None, timeout_s: float) -> Message:
        assert self._sock is not None
        self._sock.settimeout(timeout_s)
        try:
            if question is not None:
                send(self._sock, question)
            return receive(self._sock)
        except TimeoutError:
            self.close()
            raise DeadlineError(
                f"The model's code took longer than {timeout_s:g} s and was ended."
            ) from None
        except (OSError, ValueError):
            self.close()
            raise ModelError("The process of the model's code died.") from None


def as_batch(columns: dict[str, Column], fields: tuple[Field, ...], rows: int) -> Batch:
    """Columns of an answer in the form of a batch.

    Raises:
        ModelError: a field is missing, or has another length or shape.
    """
    for field in fields:
        wanted = (rows, *field.shape)
        if field.name not in columns or columns[field.name].shape != wanted:
            raise ModelError(f"The model's code did not answer '{field.name}' with shape {wanted}.")
    names = tuple(field.name for field in fields if field.kind in NUMERIC)
    numbers = np.empty((rows, len(names)))
    with contextlib.suppress(ValueError, TypeError):
        for place, name in enumerate(names):
            numbers[:, place] = columns[name]
        others = {f.name: columns[f.name] for f in fields if f.name not in names}
        return Batch(rows, names, numbers, others)
    raise ModelError("The model's code answered texts where numbers were expected.")
