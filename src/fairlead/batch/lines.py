"""Where the rows of a file of lines begin and end; cells of CSV may hold line ends."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from fairlead.batch.types import Form, Piece
from fairlead.errors import ConfigError

ROW_BYTES_MAX = 64 * 1024 * 1024
_CLOSING = re.compile(rb'(?:[^"]+|"")*+"')
BLANK = (b"\n", b"\r\n", b"\r", b"")


def rows_of(lines: Iterable[bytes], form: Form) -> Iterator[tuple[bytes, int]]:
    r"""The rows of a file, and how many bytes each took, blank lines before it included.

    Args:
        lines: of the file, each with its end.
        form: `csv`, where a cell in quotes may hold line ends, or `jsonl`.

    Yields:
        Rows; where blank lines end the file, at last an empty one, which is none.

    Raises:
        ConfigError: a row is far too long.

    Example:
        >>> [row for row, _ in rows_of([b'a,"b\n', b'c"\n', b"\n", b"d,e"], "csv")]
        [b'a,"b\nc"\n', b'd,e']
    """
    parts: list[bytes] = []
    blank = size = 0
    quoted = False
    for line in lines:
        if not parts and line in BLANK:
            blank += len(line)
            continue
        parts.append(line)
        size += len(line)
        if size > ROW_BYTES_MAX:
            raise ConfigError(
                f"A row is longer than {ROW_BYTES_MAX} bytes.",
                hint="See whether a quote is opened and never closed.",
            )
        if form == "csv" and (quoted or b'"' in line):
            quoted = _ends_in_quotes(line, quoted=quoted)
            if quoted:
                continue
        yield b"".join(parts), blank + size
        parts, blank, size = [], 0, 0
    if parts or blank:
        yield b"".join(parts), blank + size


def _ends_in_quotes(line: bytes, *, quoted: bool) -> bool:
    """Whether a cell in quotes goes on behind a line; one begins where a cell does."""
    place = 0
    while True:
        if not quoted and line[place : place + 1] == b'"':
            quoted, place = True, place + 1
        if quoted:
            closing = _CLOSING.match(line, place)
            if closing is None:
                return True
            quoted, place = False, closing.end()
        comma = line.find(b",", place)
        if comma < 0:
            return False
        place = comma + 1


def cut_lines(
    rows: Iterable[tuple[bytes, int]], low: int, chunk_bytes: int, chunk_rows: int
) -> Iterator[Piece]:
    """Cut a file of lines into pieces of whole rows.

    Args:
        rows: as `rows_of` gives them.
        low: the byte at which the first one begins.
        chunk_bytes: that a piece may have, but for its last row.
        chunk_rows: that a piece may have.

    Example:
        >>> list(cut_lines([(b"1", 2), (b"2", 2), (b"3", 1)], 0, 4, 100))
        [Piece(start=0, rows=2, low=0, high=4), Piece(start=2, rows=1, low=4, high=5)]
    """
    start = count = 0
    high = low
    for row, size_bytes in rows:
        high += size_bytes
        count += bool(row)
        if count and (high - low >= chunk_bytes or count == chunk_rows):
            yield Piece(start, count, low, high)
            start, count, low = start + count, 0, high
    if count:
        yield Piece(start, count, low, high)
