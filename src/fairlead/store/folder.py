"""Blobs as files below one folder."""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fairlead.errors import NotFoundError, StorageError

_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=@+-]*")
_TEMPORARY = ".partial-"


class FolderBlobs:
    """A blob store in a folder of this machine.

    Args:
        root: the folder, made when the first blob is put.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, key: str, source: bytes | Path) -> None:
        """Store a blob, atomically and durably."""
        target = self._path(key)
        with _mapped(key):
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            if isinstance(source, bytes):
                _write(target, lambda temporary: temporary.write_bytes(source))
            else:
                _write(target, lambda temporary: shutil.copyfile(source, temporary))

    def get(self, key: str) -> bytes:
        """Read a blob."""
        with _mapped(key):
            return self._path(key).read_bytes()

    def fetch(self, key: str, target: Path) -> None:
        """Copy a blob to a local file."""
        with _mapped(key):
            source = self._path(key)
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            _write(target, lambda temporary: shutil.copyfile(source, temporary))

    def locate(self, key: str) -> str:
        """The blob's path."""
        return str(self._path(key))

    def keys(self, prefix: str = "") -> list[str]:
        """The keys that start with `prefix`, in order."""
        if not self._root.exists():
            return []
        found = (
            path.relative_to(self._root).as_posix()
            for path in self._root.rglob("*")
            if path.is_file() and not path.name.startswith(_TEMPORARY)
        )
        return sorted(key for key in found if key.startswith(prefix))

    def delete(self, key: str) -> None:
        """Remove a blob, if it is there."""
        with _mapped(key):
            self._path(key).unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        """The file of a key; nothing but plain names leads below the root.

        Raises:
            StorageError: the key is not made of such names.
        """
        if not all(_SEGMENT.fullmatch(segment) for segment in key.split("/")):
            raise StorageError(f"{key!r} cannot be the key of a blob.")
        return self._root.joinpath(*key.split("/"))


def _write(target: Path, fill: object) -> None:
    assert callable(fill)
    temporary = target.with_name(f"{_TEMPORARY}{uuid.uuid4().hex}")
    try:
        fill(temporary)
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(target)
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def _mapped(key: str) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        raise NotFoundError(f"There is no blob '{key}'.") from None
    except OSError as error:
        raise StorageError(
            f"The blob '{key}' cannot be read or written: {error.strerror}.",
            hint="See whether the disk is full and the folder writable.",
        ) from error
