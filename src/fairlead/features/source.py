"""Rows of features as their files hold them, with keys and times that compare."""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

from fairlead.errors import ConfigError, InputError
from fairlead.features.types import FeatureSpec
from fairlead.nearest import nearest

if TYPE_CHECKING:
    import polars as pl

KEY, TIME = "\0key", "\0time"
"""What no column of a file is called."""

T = TypeVar("T")


def read_history(spec: FeatureSpec) -> pl.LazyFrame:
    """All rows of the files, to be read when they are needed.

    Returns:
        The column `KEY` (texts or 64-bit integers), the column `TIME` (UTC, in microseconds,
        never earlier than the file says) if the features have one, and every other column of the
        files.

    Raises:
        ConfigError: there is no such file, or it lacks the column of the key or of the time.
        InputError: it cannot be read.
    """
    import polars as pl

    files = sorted(glob.glob(spec.source, recursive=True))  # noqa: PTH207 (a glob may be absolute)
    if not files:
        raise ConfigError(
            f"There is no file {spec.source}.", hint=f"See the setting 'features.{spec.name}'."
        )
    if spec.source.lower().endswith(".csv"):
        frame = pl.scan_csv(files, try_parse_dates=True, infer_schema_length=None)
    else:
        frame = pl.scan_parquet(files, hive_partitioning=False)
    schema = reading(spec, frame.collect_schema)
    named = [spec.key, spec.time] if spec.time else [spec.key]
    for column in named:
        if column not in schema:
            raise _lacks(f"The source of the features '{spec.name}'", column, schema)
    columns = [key_of(spec.key, schema[spec.key])]
    columns += [time_of(spec.time, schema[spec.time], later=True)] if spec.time else []
    others = [pl.col(column) for column in schema if column not in named]
    if not others:
        raise ConfigError(f"The source of the features '{spec.name}' has no column but the key.")
    return frame.select(*columns, *others)


def key_of(column: str, dtype: pl.DataType) -> pl.Expr:
    """A column of keys as `KEY`.

    Raises:
        ConfigError: it holds neither texts nor integers.
    """
    import polars as pl

    if dtype.is_integer():
        return pl.col(column).cast(pl.Int64).alias(KEY)
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        return pl.col(column).cast(pl.String).alias(KEY)
    raise ConfigError(
        f"The column '{column}' has the type {dtype}, which no key has.",
        hint="Keys are texts or integers.",
    )


def time_of(column: str, dtype: pl.DataType, *, later: bool) -> pl.Expr:
    """A column of times as `TIME`, in UTC, which also those are in that name no zone.

    Args:
        column: its name.
        dtype: its type.
        later: whether nanoseconds are rounded up, so that nothing seems to be known too early.

    Raises:
        ConfigError: it holds no times.
    """
    import polars as pl

    if dtype == pl.Date:
        return pl.col(column).cast(pl.Datetime("us")).alias(TIME)
    if not isinstance(dtype, pl.Datetime):
        raise ConfigError(
            f"The column '{column}' has the type {dtype}, which is no time.",
            hint="Times are dates, or dates with a time of day.",
        )
    time = pl.col(column)
    if dtype.time_zone is not None:
        time = time.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    if dtype.time_unit == "ns" and later:
        return ((time.cast(pl.Int64) + 999) // 1000).cast(pl.Datetime("us")).alias(TIME)
    return time.dt.cast_time_unit("us").alias(TIME)


def reading(spec: FeatureSpec, read: Callable[[], T]) -> T:
    """What `read` gives of the files.

    Raises:
        InputError: they cannot be read.
    """
    import polars as pl

    try:
        return read()
    except (pl.exceptions.PolarsError, OSError) as error:
        why = str(error).strip().partition("\n")[0]
        raise InputError(
            f"The source of the features '{spec.name}' cannot be read: {why}.",
            hint="All of its files must be whole, and have the same columns.",
        ) from error


def check_whole(spec: FeatureSpec, history: pl.LazyFrame) -> int:
    """How many rows there are, each of which has a key and, if the features have one, a time.

    Raises:
        InputError: one is missing.
    """
    import polars as pl

    named = {KEY: spec.key} | ({TIME: spec.time} if spec.time else {})
    asked = history.select(pl.len(), *(pl.col(name).null_count() for name in named))
    rows, *missing = reading(spec, asked.collect).row(0)
    for column, count in zip(named.values(), missing, strict=True):
        if count:
            raise InputError(
                f"The source of the features '{spec.name}' has {count} rows without a value of "
                f"'{column}'."
            )
    return int(rows)


def once(spec: FeatureSpec, frame: pl.DataFrame) -> pl.DataFrame:
    """Rows that differ in key or time; those that are equal in all are one.

    Raises:
        InputError: some differ in neither, but in what they say.
    """
    named = [name for name in (KEY, TIME) if name in frame.columns]
    if not frame.select(named).is_duplicated().any():
        return frame
    frame = frame.unique(maintain_order=True)
    twice = frame.filter(frame.select(named).is_duplicated()).select(named).n_unique()
    if twice:
        raise InputError(
            f"The source of the features '{spec.name}' has {twice} keys with different rows"
            f"{' of the same time' if spec.time else ''}.",
            hint="Give one row for each key and time."
            if spec.time
            else "Give one row for each key, or name the column of its time in the settings.",
        )
    return frame


def _lacks(what: str, column: str, known: Iterable[str]) -> ConfigError:
    close = nearest(column, known)
    return ConfigError(
        f"{what} has no column '{column}'.",
        hint=f"Did you mean '{close}'?" if close else f"It has {', '.join(known)}.",
    )
