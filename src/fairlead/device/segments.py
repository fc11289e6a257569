"""Files of rows: which there are, in the order that rows were answered, and how far each is whole.

A file is named by the number of its first row and by the bundle that answered its rows:
`rows/0000000000004097-9f86d081884c7d65.journal`. Rows are numbered as they are kept, so a name
tells how many came before, also when their files are gone, and whatever the clock said. Inside
are frames of the prediction log.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fairlead.predictionlog.scan import is_damaged, scan
from fairlead.predictionlog.types import PredictionFrame

ROWS, WINDOWS, REFERENCES = "rows", "windows", "references"
JOURNAL, WINDOW = ".journal", ".json.gz"
DIGEST_LENGTH = 16
BLOCK_BYTES = 4096
_NAME = re.compile(r"([0-9]{16})-([0-9a-f]{16})")


@dataclass(frozen=True, slots=True, order=True)
class Segment:
    """A file named after the rows that it is of.

    Args:
        first: number of the first row.
        digest: the first digits of the bundle's.
        path: of the file.
        room: that it takes on the disk, in bytes: whole blocks.
    """

    first: int
    digest: str
    path: Path
    room: int


@dataclass(frozen=True, slots=True)
class Extent:
    """How far a file of rows is whole.

    Args:
        rows: in whole frames.
        end: of the last whole frame, bytes.
        torn: whether the file goes on behind it, with nothing that is whole.
        broken: whether it goes on with whole frames, behind damage.
        first_us: time of the first row; 0 without rows.
        last_id: of the last row, 16 bytes; empty without rows.
    """

    rows: int
    end: int
    torn: bool
    broken: bool
    first_us: int
    last_id: bytes


def name_of(first: int, digest: str, suffix: str) -> str:
    """What a file is called.

    Example:
        >>> name_of(17, "9f86d081884c7d659a2f", ".journal")
        '0000000000000017-9f86d081884c7d65.journal'
    """
    return f"{first:016d}-{digest[:DIGEST_LENGTH]}{suffix}"


def list_segments(folder: Path, suffix: str) -> list[Segment]:
    """The files of a folder in the order of their rows; what is not one is passed over."""
    found = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                name = entry.name.removesuffix(suffix)
                match = _NAME.fullmatch(name)
                if match and name != entry.name:
                    room = -(-entry.stat(follow_symlinks=False).st_size // BLOCK_BYTES)
                    path = Path(entry.path)
                    found.append(Segment(int(match[1]), match[2], path, room * BLOCK_BYTES))
    except FileNotFoundError:
        return []
    return sorted(found)


def frames_of(path: Path) -> Iterator[PredictionFrame]:
    """The whole frames of a file, one at a time; none if it has gone meanwhile."""
    with contextlib.suppress(FileNotFoundError):
        for located in scan(path):
            if isinstance(located.frame, PredictionFrame):
                yield located.frame


def measure(path: Path) -> Extent:
    """How far a file of rows is whole."""
    rows, end, first_us, last_id = 0, 0, 0, b""
    for located in scan(path):
        frame = located.frame
        end = located.end
        if isinstance(frame, PredictionFrame) and frame.ids:
            first_us = first_us if rows else int(frame.time_us[0])
            rows, last_id = rows + len(frame.ids), frame.ids[-1]
    more = path.stat().st_size > end
    broken = more and is_damaged(path, end)
    return Extent(rows, end, more and not broken, broken, first_us, last_id)
