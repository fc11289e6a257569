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
            keys = _keys(frame[key], chunk.file.path)
            columns = [_ids(frame[ID]), *(_values(field, frame) for field in outputs)]
            made_us = finished.plan.begun_us
            for each, *own in zip(keys, *columns, strict=True):
                yield each, Row(made_us, tuple(own))


def _keys(column: pl.Series, path: str) -> list[str]:
    missing = column.null_count()
    if missing:
        raise InputError(
            f"Of {path}, {missing} rows or more that were answered have no value of "
            f"'{column.name}'.",
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
