"""From a URL in the settings to a store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar
from urllib.parse import SplitResult, unquote, urlsplit

from fairlead.errors import ConfigError
from fairlead.store.folder import FolderBlobs
from fairlead.store.memory import MemoryStore
from fairlead.store.sqlite import SqliteStore
from fairlead.store.types import Blobs, Store

T = TypeVar("T")

STORES: dict[str, Callable[[str], Store]] = {
    "sqlite": lambda path: SqliteStore(Path(path)),
    "memory": lambda _: MemoryStore(),
}
BLOBS: dict[str, Callable[[str], Blobs]] = {"file": lambda path: FolderBlobs(Path(path))}


def open_store(url: str) -> Store:
    """Open the store of records that a URL names.

    Args:
        url: `sqlite:///absolute/path` or `memory:`.

    Raises:
        ConfigError: the scheme is not known.
        StorageError: it cannot be opened.
    """
    return _open(url, STORES, "store")


def open_blobs(url: str) -> Blobs:
    """Open the blob store that a URL names.

    Args:
        url: `file:///absolute/path`.

    Raises:
        ConfigError: the scheme is not known.
    """
    return _open(url, BLOBS, "blobs")


def check_urls(store: str, blobs: str) -> None:
    """See whether a platform could use what the settings name, without opening it.

    Args:
        store: its URL; empty for the home's own.
        blobs: likewise.

    Raises:
        ConfigError: a scheme is not known, or cannot be shared by processes.
    """
    if store and _split(store, STORES, "store").scheme == "memory":
        raise ConfigError(
            "The setting 'server.store' names memory, which the processes of a platform do not "
            "share.",
            hint="Leave it out, or name a file: sqlite:///data/store.db.",
        )
    if blobs:
        _split(blobs, BLOBS, "blobs")


def _open(url: str, schemes: dict[str, Callable[[str], T]], setting: str) -> T:
    parts = _split(url, schemes, setting)
    return schemes[parts.scheme](unquote(parts.path))


def _split(url: str, schemes: Mapping[str, object], setting: str) -> SplitResult:
    parts = urlsplit(url)
    if parts.scheme not in schemes or parts.netloc:
        known = " or ".join(f"{scheme}:" for scheme in schemes)
        raise ConfigError(
            f"The setting 'server.{setting}' is not a URL of a kind that is known.",
            hint=f"It begins with {known}, e.g. sqlite:///data/store.db or file:///data/blobs.",
        )
    return parts
