"""The values of this package: what settings say of features, and what follows from it."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from fairlead.durations import PATTERN, read_duration
from fairlead.errors import ConfigError
from fairlead.names import check_name
from fairlead.signature import Scalar

Missing = Literal["error", "default", "null"]

ENDINGS = (".parquet", ".csv")


class FeatureSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table `[features.NAME]`.

    Args:
        source: files that hold the rows, Parquet or CSV; `*`, `**` and `?` stand for anything.
        key: the column, and the field of requests, by which a row is found.
        time: the column that says since when a row holds; without, there is one row for each key.
        ttl: for how long a row holds, as `1d`; for ever if not given.
        missing: what becomes of a key without a row that holds: `error` refuses the request,
            `default` puts in the defaults, `null` puts in nothing.
        default: by field, what is put in.
    """

    source: str = ""
    key: str = ""
    time: str = ""
    ttl: Annotated[str, Meta(pattern=PATTERN)] | None = None
    missing: Missing = "error"
    default: dict[str, Scalar] = {}


class FeatureSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Features, as they are materialised and looked up.

    Args:
        name: of them.
        source: files that hold the rows.
        key: the column, and the field of requests, by which a row is found.
        time: the column that says since when a row holds; empty if there is none.
        ttl_us: for how long a row holds, in microseconds; None for ever.
        missing: what becomes of a key without a row that holds.
        defaults: by field, what is put in then.
    """

    name: str
    source: str
    key: str
    time: str = ""
    ttl_us: int | None = None
    missing: Missing = "error"
    defaults: dict[str, Scalar] = {}

    @property
    def table(self) -> str:
        """The look-up table that they are materialised into."""
        return f"features.{self.name}"

    def holds(self, time_us: int, now_us: int) -> bool:
        """Whether a row still holds.

        Args:
            time_us: since when it does, microseconds since 1970.
            now_us: likewise.

        Example:
            >>> day = FeatureSpec(name="customer", source="c.csv", key="id", ttl_us=86_400_000_000)
            >>> day.holds(0, 86_400_000_000), day.holds(0, 86_400_000_001)
            (True, False)
        """
        return self.ttl_us is None or now_us - time_us <= self.ttl_us


def spec_of(name: str, settings: FeatureSettings) -> FeatureSpec:
    """What settings say of features, checked.

    Raises:
        ConfigError: they make no sense.
    """
    check_name(name, "features")
    at = f"features.{name}"
    if not settings.source or not settings.key:
        raise ConfigError(
            f"The setting '{at}' needs a source and a key.",
            hint='Write source = "features/*.parquet" and key = "customer_id".',
        )
    if not settings.source.lower().endswith(ENDINGS):
        raise ConfigError(
            f"The setting '{at}.source' does not end in {' or '.join(ENDINGS)}.",
            hint="Features are read from files of Parquet or CSV.",
        )
    if settings.key == settings.time:
        raise ConfigError(f"The settings '{at}.key' and '{at}.time' name the same column.")
    if (settings.missing == "default") != bool(settings.default):
        raise ConfigError(
            f"The setting '{at}.missing' says '{settings.missing}', and '{at}.default' says "
            f"{'something' if settings.default else 'nothing'}.",
            hint='Give both missing = "default" and default = { FIELD = VALUE }, or neither.',
        )
    ttl_s = None if settings.ttl is None else read_duration(settings.ttl)
    return FeatureSpec(
        name=name,
        source=settings.source,
        key=settings.key,
        time=settings.time,
        ttl_us=None if ttl_s is None else round(ttl_s * 1e6),
        missing=settings.missing,
        defaults=settings.default,
    )
