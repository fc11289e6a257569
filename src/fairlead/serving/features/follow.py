"""The tables of features that a worker looks into; it notices new snapshots by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor

from fairlead.clock import Clock
from fairlead.errors import StorageError, UnavailableError
from fairlead.features import FeatureSpec
from fairlead.logs import tell
from fairlead.lookup import Table, Tables
from fairlead.serving.features.fill import Asked, Fill, fill, taken
from fairlead.signature.findings import Findings

POLL_S = 0.1
RETRY_S = 10.0
"""Before a snapshot that could not be opened is read again, which may be much to read."""


class FeatureTables:
    """Keeps the tables open that endpoints look into.

    Args:
        tables: the store of them.
        specs: of the features that requests to each endpoint may leave out.
        clock: for ages.
    """

    def __init__(
        self, tables: Tables, specs: Mapping[str, tuple[FeatureSpec, ...]], clock: Clock
    ) -> None:
        self._tables = tables
        self._specs = specs
        self._clock = clock
        self._open: dict[str, Table] = {}
        self._names = {spec.table: spec.name for own in specs.values() for spec in own}
        self._problems: dict[str, str] = {}
        self._failed: dict[str, tuple[str, float, StorageError]] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="features")

    @property
    def waits(self) -> bool:
        """Whether a look-up waits for another process, which the loop must not do."""
        return self._tables.waits

    def of(self, endpoint: str) -> tuple[FeatureSpec, ...]:
        """The features that requests to an endpoint may leave out."""
        return self._specs.get(endpoint, ())

    async def run(self) -> None:
        """Follow the tables until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(POLL_S)

    async def look(self) -> None:
        """Open what is new, beside the loop; what was open stays so if it cannot be."""
        loop = asyncio.get_running_loop()
        for name in self._names:
            try:
                new = await loop.run_in_executor(self._thread, self._newer, name)
            except StorageError as error:
                self._note(name, str(error))
                continue
            except Exception as error:  # a fault must not end the watch
                self._note(name, f"they cannot be followed: it failed with {type(error).__name__}")
                continue
            if new is not None:
                old, self._open[name] = self._open.get(name), new
                if old is not None:
                    old.close()
            missing = "" if name in self._open else "they were not materialised"
            self._note(name, missing)

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
            tell("warning", "features_failed", problem, features=self._names[name])
        self._problems[name] = problem

    def problems(self) -> list[str]:
        """What an operator should know, in words."""
        named = ((self._names[table], problem) for table, problem in self._problems.items())
        return [f"features {name}: {problem}" for name, problem in named if problem]

    def fill(
        self, spec: FeatureSpec, asked: Sequence[Asked], fields: frozenset[str], findings: Findings
    ) -> list[Fill]:
        """Look up what rows of a request leave out.

        Args:
            spec: of the features.
            asked: the rows.
            fields: that the model takes.
            findings: takes what is wrong.

        Raises:
            UnavailableError: it cannot be looked up now.
        """
        table = self._open.get(spec.table)
        try:
            found = [None] * len(asked) if table is None else table.get([one.key for one in asked])
        except StorageError as error:
            self._note(spec.table, str(error))
            raise UnavailableError(
                f"The features '{spec.name}' cannot be looked up now.", hint="Try again later."
            ) from error
        snapshot = None if table is None else table.snapshot
        return fill(spec, snapshot, found, asked, fields, self._clock.now_us(), findings)

    def wanted(self, spec: FeatureSpec, fields: frozenset[str]) -> AbstractSet[str]:
        """The fields that may be filled in; any, before it is known which those are."""
        table = self._open.get(spec.table)
        if table is None:
            return fields.intersection(spec.defaults or fields)
        return taken(table.snapshot.columns, fields).keys()

    def close(self) -> None:
        """Let go of the tables; nothing may look into them any more."""
        self._thread.shutdown(cancel_futures=True)
        for table in self._open.values():
            table.close()
        self._tables.close()
