"""Blobs as files below one folder."""

from __future__ import annotations

import contextlib
import re
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from fairlead.durable import sync
from fairlead.errors import NotFoundError, StorageError
from fairlead.store.sweep import sweep

_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=@+-]*")
_TEMPORARY = ".partial-"  # which no key can be
_MISSING = (FileNotFoundError, IsADirectoryError, NotADirectoryError)


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

    def link(self, key: str, source: Path) -> None:
        """Store a file that will not change again, without a copy if it is on the same disk."""
        target = self._path(key)
        with _mapped(key):
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not (target.exists() and target.samefile(source)):
                _write(target, lambda temporary: _link(source, temporary))

    def get(self, key: str) -> bytes:
        """Read a blob."""
        with _mapped(key), self._opened(key) as source:
            return source.read()

    def fetch(self, key: str, target: Path) -> None:
        """Copy a blob to a local file."""
        with _mapped(key), self._opened(key) as source:
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            _write(target, lambda temporary: _copy(source, temporary))

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
            if path.is_file()
        )
        return sorted(key for key in found if key.startswith(prefix) and _is_key(key))

    def delete(self, key: str) -> None:
        """Remove a blob, if it is there."""
        with _mapped(key), contextlib.suppress(*_MISSING):
            self._path(key).unlink()

    def sweep(self, before_s: float) -> None:
        """Remove what killed processes left half stored."""
        sweep(self._root.rglob(f"{_TEMPORARY}*"), before_s)

    def _path(self, key: str) -> Path:
        """The file of a key; nothing but plain names leads below the root.

        Raises:
            StorageError: the key is not made of such names.
        """
        if not _is_key(key):
            raise StorageError(f"{key!r} cannot be the key of a blob.")
        return self._root.joinpath(*key.split("/"))

    def _opened(self, key: str) -> BinaryIO:
        try:
            return self._path(key).open("rb")
        except _MISSING:
            raise NotFoundError(f"There is no blob '{key}'.") from None


def _is_key(key: str) -> bool:
    return all(_SEGMENT.fullmatch(segment) for segment in key.split("/"))


def _link(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError:  # another disk, or one that knows no links
        shutil.copyfile(source, target)


def _copy(source: BinaryIO, target: Path) -> None:
    with target.open("wb") as out:
        shutil.copyfileobj(source, out)


def _write(target: Path, fill: Callable[[Path], object]) -> None:
    temporary = target.with_name(f"{_TEMPORARY}{uuid.uuid4().hex}")
    try:
        fill(temporary)
        sync(temporary)
        temporary.replace(target)
        sync(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def _mapped(key: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"The blob '{key}' cannot be read or written: {error.strerror}.",
            hint="See whether the disk is full and the folder writable.",
        ) from error
