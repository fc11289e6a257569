"""The answers of a job as rows of a look-up table."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from fairlead.batch.publish import Finished
from fairlead.batch.write import ID, answer_names
from fairlead.errors import ConfigError, InputError
from fairlead.ids import parse
from fairlead.lookup import Key, Row
from fairlead.precomputed import key_text
from fairlead.signature import Field

if TYPE_CHECKING:
    import polars as pl


def tabulate(finished: Finished, key: str, outputs: Sequence[Field]) -> Iterator[tuple[Key, Row]]:
    """All rows that were answered, under their keys, part by part.

    Args:
        finished: a job of Parquet, which keeps the column of keys.
        key: that column.
        outputs: of the version.

    Yields:
        Texts, and rows as `precomputed` has them: the id of the prediction, and the answers.

    Raises:
        ConfigError: the column holds neither texts nor integers.
        InputError: a row has no key.
    """
    import polars as pl

    for chunk in finished.chunks:
        if finished.done[chunk.number].rows:
            frame = pl.read_parquet(finished.target.working / chunk.part, hive_partitioning=False)
            keys = _keys(frame, key, chunk.file.path)
            columns = [_ids(frame[ID]), *(_values(field, frame) for field in outputs)]
            made_us = finished.plan.begun_us
            for each, *own in zip(keys, *columns, strict=True):
                yield each, Row(made_us, tuple(own))


def rows_alike(finished: Finished, key: str) -> InputError | None:
    """Two rows that have the same key, to name them where a table has refused it; None if none.

    Args:
        finished: a job of Parquet, which keeps the column of keys.
        key: that column.
    """
    import polars as pl

    parts = [
        pl.scan_parquet(finished.target.working / chunk.part, hive_partitioning=False).select(
            pl.col(key).cast(pl.String), ID, chunk=pl.lit(chunk.number)
        )
        for chunk in finished.chunks
        if finished.done[chunk.number].rows
    ]
    every = pl.concat(parts)
    twice = every.filter(~pl.col(key).is_first_distinct()).head(1)
    alike = every.join(twice, on=key, how="semi").select(ID, "chunk")
    found = alike.sort("chunk", ID).head(2).collect()
    if not found.height:
        return None
    one, other = (
        f"{finished.chunks[number].file.path}, row {_row(written)}"
        for written, number in found.iter_rows()
    )
    return InputError(
        f"{other}: this value of '{key}' stands twice, as in {one}.",
        hint="Give one row for each key; what is looked up stays as it was.",
    )


def _row(written: str) -> int:
    """The number of a row in its file, which the id of its prediction ends with."""
    return int(written.rpartition("-")[2], 16)


def _keys(frame: pl.DataFrame, key: str, path: str) -> list[str]:
    column = frame[key]
    missing = column.null_count()
    if missing:
        row = _row(frame[ID][column.is_null().arg_true()[0]])
        raise InputError(
            f"{path}, row {row}: there is no value of '{key}'; so it is in {missing} rows or more.",
            hint="Give every row a key; what is looked up stays as it was.",
        )
    keys = [key_text(key) for key in column.to_list()]
    if None in keys:
        raise ConfigError(
            f"The column '{column.name}' of {path} has the type {column.dtype}, which no key has.",
            hint="Keys are texts or integers.",
        )
    return [key for key in keys if key is not None]


def _ids(column: pl.Series) -> list[bytes | None]:
    return [parse(written) for written in column.to_list()]


def _values(field: Field, frame: pl.DataFrame) -> list[Any]:
    """One field's answers as a table holds them: plain, times in microseconds since 1970."""
    import polars as pl

    names = answer_names([field])
    if names != [field.name]:
        return [list(row) for row in frame.select(names).iter_rows()]
    column = frame[field.name]
    if field.kind == "timestamp":
        return column.dt.epoch("us").to_list()
    if field.kind in ("image", "audio"):
        return [None if text is None else base64.b64decode(text) for text in column.to_list()]
    return column.cast(pl.Float64).to_list() if column.dtype == pl.Float32 else column.to_list()
