"""From a URL in the settings to the store of look-up tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

from fairlead.errors import ConfigError
from fairlead.lookup.mapped import MappedTables
from fairlead.lookup.redis import RedisTables
from fairlead.lookup.types import Tables

TABLES: dict[str, Callable[[str, float], Tables]] = {
    "lmdb": lambda url, _: MappedTables(Path(unquote(urlsplit(url).path))),
    "redis": RedisTables,
    "rediss": RedisTables,
}

TIMEOUT_S = 10.0


def open_tables(url: str, timeout_s: float = TIMEOUT_S) -> Tables:
    """Open the store of look-up tables that a URL names.

    Args:
        url: `lmdb:///absolute/path`, `redis://host:6379/0`, or `rediss:` for Redis over TLS.
        timeout_s: after which another process is waited for no longer.

    Raises:
        ConfigError: the scheme is not known, or its library is not installed.
    """
    check_url(url)
    return TABLES[urlsplit(url).scheme](url, timeout_s)


def check_url(url: str) -> None:
    """See whether a URL names a store of look-up tables, without opening it.

    Raises:
        ConfigError: it does not.
    """
    try:
        parts = urlsplit(url)
        local = parts.scheme == "lmdb"
        fine = parts.scheme in TABLES and bool(parts.netloc) != local and parts.port != 0
    except ValueError:
        fine = False
    if not fine:
        raise ConfigError(
            "The setting 'server.lookup' is not a URL of a kind that is known.",
            hint="Write redis://host:6379/0, or lmdb:///data/lookup.",
        )
