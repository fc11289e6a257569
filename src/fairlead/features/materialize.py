"""From files of features to the table in which they are looked up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from fairlead.errors import ConfigError, ConflictError, InputError
from fairlead.features.source import KEY, TIME, check_whole, once, read_history, reading
from fairlead.features.types import FeatureSpec
from fairlead.lookup import Key, Row, Snapshot, Tables

if TYPE_CHECKING:
    import polars as pl


def materialize(
    spec: FeatureSpec, tables: Tables, now_us: int, *, incremental: bool = False
) -> Snapshot:
    """Publish the row of each key that holds now.

    Args:
        spec: of the features.
        tables: that they are published to.
        now_us: microseconds since 1970; rows that hold only later are left out.
        incremental: read only rows as new as the newest of the table or newer, and keep the
            others as they are in the table; what came late, and what is gone, takes a full run.

    Returns:
        The snapshot; that which was there if nothing changed.

    Raises:
        ConfigError: the source is not there, or what is asked for needs a column it has not.
        InputError: it cannot be read, is empty, or has keys that are missing or stand twice.
        ConflictError: its columns are others than those of the table, or another process
            publishes, or did so meanwhile.
        StorageError: the table cannot be read or written.
    """
    if incremental and not spec.time:
        raise ConfigError(
            f"The features '{spec.name}' have no time, by which new rows are told from old ones.",
            hint=f"Name its column: time = ... in [features.{spec.name}]; or materialise in full.",
        )
    history = read_history(spec)
    columns = tuple(name for name in history.collect_schema() if name not in (KEY, TIME))
    table = tables.open(spec.table) if incremental else None
    if table is None:
        latest = _latest(spec, history, 0, now_us)
        if latest.is_empty():
            raise InputError(f"The source of the features '{spec.name}' has no row that holds.")
        return tables.publish(spec.table, columns, _rows(latest), now_us)
    try:
        old = table.snapshot
        if old.columns != columns:
            raise ConflictError(
                f"The source of the features '{spec.name}' has other columns than the table.",
                hint="Materialise in full.",
            )
        new = dict(_rows(_latest(spec, history, old.until_us, now_us)))
        if table.get(list(new)) == list(new.values()):
            return old
        merged = _merged(table.items(), new)
        return tables.publish(spec.table, columns, merged, now_us, made_of=old.id)
    finally:
        table.close()


def _merged(old: Iterable[tuple[Key, Row]], new: dict[Key, Row]) -> Iterator[tuple[Key, Row]]:
    """Old rows, each of which a new one of its key stands in for."""
    yield from ((key, row) for key, row in old if key not in new)
    yield from new.items()


def _rows(latest: pl.DataFrame) -> Iterator[tuple[Key, Row]]:
    return ((key, Row(time_us, tuple(own))) for key, time_us, *own in latest.iter_rows())


def _latest(spec: FeatureSpec, history: pl.LazyFrame, since_us: int, now_us: int) -> pl.DataFrame:
    """The last row of each key that holds now, if it holds since some time or later.

    Returns:
        Keys, times in microseconds since 1970, and the other columns as JSON would hold them.
    """
    import polars as pl

    if spec.time:
        since, now = (pl.lit(us, pl.Int64).cast(pl.Datetime("us")) for us in (since_us, now_us))
        due = pl.col(TIME).is_between(since, now) if since_us else pl.col(TIME) <= now
        history = history.filter(due | pl.col(TIME).is_null())
    check_whole(spec, history)
    if spec.time:
        history = history.filter(pl.col(TIME) == pl.col(TIME).max().over(KEY))
    frame = once(spec, reading(spec, history.collect))
    schema = frame.drop(KEY, TIME, strict=False).schema
    time = pl.col(TIME).cast(pl.Int64) if spec.time else pl.lit(now_us, pl.Int64)
    return frame.select(KEY, time.alias(TIME), *(_plain(n, t) for n, t in schema.items()))


def _plain(name: str, dtype: pl.DataType) -> pl.Expr:
    """A column as JSON would hold it.

    Raises:
        ConfigError: no field takes its values.
    """
    import polars as pl

    column = pl.col(name)
    inner = dtype
    while isinstance(inner, pl.List | pl.Array):
        assert inner.inner is not None
        inner = inner.inner  # type: ignore[assignment]
    if inner is not dtype and (inner.is_integer() or inner.is_float() or inner == pl.Boolean):
        return column
    match dtype:
        case pl.Decimal():
            return column.cast(pl.Float64)
        case pl.Float32() | pl.Float64():
            return column.fill_nan(None)
        case pl.Categorical() | pl.Enum():
            return column.cast(pl.String)
        case pl.Date():
            return column.dt.strftime("%Y-%m-%d")
        case pl.Datetime():
            if dtype.time_zone is not None:
                column = column.dt.convert_time_zone("UTC")
            return column.dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ")
        case pl.String() | pl.Boolean() | pl.Binary() | pl.Null():
            return column
    if dtype.is_integer():
        return column
    raise ConfigError(
        f"The column '{name}' has the type {dtype}, which no field takes.",
        hint="Leave it out of the source, or give its parts as columns.",
    )
