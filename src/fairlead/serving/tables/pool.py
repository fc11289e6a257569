"""The processes that read and write tables, seen from the worker."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from multiprocessing import Pipe

import msgspec

from fairlead.errors import InputError
from fairlead.serving.tables.types import FAREWELL, Question, Told

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
                # What each thread's allocator sets apart would count as memory that it took.
                env={**os.environ, "POLARS_MAX_THREADS": "1", "MALLOC_ARENA_MAX": "1"},
            )

    @property
    def leaves(self) -> bool:
        """Whether it ended, or is about to."""
        return self._connection.poll()

    def ask(self, question: bytes, timeout_s: float) -> bytes | None:
        """Its answer; None if it died or took too long, and is dead now."""
        try:
            self._connection.send_bytes(question)
            while self._connection.poll(timeout_s):
                told = self._connection.recv_bytes()
                if told != FAREWELL:
                    return told
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
        """Have rows read or written; blocks.

        Raises:
            InputError: the child died of it, or it took too long.
        """
        child, timeout_s = self._take(), ANSWER_S_MAX
        if child is None:
            child, timeout_s = Child(), START_S_MAX
        told = child.ask(self._encode(question), timeout_s)
        if told is None:
            raise InputError(
                "The rows could not be read within the time and memory that they may take.",
                hint="Check that the body is not damaged, or send fewer rows at a time.",
            )
        with self._lock:
            self._idle.append(child)
        return self._decode.decode(told)

    def _take(self) -> Child | None:
        """One that waits; None if there is none."""
        while True:
            with self._lock:
                if not self._idle:
                    return None
                child = self._idle.pop()
            if not child.leaves:
                return child
            child.close()

    def close(self) -> None:
        """End those that wait."""
        with self._lock:
            children, self._idle = self._idle, []
        for child in children:
            child.close()
