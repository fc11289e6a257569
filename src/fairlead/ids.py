"""Identifiers: UUIDv7 (RFC 9562), ordered by the time they were made; of batch jobs UUIDv8."""

from __future__ import annotations

import os
import struct
import uuid
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from fairlead.clock import Clock

_SEQUENCE_BITS = 12
_NOISE = (1 << 61) - 1
_LOW_BITS = 47
_LOW = (1 << _LOW_BITS) - 1
_VERSION = 0x7000
_VARIANT = 0x8000
_HEAD = struct.Struct(">QH").pack
_PAIRS = [f"{n:02x}" for n in range(256)]
_NUMBERS = struct.Struct(">64Q")
_drawn: list[int] = []
os.register_at_fork(after_in_child=_drawn.clear)


class Ids(msgspec.Struct, frozen=True, gc=False):
    """Ids that follow one another, as those of one request's rows do.

    Args:
        head: the first 10 bytes, which they share.
        low: the other 6 bytes of the first one, as a number.
        count: how many they are.

    Example:
        >>> Ids(bytes(10), 9, 2).texts()
        ['00000000-0000-0000-0000-000000000009', '00000000-0000-0000-0000-00000000000a']
    """

    head: bytes
    low: int
    count: int

    def some(self, start: int, count: int) -> Ids:
        """Those from a place on."""
        return Ids(self.head, self.low + start, count)

    def raw(self) -> list[bytes]:
        """Each as 16 bytes."""
        low, head = self.low, self.head
        if self.count == 1:  # as of most requests
            return [head + low.to_bytes(6, "big")]
        return [head + n.to_bytes(6, "big") for n in range(low, low + self.count)]

    def texts(self) -> list[str]:
        """Each written the usual way, with hyphens; those that differ in the last byte at once."""
        h, low, end = self.head.hex("-", 2), self.low, self.low + self.count
        shared = f"{h[:4]}{h[5:]}-"
        if self.count == 1:  # as of most requests
            return [f"{shared}{low:012x}"]
        ids: list[str] = []
        for block in range(low & ~0xFF, end, 256):
            start = f"{shared}{block >> 8:010x}"
            first = low - block if block < low else 0
            ids += [start + pair for pair in _PAIRS[first : end - block]]
        return ids


class IdSource:
    """Makes UUIDv7s that are unique over processes and rise strictly within one.

    48 bits of milliseconds, a 12-bit sequence within the millisecond, 61 random bits; of ids that
    are made together each is the one before it plus one. When a millisecond's sequence is used
    up, or the clock is set back, the last millisecond is counted on: order holds, and the time in
    an id is then a little ahead. The random bits are the system's: a seed that a model sets, or
    a fork, does not repeat them.

    Args:
        clock: where the milliseconds come from.
        after: an id of 16 bytes that all of these come after, such as the last one that an
            earlier process made; none if it is empty.

    Example:
        >>> from fairlead.clock import ManualClock
        >>> source = IdSource(ManualClock(now_us=1_700_000_000_000_000))
        >>> first, second = source.take(2).raw()
        >>> first < second, len(first), text(first)[14]
        (True, 16, '7')
    """

    def __init__(self, clock: Clock, after: bytes = b"") -> None:
        self._clock = clock
        before, made = int.from_bytes(after[:6], "big"), int.from_bytes(after[6:8], "big")
        self._last = before << _SEQUENCE_BITS | made & 0xFFF  # milliseconds, then the sequence

    def take(self, count: int) -> Ids:
        """Make `count` ids, rising."""
        tick = (self._clock.now_us() // 1000) << _SEQUENCE_BITS
        if tick <= self._last:
            tick = self._last + 1
        self._last = tick
        try:
            noise = _drawn.pop() & _NOISE
        except IndexError:
            noise = _draw() & _NOISE
        time = tick >> _SEQUENCE_BITS << 16 | _VERSION | tick & 0xFFF
        return Ids(_HEAD(time, _VARIANT | noise >> _LOW_BITS), noise & _LOW, count)

    def one(self) -> str:
        """Make one id, as text."""
        return self.take(1).texts()[0]


def _draw() -> int:
    """64 random bits of the system's, which is asked for many at a time."""
    numbers: tuple[int, ...] = _NUMBERS.unpack(os.urandom(_NUMBERS.size))
    _drawn.extend(numbers[1:])
    return numbers[0]


def derive(*parts: str) -> Ids:
    """The ids of numbered things that are the same wherever and however often they are made.

    UUIDv8: 74 bits of the SHA-256 of what names the things, then 48 bits of their number.

    Args:
        *parts: what names them.

    Returns:
        The first one; `some` gives those of any numbers.

    Example:
        >>> derive("churn", "a.parquet").some(7, 1).texts()
        ['9306e406-aff3-89ef-b1e3-000000000007']
    """
    import hashlib  # devices have no memory for it where they need none

    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    head = bytearray(digest[:10])
    head[6] = head[6] & 0x0F | 0x80
    head[8] = head[8] & 0x3F | 0x80
    return Ids(bytes(head), 0, 0)


def text(raw: bytes) -> str:
    """Write an id of 16 bytes the usual way, with hyphens.

    Example:
        >>> text(bytes(16))
        '00000000-0000-0000-0000-000000000000'
    """
    h = raw.hex()
    return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"


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
