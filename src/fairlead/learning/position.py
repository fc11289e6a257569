"""Which labels were learnt since the last checkpoint: an account that its version keeps."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from fairlead.bundle.types import RowRange

Line = tuple[str, int, str]
"""A prediction's id; when its label was received, microseconds since 1970; the label."""


class Account:
    """Labels in the order in which they were learnt; one that begins again comes to the same."""

    def __init__(self) -> None:
        self._rows = 0
        self._first: Line = ("", 0, "")
        self._last: Line = ("", 0, "")
        self._digest = hashlib.sha256()

    @property
    def upto_us(self) -> int | None:
        """When the newest label was received; None before the first."""
        return self._last[1] if self._rows else None

    def add(self, lines: Iterable[Line]) -> None:
        """Note labels that were learnt, in order.

        Example:
            >>> account = Account()
            >>> account.add([("a", 5, "yes"), ("b", 7, "no")])
            >>> account.range.rows, account.range.last, account.range.to_us
            (2, 'b', 7)
        """
        for line in lines:
            self._first = self._first if self._rows else line
            self._last = line
            self._rows += 1
            for text in (line[0], line[2]):
                raw = text.encode("utf-8", "surrogatepass")
                self._digest.update(b"%d:%s" % (len(raw), raw))

    @property
    def range(self) -> RowRange:
        """All that was noted."""
        if not self._rows:
            return RowRange(rows=0)
        return RowRange(
            rows=self._rows,
            first=self._first[0],
            last=self._last[0],
            from_us=self._first[1],
            to_us=self._last[1],
            digest=self._digest.hexdigest(),
        )
