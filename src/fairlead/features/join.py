"""Features as they were known at the time of each row: what a model may be trained on."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from fairlead.errors import ConfigError, InputError
from fairlead.features.source import KEY, TIME, check_whole, key_of, once, reading, time_of
from fairlead.features.types import FeatureSpec
from fairlead.nearest import nearest

if TYPE_CHECKING:
    import polars as pl

PLACE, FOUND = "\0place", "\0found"


def join(
    rows: pl.DataFrame, history: pl.LazyFrame, spec: FeatureSpec, *, time: str
) -> pl.DataFrame:
    """Give each row the features of its key as they were at its time.

    For a row of time t that is the row of the same key with the greatest time u such that
    u <= t and t - u <= ttl: nothing that was known only later, and nothing that a request at t
    would not have got. Where there is none, features are null, or their defaults if requests
    would get those. A column that the rows have already stays as it is.

    Args:
        rows: with the column of the key and one of their times.
        history: as `read_history` gives it.
        spec: of the features.
        time: the column that says when each row happened.

    Returns:
        The rows in their order, with a column for each feature.

    Raises:
        ConfigError: the features have no time, or the rows lack a column.
        InputError: rows have no time, or the source is none that can be joined.
    """
    import polars as pl

    if not spec.time:
        raise ConfigError(
            f"The features '{spec.name}' have no time, so that nobody knows what was known when.",
            hint=f"Name its column: time = ... in [features.{spec.name}].",
        )
    left = _placed(rows, spec.key, time)
    right = _told_of(left, history, spec)
    given = [name for name in right.columns if name in rows.columns]
    joined = left.join_asof(
        right.drop(given).with_columns(pl.lit(value=True).alias(FOUND)).sort(TIME),
        on=TIME,
        by=KEY,
        strategy="backward",
        tolerance=None if spec.ttl_us is None else timedelta(microseconds=spec.ttl_us),
        check_sortedness=False,
    )
    filled = [
        pl.when(FOUND).then(name).otherwise(pl.lit(value)).alias(name)
        for name, value in spec.defaults.items()
        if name in right.columns and name not in given
    ]
    return joined.with_columns(filled).sort(PLACE).drop(KEY, TIME, PLACE, FOUND)


def _placed(rows: pl.DataFrame, key: str, time: str) -> pl.DataFrame:
    """Rows in the order of their times, with keys and times that compare."""
    for column in (key, time):
        if column not in rows.columns:
            close = nearest(column, rows.columns)
            raise ConfigError(
                f"The rows have no column '{column}'.",
                hint=f"Did you mean '{close}'?" if close else "",
            )
    added = key_of(key, rows.schema[key]), time_of(time, rows.schema[time], later=False)
    placed = rows.with_row_index(PLACE).with_columns(added)
    missing = placed[TIME].null_count()
    if missing:
        raise InputError(f"{missing} rows have no value of '{time}'.")
    return placed.sort(TIME)


def _told_of(left: pl.DataFrame, history: pl.LazyFrame, spec: FeatureSpec) -> pl.DataFrame:
    """What the source says of the keys that rows have."""
    dtype = history.collect_schema()[KEY]
    if dtype != left.schema[KEY]:
        raise InputError(
            f"The keys of the features '{spec.name}' have the type {dtype}, those of the rows "
            f"{left.schema[KEY]}."
        )
    check_whole(spec, history)
    asked = left.lazy().select(KEY).unique()
    return once(spec, reading(spec, history.join(asked, on=KEY, how="semi").collect))
