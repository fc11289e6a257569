"""From single values to columns, exactly: policies for what is missing, and every problem named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from fairlead.signature.findings import Findings
from fairlead.signature.kinds import RULES
from fairlead.signature.read import Refused, element, is_missing, shape_in_words
from fairlead.signature.types import CACHED_ROWS, NUMERIC, Batch, Column, Field

ABSENT: object = object()
"""Stands for the value of a row that lacks the field altogether."""

REFUSED: object = object()
"""Stands for the value of a row that was refused as a whole, and is passed over."""

NAT = np.iinfo(np.int64).min  # what NumPy takes for "not a time"


def imputed(field: Field) -> object:
    """The value put in where a policy is `impute`, as it stands in a column."""
    assert field.impute is not None
    if field.kind == "category":
        return field.impute
    return RULES[field.kind].reader(field)(field.impute)


def blank(field: Field) -> object:
    """What stands in a column for a value that is missing and may be."""
    if field.kind in NUMERIC:
        return float("nan")
    return NAT if field.kind == "timestamp" else None


def absent(fields: Sequence[Field], rows: int, like: Batch | None = None) -> Batch:
    """Rows that have no value of any field.

    Args:
        fields: that a batch of them has.
        rows: how many.
        like: rows that they are to stand beside, whose tensors they take the shape of.
    """
    columns: dict[str, Column] = {}
    for field in fields:
        if field.kind == "tensor":
            shape = field.shape if like is None else like.columns[field.name].shape[1:]
            whole = (rows, *(max(1, length) for length in shape))
            numbers = element(field).kind == "f"
            columns[field.name] = np.full(whole, np.nan if numbers else 0).astype(element(field))
        else:
            columns[field.name] = pack(field, [blank(field)] * rows)
    return assemble(fields, rows, columns)


def read_column(field: Field, values: Sequence[object], findings: Findings) -> Column | None:
    """Read one field of all rows.

    Args:
        field: what is expected.
        values: one per row; None, NaN or `ABSENT` where there is none.
        findings: takes what is wrong.

    Returns:
        The column as a batch holds it, or None if something is wrong with it.
    """
    rule = RULES[field.kind]
    read, before = rule.reader(field), findings.count
    instead = imputed(field) if field.missing == "impute" else blank(field)
    out: list[object] = []
    for row, value in enumerate(values):
        if value is REFUSED:
            continue
        if value is ABSENT or is_missing(value):
            if field.missing == "error":
                add_missing(field, row, findings)
            out.append(instead)
            continue
        try:
            out.append(read(value))
        except Refused as refused:
            expected = rule.expected(field)
            message = f"expected {expected}, got {refused.got}. {refused.hint}".rstrip()
            findings.add(message, row=row, field=field.name, expected=expected)
    if findings.count > before or len(out) < len(values):
        return None
    return _stack_tensors(field, out, findings) if field.kind == "tensor" else pack(field, out)


def pack(field: Field, values: Sequence[object]) -> Column:
    """Values that were read, as a column; tensors apart."""
    if field.kind in NUMERIC:
        return np.array(values, dtype=np.float64)
    if field.kind == "timestamp":
        return np.array(values, dtype=np.int64).view("datetime64[us]")
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def _stack_tensors(field: Field, values: list[object], findings: Findings) -> Column | None:
    arrays = [np.asarray(value) for value in values]
    before = findings.count
    for row, array in enumerate(arrays):
        if array.shape != arrays[0].shape:
            findings.add(
                f"has shape {shape_in_words(array.shape)}, row 0 has "
                f"{shape_in_words(arrays[0].shape)}: the rows of one request must be alike.",
                row=row,
                field=field.name,
                expected=RULES["tensor"].expected(field),
            )
    if findings.count > before:
        return None
    return np.stack(arrays) if arrays else np.empty((0, *field.shape), dtype=element(field))


def add_missing(field: Field, row: int | None, findings: Findings) -> None:
    """Note that a field has no value, in one row or (None) in all."""
    expected = RULES[field.kind].expected(field)
    findings.add(f"is missing; expected {expected}", row=row, field=field.name, expected=expected)


def assemble(inputs: Sequence[Field], rows: int, columns: Mapping[str, Column]) -> Batch:
    """Make a batch of columns that were read.

    Args:
        inputs: the signature's inputs.
        rows: how many there are.
        columns: one per input, each of length `rows`.
    """
    numeric = tuple(field.name for field in inputs if field.kind in NUMERIC)
    numbers = np.empty((rows, len(numeric)), dtype=np.float64)
    for start in range(0, rows, CACHED_ROWS):
        block = slice(start, start + CACHED_ROWS)
        for place, name in enumerate(numeric):
            numbers[block, place] = columns[name][block]
    others = {f.name: columns[f.name] for f in inputs if f.kind not in NUMERIC}
    return Batch(rows, numeric, numbers, others)
