"""The processes that read and write tables, seen from the worker."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from multiprocessing import Pipe

import msgspec

from fairlead.errors import InputError
from fairlead.serving.tables.types import Question, Told

ANSWER_S_MAX = 10.0
START_S_MAX = 30.0


class Child:
    """One process."""

    def __init__(self) -> None:
        self._connection, theirs = Pipe()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  # our own interpreter and module
                [sys.executable, "-m", "fairlead.serving.tables.child", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                env={**os.environ, "POLARS_MAX_THREADS": "1"},
            )

    def ask(self, question: bytes, timeout_s: float) -> bytes | None:
        """Its answer; None if it died or took too long, and is dead now."""
        try:
            self._connection.send_bytes(question)
            if self._connection.poll(timeout_s):
                return self._connection.recv_bytes()
        except (OSError, EOFError):
            pass
        self.close()
        return None

    def close(self) -> None:
        """End it."""
        self._connection.close()
        self._process.kill()
        self._process.wait()


class Pool:
    """Children that wait, started when they are needed; as many as there are callers at a time."""

    def __init__(self) -> None:
        self._idle: list[Child] = []
        self._lock = threading.Lock()
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode: msgspec.msgpack.Decoder[Told] = msgspec.msgpack.Decoder(Told)

    def ask(self, question: Question) -> Told:
        """Have a table read or written; blocks.

        Raises:
            InputError: the child died of it, or it took too long.
        """
        raw = self._encode(question)
        with self._lock:
            waiting = self._idle.pop() if self._idle else None
        told = self._told(waiting, raw, ANSWER_S_MAX) if waiting else None
        if told is None:  # it may have ended for being idle
            told = self._told(Child(), raw, START_S_MAX)
        if told is None:
            raise InputError(
                "The table could not be read within the time and memory that it may take.",
                hint="Check that it is not damaged, or send fewer rows at a time.",
            )
        return self._decode.decode(told)

    def _told(self, child: Child, raw: bytes, timeout_s: float) -> bytes | None:
        told = child.ask(raw, timeout_s)
        if told is not None:
            with self._lock:
                self._idle.append(child)
        return told

    def close(self) -> None:
        """End those that wait."""
        with self._lock:
            children, self._idle = self._idle, []
        for child in children:
            child.close()
