"""The look-up tables that a worker looks into; it notices new snapshots by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from threading import Lock
from typing import NamedTuple

from fairlead.clock import Clock
from fairlead.errors import StorageError
from fairlead.logs import tell
from fairlead.lookup import Key, Row, Snapshot, Table, Tables

POLL_S = 0.1
RETRY_S = 10.0
"""Before a snapshot that could not be opened is read again, which may be much to read."""

Count = Callable[[str, int, int], None]
"""Takes the name of a table, how many keys were found in it and how many were not."""


class Found(NamedTuple):
    """What was looked up.

    Args:
        snapshot: in which; None if the table was never published.
        rows: under each key; None where there is none.
    """

    snapshot: Snapshot | None
    rows: list[Row | None]


class _Named(NamedTuple):
    """How a table is told of: what it is, and what it means that it is not there."""

    what: str
    missing: str


class Followed:
    """Keeps tables open, each in its newest snapshot.

    A snapshot that is replaced is let go of by whoever looked into it last.

    Args:
        tables: the store of them.
        clock: for when to try again.
        count: takes what was found.
    """

    def __init__(self, tables: Tables, clock: Clock, count: Count = lambda *_: None) -> None:
        self._tables = tables
        self._clock = clock
        self._count = count
        self._counting = Lock()  # some look up beside the loop
        self._turns = nullcontext() if tables.waits else Lock()  # a mapped table is one thread's
        self._open: dict[str, Table] = {}
        self._names: dict[str, _Named] = {}
        self._problems: dict[str, str] = {}
        self._failed: dict[str, tuple[str, float, StorageError]] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="lookup")

    @property
    def waits(self) -> bool:
        """Whether a look-up waits for another process, which the loop must not do."""
        return self._tables.waits

    def follow(self, table: str, what: str, missing: str = "") -> None:
        """Keep a table open from the next look on, unless it is already.

        Args:
            table: its name.
            what: it holds, for operators.
            missing: the problem that there is as long as it was never published; empty for none.
        """
        self._names.setdefault(table, _Named(what, missing))

    async def run(self) -> None:
        """Follow the tables until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(POLL_S)

    async def look(self) -> None:
        """Open what is new, beside the loop; what was open stays so if it cannot be."""
        loop = asyncio.get_running_loop()
        for name in tuple(self._names):
            await loop.run_in_executor(self._thread, self.look_for, name)

    def look_for(self, name: str) -> StorageError | None:
        """Open the newest snapshot of a table that is followed; blocks while it is read.

        Returns:
            What kept it from that; None also if there is none.
        """
        try:
            new = self._newer(name)
        except StorageError as error:
            self._note(name, str(error))
            return error
        except Exception as error:  # a fault must not end the watch
            problem = f"they cannot be followed: it failed with {type(error).__name__}"
            self._note(name, problem)
            return StorageError(problem)
        if new is not None:
            self._open[name] = new
        self._note(name, "" if name in self._open else self._names[name].missing)
        return None

    def _newer(self, name: str) -> Table | None:
        """The snapshot in place, if it is another than the open one."""
        current, old = self._tables.current(name), self._open.get(name)
        if current is None or (old is not None and old.snapshot.id == current.id):
            return None
        failed_id, until_s, error = self._failed.get(name, ("", 0.0, None))
        if error is not None and failed_id == current.id and self._clock.monotonic_s() < until_s:
            raise error
        try:
            return self._tables.open(name)
        except StorageError as error:
            self._failed[name] = (current.id, self._clock.monotonic_s() + RETRY_S, error)
            raise

    def _note(self, name: str, problem: str) -> None:
        if problem and problem != self._problems.get(name):
            tell("warning", "lookup_failed", f"{self._names[name].what}: {problem}", table=name)
        self._problems[name] = problem

    def problems(self) -> list[str]:
        """What an operator should know, in words."""
        told = ((self._names[table].what, problem) for table, problem in self._problems.items())
        return [f"{what}: {problem}" for what, problem in told if problem]

    def snapshot(self, table: str) -> Snapshot | None:
        """That which is open; None if none is."""
        opened = self._open.get(table)
        return None if opened is None else opened.snapshot

    def get(self, table: str, keys: Sequence[Key]) -> Found:
        """What stands under each key.

        Raises:
            StorageError: it cannot be read now.
        """
        opened = self._open.get(table)
        try:
            with self._turns:
                rows: list[Row | None] = opened.get(keys) if opened else [None] * len(keys)
        except StorageError as error:
            self._note(table, str(error))
            raise
        misses = rows.count(None)
        with self._counting:
            self._count(table, len(rows) - misses, misses)
        return Found(None if opened is None else opened.snapshot, rows)

    def close(self) -> None:
        """Let go of the tables; nothing may look into them any more."""
        self._thread.shutdown(cancel_futures=True)
        for table in self._open.values():
            table.close()
        self._tables.close()
