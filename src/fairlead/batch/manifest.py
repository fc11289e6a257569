"""The manifest of a job that is under way: its plan, then a line for each chunk that is committed.

A line is the CRC-32 of its JSON in hexadecimal, a space, and the JSON. A torn last line, of a
process that was killed while it wrote, is cut; damage before it is an error.
"""

from __future__ import annotations

import os
import zlib
from pathlib import Path

import msgspec

from fairlead.batch.types import MANIFEST_FORMAT, Plan, Scored
from fairlead.durable import sync
from fairlead.errors import StorageError


class Manifest:
    """The manifest in one file, of which this process is the only writer.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def exists(self) -> bool:
        """Whether a job was begun."""
        return self._path.exists()

    def begin(self, plan: Plan) -> None:
        """Write the plan: there is all of it afterwards, or nothing.

        Raises:
            OSError: it cannot be written.
        """
        temporary = self._path.with_suffix(".new")
        with temporary.open("wb") as file:
            file.write(_line(plan))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self._path)
        sync(self._path.parent)

    def commit(self, scored: Scored) -> None:
        """Note that a chunk is done, when its files lie under their names.

        Raises:
            OSError: it cannot be written; nothing of it is.
        """
        with self._path.open("r+b") as file:
            end = file.seek(0, os.SEEK_END)
            try:
                file.write(_line(scored))
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                file.truncate(end)
                raise

    def read(self) -> tuple[Plan, dict[int, Scored]] | None:
        """The plan and the chunks that are committed, by number; None if none was begun.

        Raises:
            StorageError: it is damaged, or was written by a newer Fairlead.
        """
        try:
            raw = self._path.read_bytes()
        except FileNotFoundError:
            return None
        lines = raw.splitlines(keepends=True)
        whole = [text for line in lines if (text := _checked(line)) is not None]
        torn = len(lines) - len(whole)
        if torn > 1 or (torn and _checked(lines[-1]) is not None) or not whole:
            raise self._damaged()
        try:
            plan = msgspec.json.decode(whole[0], type=Plan)
            done = [msgspec.json.decode(line, type=Scored) for line in whole[1:]]
        except msgspec.DecodeError:
            raise self._damaged() from None
        if plan.format > MANIFEST_FORMAT:
            raise self._damaged()
        if torn:
            os.truncate(self._path, len(raw) - len(lines[-1]))
        return plan, {scored.chunk: scored for scored in done}

    def _damaged(self) -> StorageError:
        return StorageError(
            f"The manifest {self._path} is damaged, or of a newer Fairlead.",
            hint=f"Remove {self._path.parent.parent} and run the job again.",
        )


def _line(value: msgspec.Struct) -> bytes:
    text = msgspec.json.encode(value)
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _checked(line: bytes) -> bytes | None:
    """The JSON of a line; None if it is not whole."""
    head, _, text = line.partition(b" ")
    body = text[:-1]
    whole = text.endswith(b"\n") and head == b"%08x" % zlib.crc32(body)
    return body if whole else None
