"""From any two frames to two profiles on the same bins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np

from fairlead.errors import InputError
from fairlead.profiles import (
    Profile,
    Summary,
    add_field,
    code_values,
    count_field,
    digest_rows,
    empty_field,
    no_fields,
    reference_field,
    sketch_rows,
)
from fairlead.profiles.categories import Coded
from fairlead.signature import Batch, Column, Field
from fairlead.signature.columns import assemble, read_column
from fairlead.signature.findings import Findings
from fairlead.signature.frame import read_at_once
from fairlead.signature.infer import infer_field
from fairlead.signature.tables import RawColumn, Table, read_table

DAY_US = 86_400_000_000
PERIODS_MIN = 8
FORMS = "pandas or Polars frames, NumPy arrays, dictionaries of arrays, or lists of records"


def read_frame(data: object) -> Table:
    """View data as columns.

    Args:
        data: as `read_table` takes it, or a dictionary of columns.

    Raises:
        InputError: it has another form, no rows, or columns of unequal lengths.
    """
    table = _columns(data) if isinstance(data, Mapping) else read_table(data)
    if not table.rows or not table.columns:
        raise InputError("There are no rows or no columns to compare.", hint=f"Give {FORMS}.")
    finite = {name: _finite(column) for name, column in table.columns.items()}
    return replace(table, columns=finite)


def profiles_of(
    reference: Table, current: Table
) -> tuple[Profile, Profile, dict[str, str], dict[str, str]]:
    """Profiles of two tables on the bins of the first.

    Columns of a kind that the reference's column does not have are left out of the second.

    Returns:
        Both profiles, the columns that are in neither, and the measures of which a difference
        is no change, each with the reason.

    Raises:
        InputError: no column can be compared.
    """
    columns = _matched(current, [*reference.columns])
    fields, ignored = _infer(reference)
    ignored |= {n: "it is not in the reference" for n in columns if n not in reference.columns}
    untested: dict[str, str] = {}
    frames: dict[str, Summary] = {}
    seen: dict[str, Summary] = {}
    rows_before, rows_after = no_fields(reference.rows), no_fields(current.rows)
    for field in fields:
        rows = _batch(field, reference.columns[field.name])
        if rows is None:
            ignored[field.name] = "in the reference its lists are of unequal lengths"
            continue
        first = _whole(field, rows)
        frames[field.name] = one = reference_field(field, first)
        later = _batch(field, columns.get(field.name))
        if later is not None:
            second = _whole(field, later)
            seen[field.name] = count_field(empty_field(one), second, None)
            add_field(rows_before, field.name, first)
            add_field(rows_after, field.name, second)
            if field.kind == "timestamp":
                untested |= _too_short(field.name, rows, later)
    if not frames:
        raise _incomparable()
    before = Profile(
        rows=reference.rows, inputs=frames, repeats=sketch_rows(digest_rows(rows_before))
    )
    after = Profile(rows=current.rows, inputs=seen, repeats=sketch_rows(digest_rows(rows_after)))
    return before, after, ignored, untested


def _too_short(name: str, *both: Batch) -> dict[str, str]:
    """Measures of times that follow from the span that rows were taken from.

    Ten days hold three weekdays twice, and an hour none but its own: only of spans eight times
    as long as a day or a week do these say something else than when they began and ended.
    """
    spans = []
    for batch in both:
        times = batch.column(name)
        times = np.sort(times[~np.isnat(times)].astype("datetime64[us]").astype(np.int64))
        left_out = len(times) // 100  # such as 1970, for what is not known
        inner = times[left_out : len(times) - left_out]
        spans.append(int(inner[-1] - inner[0]) if len(inner) else 0)
    return {
        f"{name}.{part}": f"Not tested: its times span less than {PERIODS_MIN} {said}."
        for part, period_us, said in (("hour", DAY_US, "days"), ("weekday", 7 * DAY_US, "weeks"))
        if min(spans) < PERIODS_MIN * period_us
    }


def _infer(reference: Table) -> tuple[list[Field], dict[str, str]]:
    """The fields of a reference, and columns whose values have no kind, each with the reason."""
    fields, ignored = [], {}
    for name, column in reference.columns.items():
        try:
            fields.append(_lenient(infer_field(column)))
        except InputError as error:
            ignored[name] = f"in the reference it {error.problems[0].message}"
    if not fields:
        raise _incomparable()
    return fields, ignored


def _incomparable() -> InputError:
    return InputError("No column of the reference can be compared.", hint=f"Give {FORMS}.")


def _lenient(field: Field) -> Field:
    """A field that takes whatever is a value of its kind: a comparison refuses no row."""
    kind = "number" if field.kind == "integer" else field.kind
    return msgspec.structs.replace(field, kind=kind, missing="allow", unknown="allow")


def _matched(current: Table, names: list[str]) -> Mapping[str, RawColumn]:
    """Columns by the reference's names; those of an array without names by their places."""
    if not current.positional or len(current.columns) != len(names):
        return current.columns
    return dict(zip(names, current.columns.values(), strict=True))


def _batch(field: Field, raw: RawColumn | None) -> Batch | None:
    """A column as a batch; None where it is not there, or of another kind."""
    if raw is None:
        return None
    column = read_at_once(field, raw.values)
    if column is None:
        column = read_column(field, list(_values(raw)), Findings(len(raw.values)))
    if column is None:
        return None
    return assemble((field,), len(raw.values), {field.name: column})


def _whole(field: Field, batch: Batch) -> Column | Coded:
    """A field's values, of categories as a dictionary."""
    column = batch.column(field.name)
    return code_values(column) if field.kind == "category" else column


def _values(raw: RawColumn) -> Iterator[object]:
    """The values one by one; times stay NumPy's, since `tolist` makes integers of some."""
    return iter(raw.values if raw.values.dtype.kind in "MO" else raw.values.tolist())


def _finite(column: RawColumn) -> RawColumn:
    """The column with what is infinite as missing, as profiles count it."""
    if column.values.dtype.kind != "f" or not np.isinf(column.values).any():
        return column
    finite = np.where(np.isinf(column.values), np.nan, column.values)
    return replace(column, values=finite)


def _columns(data: Mapping[Any, Any]) -> Table:
    columns = {str(name): _column(str(name), values) for name, values in data.items()}
    lengths = {len(column.values) for column in columns.values()}
    if len(lengths) > 1:
        raise InputError(
            "The columns are of unequal lengths.", hint="Give one value per row in each of them."
        )
    return Table(lengths.pop() if lengths else 0, columns)


def _column(name: str, values: Any) -> RawColumn:
    try:
        array = np.asanyarray(values)
    except ValueError:  # lists of unequal lengths
        array = np.empty(len(values), dtype=object)
        array[:] = values
    if array.ndim == 0:
        raise InputError(
            f"'{name}' is a single value, not a column.", hint="Give one value per row."
        )
    if array.ndim > 1:
        return RawColumn(name, array, array.dtype.name)
    return read_table(array, [name]).columns[name]
