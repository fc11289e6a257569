"""The home: the one folder that holds all state, and how it is found."""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

from fairlead.errors import ConfigError
from fairlead.locks import is_held

NAME = ".fairlead"
SETTINGS = "fairlead.toml"


@dataclass(frozen=True)
class Home:
    """A folder and where in it everything lies.

    Args:
        path: absolute; made when it is first used.
    """

    path: Path

    @cached_property
    def settings_file(self) -> Path | None:
        """`fairlead.toml`, beside a `.fairlead` and inside a home of another name, if it exists."""
        folder = self.path.parent if self.path.name == NAME else self.path
        file = folder / SETTINGS
        return file if file.is_file() else None

    @cached_property
    def store_url(self) -> str:
        """Of the store of records, unless settings name another."""
        return f"sqlite://{quote(str(self.path / 'store.db'))}"

    @cached_property
    def blobs_url(self) -> str:
        """Of the blob store, unless settings name another."""
        return f"file://{quote(str(self._folder('blobs')))}"

    @cached_property
    def lookup_url(self) -> str:
        """Of the store of look-up tables, unless settings name another."""
        return f"lmdb://{quote(str(self.path / 'lookup'))}"

    @cached_property
    def precomputed(self) -> Path:
        """Of the jobs whose predictions are looked up."""
        return self._folder("precomputed")

    @cached_property
    def journals(self) -> Path:
        """The prediction log's open files."""
        return self._folder("journals")

    @cached_property
    def cache(self) -> Path:
        """Bundles, extracted and verified; may be deleted while nothing runs."""
        return self._folder("cache")

    @cached_property
    def metrics(self) -> Path:
        """The workers' mapped counters."""
        return self._folder("metrics")

    @cached_property
    def keys(self) -> Path:
        """Of signatures and of the operator; what is in it is never copied elsewhere."""
        return self._folder("keys")

    @cached_property
    def operator_file(self) -> Path:
        """The secret with which commands of this home speak to its platform."""
        return self.keys / "operator.key"

    @cached_property
    def session_file(self) -> Path:
        """The secret with which sessions of the pages are signed."""
        return self.keys / "session.key"

    @cached_property
    def lock_file(self) -> Path:
        """Held by the platform that runs."""
        return self._folder("run") / "lock"

    @cached_property
    def addresses_file(self) -> Path:
        """Where the platform that runs is reached."""
        return self._folder("run") / "addresses.json"

    @cached_property
    def log_file(self) -> Path:
        """What a detached platform prints."""
        return self._folder("run") / "fairlead.log"

    def is_served(self) -> bool:
        """Whether a platform runs at this home now: one that was killed holds no lock."""
        return self.lock_file.exists() and is_held(self.lock_file)

    def write_run_file(self, target: Path, content: bytes) -> None:
        """Write a small file such that readers see all of it or none."""
        temporary = target.with_name(f".{uuid.uuid4().hex}")
        temporary.write_bytes(content)
        temporary.replace(target)

    def _folder(self, name: str) -> Path:
        folder = self.path / name
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise ConfigError(
                f"The home {self.path} cannot be used: {name} cannot be made in it: "
                f"{error.strerror}.",
                hint="Make it writable, or name another with --home or FAIRLEAD_HOME.",
            ) from error
        return folder


def find_home(given: Path | None = None) -> Home:
    """Find the home that belongs to where one stands, and make it if it is not there.

    In this order: what was given, `$FAIRLEAD_HOME`, the nearest folder upward with a
    `.fairlead` or a `fairlead.toml` in it, the present folder.

    Raises:
        ConfigError: it cannot be made, or it or its settings belong to someone else.
    """
    named = given or os.environ.get("FAIRLEAD_HOME")
    path = Path(named).expanduser().absolute() if named else _upward(Path.cwd()) / NAME
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ConfigError(
            f"The home {path} cannot be made: {error.strerror}.",
            hint="Name another with --home or FAIRLEAD_HOME.",
        ) from error
    if path.stat().st_uid != os.getuid():
        raise ConfigError(
            f"The home {path} belongs to another user, who could change what runs from it.",
            hint="Name one of your own with --home or FAIRLEAD_HOME.",
        )
    home = Home(path)
    if home.settings_file and home.settings_file.stat().st_uid not in (os.getuid(), 0):
        raise ConfigError(
            f"The settings {home.settings_file} belong to another user, who could change what "
            "runs here.",
            hint="Name a home of your own with --home or FAIRLEAD_HOME.",
        )
    return home


def _upward(start: Path) -> Path:
    for folder in (start, *start.parents):
        if (folder / NAME).is_dir() or (folder / SETTINGS).is_file():
            return folder
    return start
