"""Reading a journal: frame by frame, up to where it is whole."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from fairlead.predictionlog.frame import HEADER, MAGIC, PAYLOAD_BYTES_MAX, Frame, decode_payload


@dataclass(frozen=True, slots=True)
class Located:
    """A frame and where it stands.

    Args:
        frame: as it was written.
        start: of its first byte in the file.
        end: of the byte after its last.
    """

    frame: Frame
    start: int
    end: int


def scan(path: Path, start: int = 0, end: int | None = None) -> Iterator[Located]:
    """The frames of a journal from an offset on, one at a time.

    It ends at the first byte that begins no whole frame: the torn tail of a writer that died,
    or one that is being written just now. What follows damage is never guessed at.

    Args:
        path: of the journal.
        start: where a frame begins.
        end: where to stop; the file's end if not given.

    Raises:
        FileNotFoundError: there is no such file, any more.
    """
    with path.open("rb") as file:
        file.seek(start)
        while end is None or start < end:
            payload = _payload(file)
            frame = None if payload is None else decode_payload(payload)
            if payload is None or frame is None:
                return
            located = Located(frame, start, start + HEADER.size + len(payload))
            yield located
            start = located.end


def is_damaged(path: Path, start: int) -> bool:
    """Whether whole frames stand behind the place where `scan` ended.

    Behind a torn tail there is nothing. Frames behind the break mean that the file was damaged
    later, or holds what this Fairlead cannot read.

    Args:
        path: of the journal.
        start: of the first byte that begins no whole frame.
    """
    with path.open("rb") as file:
        file.seek(start)
        rest = file.read()
        place = rest.find(MAGIC)
        while place >= 0:
            file.seek(start + place)
            if _payload(file) is not None:
                return True
            place = rest.find(MAGIC, place + 1)
    return False


def _payload(file: BinaryIO) -> bytes | None:
    header = file.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    magic, length, checksum = HEADER.unpack(header)
    if magic != MAGIC or length > PAYLOAD_BYTES_MAX:
        return None
    payload = file.read(length)
    if len(payload) < length or zlib.crc32(payload) != checksum:
        return None
    return payload
