"""The values of this package."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from fairlead.durations import PATTERN, read_duration
from fairlead.errors import ConfigError
from fairlead.signature import Batch

Key = tuple[str, bytes]
"""The digest of a version's bundle, and that of a row's inputs."""


class CacheSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table `[endpoint.NAME.cache]`.

    Args:
        ttl: for how long an answer is given again, as `10m`; nothing is kept if not given.
        memory_mb: that answers may take, in each worker, in millions of bytes.
    """

    ttl: Annotated[str, Meta(pattern=PATTERN)] | None = None
    memory_mb: Annotated[int, Meta(ge=1)] = 64


class CacheLimits(msgspec.Struct, frozen=True):
    """For how long answers are given again, and how much is kept of them.

    Args:
        ttl_s: since an answer was made.
        size_bytes_max: of all that is kept.
    """

    ttl_s: float
    size_bytes_max: int


class Kept(msgspec.Struct, frozen=True, eq=False, gc=False):
    """The answer to one row.

    Args:
        outputs: one row, which shares its memory with no other.
        made_s: when the model gave it, on the monotonic clock.
        size_bytes: that it takes, with its key.
    """

    outputs: Batch
    made_s: float
    size_bytes: int


def limits_of(endpoint: str, settings: CacheSettings) -> CacheLimits | None:
    """What settings say of an endpoint's cache; None if it has none.

    Raises:
        ConfigError: they make no sense.

    Example:
        >>> limits_of("churn", CacheSettings(ttl="10m", memory_mb=8))
        CacheLimits(ttl_s=600.0, size_bytes_max=8000000)
        >>> limits_of("churn", CacheSettings()) is None
        True
    """
    at = f"endpoint.{endpoint}.cache"
    if settings.ttl is None:
        if settings != CacheSettings():
            raise ConfigError(f"The setting '{at}' needs a ttl.", hint='Write ttl = "10m".')
        return None
    ttl_s = read_duration(settings.ttl)
    if not ttl_s:
        raise ConfigError(
            f"The setting '{at}.ttl' is not above 0.", hint="Leave it out to keep no answers."
        )
    return CacheLimits(ttl_s, settings.memory_mb * 1_000_000)
