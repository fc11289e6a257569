"""From answers to the bytes of a part: Parquet, CSV or JSON lines."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from fairlead.batch.types import Form
from fairlead.errors import ConfigError
from fairlead.ids import Ids
from fairlead.signature import NUMERIC, Batch, Column, Field

if TYPE_CHECKING:
    import polars as pl

ID = "prediction_id"
"""The column of prediction ids."""
_QUOTED = re.compile(r"'[^']*'")
_CALLED = {"csv": "CSV", "jsonl": "JSON"}
DIGITS_ROWS = 1 << 16
"""Of which ids differ in their last four digits alone."""


def answer_names(fields: Sequence[Field]) -> list[str]:
    """The columns of answers: an output whose elements have names is one for each of them.

    Example:
        >>> answer_names([Field(name="p", kind="tensor", shape=(2,), categories=("no", "yes"))])
        ['p_no', 'p_yes']
    """
    return [name for field in fields for name in _names(field)]


def _names(field: Field) -> list[str]:
    if field.kind == "tensor" and field.categories and len(field.shape) == 1:
        return [f"{field.name}_{name}" for name in field.categories]
    return [field.name]


def check_names(fields: Sequence[Field], kept: Sequence[str]) -> None:
    """See that no column that is kept has the name of one that is written.

    Raises:
        ConfigError: one does.
    """
    written = [ID, *answer_names(fields)]
    twice = [name for name in kept if name in written]
    if twice:
        raise ConfigError(
            f"The column '{twice[0]}' cannot be kept: the answers have one of this name.",
            hint="Rename it in the input.",
        )


def check_types(columns: Mapping[str, str], kept: Sequence[str], form: Form) -> None:
    """See that what is kept can be written.

    Args:
        columns: types by their names, as Polars writes them.
        kept: names of those that are kept.
        form: of the parts.

    Raises:
        ConfigError: a column cannot.

    Example:
        >>> check_types({"photo": "Binary"}, ["photo"], "parquet")
    """
    for name in kept:
        kind = _QUOTED.sub("", columns.get(name, ""))
        if (form in ("csv", "jsonl") and "Binary" in kind) or (
            form == "csv" and kind.startswith("Duration")
        ):
            raise ConfigError(
                f"The column '{name}' cannot be kept: {_CALLED[form]} cannot hold its values.",
                hint="Name a folder as the output, which gets Parquet; or leave the column out.",
            )


def id_series(ids: Ids) -> pl.Series:
    """Ids as a column of text, without a look at each.

    Example:
        >>> id_series(Ids(bytes(10), 0xFFFF, 2)).to_list()
        ['00000000-0000-0000-0000-00000000ffff', '00000000-0000-0000-0000-000000010000']
    """
    import polars as pl

    end = ids.low + ids.count
    blocks = [
        Ids(ids.head, start, 1).texts()[0][:-4]
        + _last_digits()[max(ids.low - start, 0) : min(end - start, DIGITS_ROWS)]
        for start in range(ids.low // DIGITS_ROWS * DIGITS_ROWS, end, DIGITS_ROWS)
    ]
    return pl.concat(blocks).alias(ID)


@cache
def _last_digits() -> pl.Series:
    """The last four digits of ids."""
    import polars as pl

    return pl.Series([f"{number:04x}" for number in range(DIGITS_ROWS)], dtype=pl.String)


def answers_frame(
    ids: pl.Series, kept: pl.DataFrame, fields: Sequence[Field], answers: Batch
) -> pl.DataFrame:
    """Ids, columns that are kept, and answers, beside each other.

    Args:
        ids: of the rows, from `id_series`.
        kept: as many rows, or no column.
        fields: of the answers.
        answers: as many rows.
    """
    import polars as pl

    columns = [ids, *kept.get_columns()]
    columns += [each for field in fields for each in _series(field, answers.column(field.name))]
    return pl.DataFrame(columns)


def _series(field: Field, column: Column) -> Iterator[pl.Series]:
    import polars as pl

    names = _names(field)
    if len(names) > 1 or names[0] != field.name:
        matrix = np.asarray(column, dtype=np.float64)
        for place, name in enumerate(names):
            yield pl.Series(name, np.ascontiguousarray(matrix[:, place]), nan_to_null=True)
        return
    dtypes: dict[str, Any] = {"integer": pl.Int64, "boolean": pl.Boolean}
    if field.kind in NUMERIC:
        numbers = pl.Series(field.name, np.ascontiguousarray(column), nan_to_null=True)
        yield numbers.cast(dtypes[field.kind]) if field.kind in dtypes else numbers
    elif field.kind == "timestamp":
        yield pl.Series(field.name, column).dt.replace_time_zone("UTC")
    elif field.kind == "tensor":
        flat = np.asarray(column).reshape(len(column), -1)
        yield pl.Series(field.name, flat.astype(np.float64)).arr.to_list()
    elif field.kind in ("image", "audio"):
        yield pl.Series(field.name, [_base64(value) for value in column.tolist()], dtype=pl.String)
    else:
        yield pl.Series(field.name, column.tolist(), strict=False)


def _base64(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode("ascii")


def write_part(frame: pl.DataFrame, form: Form) -> bytes:
    """The bytes of a part; the same rows give the same bytes.

    CSV has no line of names: `heading` is written once, above all parts. Its times are ISO 8601,
    its lists JSON.
    """
    out = io.BytesIO()
    if form == "csv":
        _flat(frame).write_csv(out, include_header=False, datetime_format="%Y-%m-%dT%H:%M:%S%.6fZ")
    elif form == "jsonl":
        frame.write_ndjson(out)
    else:
        frame.write_parquet(out, compression="zstd", statistics=True)
    return out.getvalue()


def heading(names: Sequence[str]) -> bytes:
    """The first line of a CSV."""
    import polars as pl

    out = io.BytesIO()
    pl.DataFrame({name: [] for name in names}).write_csv(out)
    return out.getvalue()


def _flat(frame: pl.DataFrame) -> pl.DataFrame:
    """Lists as JSON, times in UTC, as their ending says."""
    import polars as pl
    import polars.selectors as cs

    nested = [name for name, dtype in frame.schema.items() if dtype.is_nested()]
    written = [
        pl.struct(pl.col(name).alias(""))
        .struct.json_encode()
        .str.strip_prefix('{"":')
        .str.strip_suffix("}")
        .alias(name)
        for name in nested
    ]
    zoned = cs.datetime(time_zone="*").dt.convert_time_zone("UTC")
    return frame.with_columns(zoned, *written)
