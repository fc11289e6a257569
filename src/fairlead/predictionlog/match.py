"""Which prediction a row of feedback is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from fairlead.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Matched:
    """Rows of feedback and the predictions they are about.

    Args:
        rows: those that are about exactly one prediction, with its id as `prediction_id`.
        unmatched: places of rows that are about none.
        ambiguous: places of rows that are about several.
    """

    rows: pl.DataFrame
    unmatched: tuple[int, ...]
    ambiguous: tuple[int, ...]

    @property
    def matched(self) -> int:
        """How many rows are about exactly one prediction."""
        return self.rows.height


def match(
    predictions: pl.LazyFrame,
    rows: pl.DataFrame,
    *,
    id_column: str | None = None,
    caller_column: str | None = None,
    keys: Sequence[str] = (),
    time_column: str | None = None,
    within_s: float = 3600.0,
) -> Matched:
    """Find the prediction of each row.

    By prediction id; or by the caller's own id; or by fields that name it, and time: then the
    prediction of those fields that lies nearest in time, at most `within_s` apart. Two that lie
    equally near, or two of one caller's id, are ambiguous.

    Args:
        predictions: as `read` gives them.
        rows: with a column `place`, their number in the file.
        id_column: column of prediction ids.
        caller_column: column of callers' own ids.
        keys: columns that equal inputs of the same name, or `unit`.
        time_column: column of times; without it, keys must be unique over the whole log.
        within_s: how far a prediction may lie from the time.

    Raises:
        ConfigError: nothing tells the prediction, a key is neither a field nor `unit`, or the
            rows lack a column that was named.
    """
    named = (id_column, caller_column, *keys, time_column)
    missing = [name for name in named if name is not None and name not in rows.columns]
    if missing:
        raise ConfigError(
            f"The rows have no column '{missing[0]}'.",
            hint=f"They have: {', '.join(name for name in rows.columns if name != 'place')}.",
        )
    if id_column is not None:
        pairs = _equal(predictions, rows, {id_column: "id"})
    elif caller_column is not None:
        pairs = _equal(predictions, rows, {caller_column: "caller_id"})
    elif keys:
        known = predictions.collect_schema().names()
        columns = {key: "unit" if key == "unit" else f"in.{key}" for key in keys}
        unknown = [key for key, column in columns.items() if column not in known]
        if unknown:
            raise ConfigError(
                f"{', '.join(unknown)} is no field of the log.",
                hint="Keys are names of input fields, or 'unit'.",
            )
        pairs = _equal(predictions, rows, columns)
        if time_column is not None:
            pairs = _nearest(pairs, rows, time_column, within_s)
    else:
        raise ConfigError(
            "Nothing tells which prediction a row is about.",
            hint="Name the column of prediction ids, of the callers' ids, or key fields and time.",
        )
    return _judge(pairs, rows)


def _equal(predictions: pl.LazyFrame, rows: pl.DataFrame, columns: dict[str, str]) -> pl.DataFrame:
    """Pairs of place and prediction whose columns are equal, as text."""
    ours, logged = rows.schema, predictions.collect_schema()
    left, right = [pl.col("place")], [pl.col("id").alias("prediction_id")]
    right.append(pl.col("time").alias("predicted"))
    keys = [f"key{i}" for i in range(len(columns))]
    for key, (own, theirs) in zip(keys, columns.items(), strict=True):
        number = _is_number(logged[theirs])
        left.append(_comparable(own, ours[own], number).alias(key))
        right.append(_comparable(theirs, logged[theirs], number).alias(key))
    return rows.lazy().select(left).join(predictions.select(right), on=keys).collect()


def _is_number(dtype: pl.DataType) -> bool:
    return dtype.is_numeric() or dtype == pl.Boolean()


def _comparable(name: str, dtype: pl.DataType, number: bool) -> pl.Expr:
    """A column such that equal values are equal, whether a file holds 7, 7.0, "7" or true.

    Args:
        name: of the column.
        dtype: of its values.
        number: whether the log holds numbers; texts of it are compared to the letter.
    """
    column = pl.col(name)
    if number:
        return column.cast(pl.Float64, strict=False)
    text = column.cast(pl.String)
    return text.str.replace(r"\.0$", "") if dtype.is_float() else text


def _nearest(
    pairs: pl.DataFrame, rows: pl.DataFrame, time_column: str, within_s: float
) -> pl.DataFrame:
    times = rows.select("place", _as_time(rows, time_column).alias("stated"))
    apart = (pl.col("predicted") - pl.col("stated")).abs().dt.total_microseconds()
    return (
        pairs.join(times, on="place")
        .with_columns(apart.alias("apart_us"))
        .filter(pl.col("apart_us") <= round(within_s * 1e6))
        .filter(pl.col("apart_us") == pl.col("apart_us").min().over("place"))
    )


def _as_time(rows: pl.DataFrame, column: str) -> pl.Series:
    """A column of times in UTC, from datetimes or ISO 8601 text."""
    times = rows[column]
    if times.dtype == pl.String:
        times = times.str.to_datetime(time_unit="us", time_zone="UTC", strict=False)
    elif times.dtype == pl.Date:
        times = times.cast(pl.Datetime("us"))
    if not isinstance(times.dtype, pl.Datetime):
        raise ConfigError(f"The column '{column}' holds no times.", hint="Write them as ISO 8601.")
    if times.dtype.time_zone is None:
        return times.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    return times.dt.convert_time_zone("UTC").cast(pl.Datetime("us", "UTC"))


def _judge(pairs: pl.DataFrame, rows: pl.DataFrame) -> Matched:
    counted = pairs.group_by("place").agg(
        pl.col("prediction_id").first(), pl.len().alias("candidates")
    )
    one = counted.filter(pl.col("candidates") == 1).select("place", "prediction_id")
    several = counted.filter(pl.col("candidates") > 1)["place"].sort()
    none = rows.filter(~pl.col("place").is_in(counted["place"].implode()))["place"].sort()
    matched = (
        rows.drop("prediction_id", strict=False).join(one, on="place", how="inner").sort("place")
    )
    return Matched(matched, tuple(none.to_list()), tuple(several.to_list()))
