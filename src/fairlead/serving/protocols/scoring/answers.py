"""An answer of one or several arms as columns of plain values, in the request's order."""

from __future__ import annotations

from typing import Any

from fairlead.serving.types import Answer
from fairlead.signature import Signature, to_columns


def columns_of(answer: Answer, signature: Signature) -> dict[str, list[Any]]:
    """The outputs of all rows, by field.

    Args:
        answer: of the data plane.
        signature: the endpoint's, which names the outputs where there are no rows.
    """
    if len(answer.parts) == 1 and answer.parts[0].places is None:
        part = answer.parts[0]
        return to_columns(part.fields, part.outputs)
    fields = [f for part in answer.parts for f in part.fields] or signature.outputs
    columns: dict[str, list[Any]] = {field.name: [None] * answer.rows for field in fields}
    for part in answer.parts:
        places = range(answer.rows) if part.places is None else part.places
        for name, values in to_columns(part.fields, part.outputs).items():
            for place, value in zip(places, values, strict=True):
                columns[name][place] = value
    return columns


def records_of(columns: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """One object for each row.

    Example:
        >>> records_of({"a": [1, 2], "b": ["x", "y"]})
        [{'a': 1, 'b': 'x'}, {'a': 2, 'b': 'y'}]
    """
    names = tuple(columns)
    return [dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)]
