"""Keys and rows as bytes."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

import msgspec

from fairlead.errors import ConflictError, InputError
from fairlead.lookup.types import Key, Row, Snapshot

KEY_BYTES_MAX = 500
"""Of a text in UTF-8: what every store takes."""

T = TypeVar("T")

_OFFSET = 1 << 63
encode_row = msgspec.msgpack.Encoder().encode
decode_row = msgspec.msgpack.Decoder(Row).decode


def encode_key(key: Key) -> bytes | None:
    r"""A key as bytes that sort as it does; None if no table can hold it.

    Example:
        >>> encode_key("7"), encode_key(7), encode_key(1 << 64)
        (b't7', b'i\x80\x00\x00\x00\x00\x00\x00\x07', None)
    """
    if isinstance(key, str):
        try:
            raw = key.encode()
        except UnicodeEncodeError:  # half a character
            return None
        return b"t" + raw if len(raw) <= KEY_BYTES_MAX else None
    placed = key + _OFFSET
    return b"i" + placed.to_bytes(8, "big") if 0 <= placed < 2 * _OFFSET else None


def decode_key(raw: bytes) -> Key:
    """A key back from its bytes.

    Example:
        >>> decode_key(b"t7"), decode_key(encode_key(-3))
        ('7', -3)
    """
    return raw[1:].decode() if raw[:1] == b"t" else int.from_bytes(raw[1:], "big") - _OFFSET


class Written:
    """Rows on their way into a snapshot, checked and counted.

    Args:
        table: its name.
        columns: what each row must hold.

    Attributes:
        rows: how many came by.
        until_us: as of when the newest holds.
    """

    def __init__(self, table: str, columns: tuple[str, ...]) -> None:
        self._table = table
        self._width = len(columns)
        self.rows = 0
        self.until_us = 0

    def encode(self, rows: Iterable[tuple[Key, Row]]) -> Iterator[tuple[bytes, bytes]]:
        """Keys and rows as bytes.

        Raises:
            InputError: a key cannot be one, or a row has not one value for each column.
        """
        for key, row in rows:
            raw = encode_key(key) if type(key) in (str, int) else None
            if raw is None:
                raise InputError(
                    f"The look-up table '{self._table}' cannot hold the key of row {self.rows}.",
                    hint=f"Keys are texts of up to {KEY_BYTES_MAX} bytes, or integers of 64 bits; "
                    "none may be missing.",
                )
            if len(row.values) != self._width:
                raise InputError(
                    f"Row {self.rows} for the look-up table '{self._table}' has "
                    f"{len(row.values)} values for {self._width} columns."
                )
            self.rows += 1
            self.until_us = max(self.until_us, row.time_us)
            yield raw, encode_row(row)

    def stands_twice(self) -> InputError:
        """What to raise if a key came by before."""
        return InputError(
            f"The rows for the look-up table '{self._table}' have a key that stands twice.",
            hint="Give one row for each key.",
        )


def check_made_of(made_of: str | None, current: Snapshot | None) -> None:
    """Refuse rows that were made of a snapshot that is in place no more.

    Raises:
        ConflictError: another one is.
    """
    if made_of is not None and current is not None and current.id != made_of:
        raise ConflictError(
            f"Another process published the look-up table '{current.table}' meanwhile.",
            hint="Begin again with what is there now.",
        )


def new_id(now_us: int) -> str:
    """A name for a snapshot; later ones sort later."""
    return f"{now_us:016x}-{uuid.uuid4().hex[:8]}"


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Items in lists of a size, the last of which may be shorter."""
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk
