"""Identifiers: UUIDv7 (RFC 9562), ordered by the time they were made."""

from __future__ import annotations

import os
import struct
import uuid
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fairlead.clock import Clock

_SEQUENCE_BITS = 12
_RANDOM_MASK = (1 << 62) - 1
_VARIANT = 0b10 << 62
_PACK = struct.Struct(">QQ").pack
_UNPACK = struct.Struct(">Q").iter_unpack


class IdSource:
    """Makes UUIDv7s that are unique over processes and rise strictly within one.

    48 bits of milliseconds, a 12-bit sequence within the millisecond, 62 random bits. When a
    millisecond's sequence is used up, or the clock is set back, the last millisecond is counted
    on: order holds, and the time in an id is then a little ahead. The random bits are the
    system's: a seed that a model sets, or a fork, does not repeat them.

    Args:
        clock: where the milliseconds come from.

    Example:
        >>> from fairlead.clock import ManualClock
        >>> source = IdSource(ManualClock(now_us=1_700_000_000_000_000))
        >>> first, second = source.take(2)
        >>> first < second, len(first), text(first)[14]
        (True, 16, '7')
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0  # milliseconds << 12 | sequence

    def take(self, count: int) -> list[bytes]:
        """Make `count` ids.

        Returns:
            Ids of 16 bytes each, rising.
        """
        first = max(self._last + 1, (self._clock.now_us() // 1000) << _SEQUENCE_BITS)
        self._last = first + count - 1
        return [
            _PACK(
                tick >> _SEQUENCE_BITS << 16 | 0x7000 | tick & 0xFFF,
                _VARIANT | noise & _RANDOM_MASK,
            )
            for tick, (noise,) in zip(
                range(first, first + count), _UNPACK(os.urandom(8 * count)), strict=True
            )
        ]

    def one(self) -> str:
        """Make one id, as text."""
        return text(self.take(1)[0])


def text(raw: bytes) -> str:
    """Write an id of 16 bytes the usual way, with hyphens.

    Example:
        >>> text(bytes(16))
        '00000000-0000-0000-0000-000000000000'
    """
    return texts([raw])[0]


def texts(raws: list[bytes]) -> list[str]:
    """Write many ids the usual way, with hyphens."""
    h = b"".join(raws).hex()
    return [
        f"{h[i : i + 8]}-{h[i + 8 : i + 12]}-{h[i + 12 : i + 16]}-{h[i + 16 : i + 20]}"
        f"-{h[i + 20 : i + 32]}"
        for i in range(0, len(h), 32)
    ]


def parse(written: str) -> bytes | None:
    """Read an id back from its text.

    Returns:
        Its 16 bytes, or None if the text is not an id.

    Example:
        >>> parse("00000000-0000-0000-0000-000000000000") == bytes(16), parse("nonsense")
        (True, None)
    """
    try:
        return uuid.UUID(written).bytes
    except ValueError:
        return None


def time_us(raw: bytes) -> int:
    """The time in an id, in microseconds since 1970, to the millisecond."""
    return int.from_bytes(raw[:6], "big") * 1000
