"""Predictions that were made ahead, as a worker looks them up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fairlead.errors import NotFoundError, StorageError, UnavailableError
from fairlead.precomputed import made_of, table_of
from fairlead.serving.aside import NotHereError, on_loop
from fairlead.serving.lookup.follow import Followed
from fairlead.serving.types import Keys


class PrecomputedTables:
    """Looks predictions up; a table is followed once it is asked for.

    Args:
        followed: the tables that are kept open.
        wanted: endpoints whose tables are opened before anyone asks.
    """

    def __init__(self, followed: Followed, wanted: Iterable[str] = ()) -> None:
        self._followed = followed
        for endpoint in wanted:
            followed.follow(table_of(endpoint), f"endpoint {endpoint}", "nothing was precomputed")

    def look_up(self, endpoint: str, keys: Sequence[str | None], bare: Sequence[bool]) -> Keys:
        """Look for the predictions of some rows.

        Args:
            endpoint: that is asked, and exists.
            keys: of the rows; None of those that bring none.
            bare: of each row, whether it brings nothing else.

        Returns:
            What was found; that it cannot be looked up now is told by it, as others may answer.

        Raises:
            NotHereError: it can be done, but not on the loop.
            NotFoundError: nothing was ever precomputed, and rows bring nothing else.
        """
        table = table_of(endpoint)
        there = self._followed.snapshot(table) is not None
        if on_loop() and (self._followed.waits or not there):
            raise NotHereError
        asked = [key is not None for key in keys]
        try:
            if not there:
                self._open(endpoint)
            snapshot, rows = self._followed.get(table, [key for key in keys if key is not None])
            made = None if snapshot is None else made_of(snapshot)
        except StorageError:
            failed = UnavailableError(
                "The predictions that were made ahead cannot be looked up now.",
                hint="Try again later.",
            )
            return Keys(asked, list(bare), [None] * len(keys), None, failed=failed)
        if made is None and any(bare):
            raise NotFoundError(
                "No predictions were made ahead for this endpoint.",
                hint=f"Make them: fairlead precompute {endpoint} FILE --key COLUMN",
            )
        found = iter(rows)
        each = [next(found) if brought else None for brought in asked]
        return Keys(asked, list(bare), each, made)

    def _open(self, endpoint: str) -> None:
        """Look for a table that nobody has asked for yet."""
        table = table_of(endpoint)
        self._followed.follow(table, f"endpoint {endpoint}")
        failed = self._followed.look_for(table)
        if failed is not None:
            raise failed
