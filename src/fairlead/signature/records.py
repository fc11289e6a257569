"""The slow, exact reading of rows that are plain Python objects.

It runs where the fast decoder has refused a request, to say everything that is wrong with it,
and for rows that a program hands over as dictionaries.
"""

from __future__ import annotations

from collections.abc import Mapping

from fairlead.errors import InputError
from fairlead.nearest import nearest
from fairlead.signature.columns import ABSENT, REFUSED, assemble, read_column
from fairlead.signature.findings import Findings
from fairlead.signature.read import describe
from fairlead.signature.types import Batch, Column, Signature

EMPTY = "There are no rows."
NAME_SHOWN = 80
NAMES_COMPARED_MAX = 50  # with the known ones, which takes long
ROWS_HINT = 'Send at least one row: {"rows": [{"<field>": <value>, ...}, ...]}.'


def from_records(signature: Signature, rows: object) -> Batch:
    """Read rows exactly.

    Args:
        signature: what the rows must fit.
        rows: a list; each row an object by field name, or a list with one value per input in
            the signature's order.

    Returns:
        The batch, as the fast decoder would have made it.

    Raises:
        InputError: something is wrong; names every row and field, up to a bounded list.

    Example:
        >>> from fairlead.signature import Field
        >>> ages = Signature(inputs=(Field(name="age", kind="number"),), outputs=())
        >>> from_records(ages, [{"age": 42}, [7]]).numbers.tolist()
        [[42.0], [7.0]]
    """
    if not isinstance(rows, list | tuple):
        raise InputError(f"The rows must be a list, got {describe(rows)}.", hint=ROWS_HINT)
    if not rows:
        raise InputError(EMPTY, hint=ROWS_HINT)
    findings = Findings(len(rows))
    named = [_by_name(signature, number, row, findings) for number, row in enumerate(rows)]
    if signature.extra == "error":
        _refuse_extra(signature, named, findings)
    columns: dict[str, Column] = {}
    for field in signature.inputs:
        values = [REFUSED if row is None else row.get(field.name, ABSENT) for row in named]
        column = read_column(field, values, findings)
        if column is not None:
            columns[field.name] = column
    findings.raise_if_any()
    return assemble(signature.inputs, len(rows), columns)


def _by_name(
    signature: Signature, number: int, row: object, findings: Findings
) -> Mapping[str, object] | None:
    """One row's values by field name, or None if it is not a row at all."""
    if isinstance(row, Mapping):
        return {str(name): value for name, value in row.items()}
    width = len(signature.inputs)
    expected = f"an object of fields, or a list of {width} values in the signature's order"
    if not isinstance(row, list | tuple):
        findings.add(f"expected {expected}, got {describe(row)}", row=number, expected=expected)
        return None
    if len(row) != width:
        findings.add(f"has {len(row)} values; expected {expected}", row=number, expected=expected)
        return None
    return {field.name: value for field, value in zip(signature.inputs, row, strict=True)}


def _refuse_extra(
    signature: Signature, rows: list[Mapping[str, object] | None], findings: Findings
) -> None:
    known = [field.name for field in signature.inputs]
    likely: dict[str, str | None] = {}
    for number, row in enumerate(rows):
        for name in row.keys() - set(known) if row else ():
            if name not in likely and len(likely) < NAMES_COMPARED_MAX:
                likely[name] = nearest(name, known)
            add_unknown(name, likely.get(name), number, findings)


def add_unknown(name: str, likely: str | None, row: int | None, findings: Findings) -> None:
    """Note a field that the signature does not know.

    Args:
        name: the field's name, as the caller wrote it.
        likely: the known name that is most like it.
        row: the row's number; None for all rows.
        findings: takes the problem.
    """
    ask = f"; did you mean '{likely}'?" if likely else ""
    findings.add(f"is not a field of this model{ask}", row=row, field=shown(name), nearest=likely)


def shown(name: object) -> str:
    """A name that a caller made up, cut to what fits into an error."""
    text = str(name)
    return text if len(text) <= NAME_SHOWN else text[:NAME_SHOWN] + "..."
