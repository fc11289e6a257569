"""From the sealed log to profiles, without an object for each value.

The table is asked through its own methods, so that its library is never imported here.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fairlead.profiles.build import observe_columns
from fairlead.profiles.categories import Coded, code_values
from fairlead.profiles.fields import Values
from fairlead.profiles.types import Categorical, Numeric, Profile, Summary
from fairlead.signature import Numbers
from fairlead.signature.tables import read_table

_TEXTS = frozenset({"String", "Categorical", "Enum", "Binary", "Null"})
MISSING = 2**32 - 1
"""As an unsigned integer, what -1 is as a signed one."""

FIRST_ROWS = 2**14
"""Mostly they hold all categories there are."""

_CODED = frozenset({"String", "Categorical", "Enum"})
_TYPES = {
    "text": _TEXTS,
    "image": _TEXTS,
    "audio": _TEXTS,
    "timestamp": frozenset({"Datetime", "Date", "Null"}),
    "tensor": frozenset({"List", "Array", "Null"}),
}
"""Those that a column of each kind may have in a table."""


def observe_table(reference: Profile, table: Any, *, metrics: Sequence[str] = ()) -> Profile:
    """Count the rows of a table on the edges and categories of a reference.

    Columns that are absent, or of a type that their field cannot have (as when a field was
    a number in one version and a vector in the next), count neither values nor missing ones.

    Args:
        reference: any profile with the frozen edges.
        table: a Polars DataFrame as the prediction log gives it: `in.<field>`, `out.<field>`,
            and where there are such columns `time`, and `outcome`, by which answers are taken
            from rows that were answered alone.
        metrics: columns of numbers that are summarised too.
    """
    answered = table
    if "outcome" in table.columns:
        answered = table.filter(table["outcome"] == "ok")
    numbers = {name: _numbers(table, name) for name in metrics}
    return observe_columns(
        reference,
        len(table),
        _fields(reference.inputs, table, "in."),
        _fields(reference.outputs, answered, "out."),
        times_us=_times_us(table),
        metrics={name: values for name, values in numbers.items() if values is not None},
    )


def _fields(frames: Mapping[str, Summary], table: Any, prefix: str) -> dict[str, Values]:
    found = {name: _values(frame, table, prefix + name) for name, frame in frames.items()}
    return {name: values for name, values in found.items() if values is not None}


def _values(frame: Summary, table: Any, name: str) -> Values | None:
    """The values of a column as their summary takes them; None if it cannot."""
    if isinstance(frame, Numeric):
        return _numbers(table, name)
    if name not in table.columns:
        return None
    series = table[name]
    if isinstance(frame, Categorical):
        return None if series.dtype.is_nested() else _coded(series)
    if type(series.dtype).__name__ not in _TYPES[frame.kind]:
        return None
    column = read_table(table.select(name)).columns[name].values
    return column.astype("datetime64[us]") if frame.kind == "timestamp" else column


def _numbers(table: Any, name: str) -> Numbers | None:
    if name not in table.columns:
        return None
    dtype = table[name].dtype
    if type(dtype).__name__ not in ("Boolean", "Null") and not dtype.is_numeric():
        return None
    numbers: Numbers = read_table(table.select(name)).columns[name].values
    return numbers.astype(np.float64, copy=False)


def _coded(series: Any) -> Coded:
    """A column of text as places in a dictionary; of other types value by value."""
    if type(series.dtype).__name__ not in _CODED:
        return code_values(read_table(series.to_frame()).columns[series.name].values)
    library = sys.modules[type(series).__module__.partition(".")[0]]
    column = series.cast(library.Categorical)
    places = column.to_physical()
    codes = places.fill_null(MISSING).to_numpy().view(np.int32)
    known = (places.max() if len(codes) else None) or 0
    last = np.full(known + 2, -1)  # where each of them is, and what is missing at the end
    for rows in (slice(0, FIRST_ROWS), slice(0, None)):
        last[codes[rows]] = np.arange(len(codes))[rows]
        if (last[:-1] >= 0).all():
            break
    values = column.gather(last[:-1].clip(0)).cast(library.String).to_list() if len(codes) else []
    return Coded(codes, [v if place >= 0 else None for v, place in zip(values, last, strict=False)])


def _times_us(table: Any) -> Any:
    if "time" not in table.columns:
        return None
    times = read_table(table.select("time")).columns["time"].values
    return times.astype("datetime64[us]").astype(np.int64)
