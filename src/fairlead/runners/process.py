"""The process of a model beside the worker's: started, asked, ended with all that it started."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from fairlead.errors import DeadlineError, ModelError
from fairlead.runners.link import Link
from fairlead.runners.wire import Message
from fairlead.signature import Column

LOAD_S_MAX = 120.0


class ModelProcess:
    """Asks the process of a model, and starts another when that one died or took too long.

    Args:
        module: that the process runs; it loads what `path` names and calls `answer_questions`.
        path: of the model.
        further: that `load` is called with, after the path.
        timeout_s: for one question.
        what: errors call the code.

    Raises:
        ModelError: the model cannot be loaded.
    """

    def __init__(
        self, module: str, path: Path, *further: str, timeout_s: float,
        what: str = "The model's code",
    ) -> None:  # fmt: skip
        self._module = module
        self._arguments = (str(path), *further)
        self._timeout_s = timeout_s
        self._what = what
        self._child: subprocess.Popen[bytes] | None = None
        self._link: Link | None = None
        self._closed = False
        self._start()

    def ask(self, columns: Mapping[str, Column]) -> dict[str, Column]:
        """The model's answer as it gave it, by name.

        Raises:
            ModelError: the code failed, its process died, or this is closed.
            DeadlineError: it took too long, and was ended.
        """
        if self._closed:
            raise ModelError("The model is closed.")
        if self._link is None:
            self._start()
        link = self._link
        assert link is not None
        answer = self._exchange(link.encode(columns), self._timeout_s)
        if answer.error:
            raise ModelError(f"{self._what} did not answer: {answer.error}.")
        try:
            return link.columns(answer)
        except (ValueError, TypeError):
            raise ModelError(f"{self._what} answered what cannot be read.") from None

    @property
    def pid(self) -> int:
        """The number of the process, as it is now; 0 while there is none."""
        child = self._child
        return 0 if child is None else child.pid

    def close(self) -> None:
        """End the process, and all that it started."""
        self._closed = True
        self._end()

    def _end(self) -> None:
        link, child = self._link, self._child
        self._link = self._child = None
        if link is not None:
            link.close()
        if child is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            assert child.stdin is not None
            child.stdin.close()

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._child = subprocess.Popen(  # noqa: S603  # our own interpreter and module
                [sys.executable, "-B", "-m", self._module, str(theirs.fileno()), *self._arguments],
                stdin=subprocess.PIPE, pass_fds=(theirs.fileno(),), start_new_session=True,
            )  # fmt: skip
        self._link = Link(ours)
        loaded = self._exchange(None, LOAD_S_MAX)
        if loaded.error:
            self._end()
            raise ModelError(f"{self._what} cannot be used: {loaded.error}.")

    def _exchange(self, question: bytes | None, timeout_s: float) -> Message:
        assert self._link is not None
        deadline_s = time.monotonic() + timeout_s
        try:
            if question is not None:
                self._link.send(question, deadline_s)
            return self._link.receive(deadline_s)
        except TimeoutError:
            self._end()
            raise DeadlineError(
                f"{self._what} took longer than {timeout_s:g} s and was ended."
            ) from None
        except (OSError, ValueError):
            self._end()
            raise ModelError(f"{self._what} did not answer: its process died.") from None
        except BaseException:  # what is left of the answer must not become the next one
            self._end()
            raise
