"""An answer of one or several arms as columns of plain values, in the request's order."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from fairlead.ids import text
from fairlead.serving.message import Response
from fairlead.serving.types import Answer
from fairlead.signature import Signature, to_columns

IDS_HEADER = b"fairlead-prediction-id"
IDS_MAX = 100
"""More would be a header that proxies refuse."""


def with_ids(write: Callable[[Answer], Response]) -> Callable[[Answer], Response]:
    """Name the predictions in a header of the reply, where a protocol's body has no place for it.

    The ids stand in the order of the rows, with commas between; of more than `IDS_MAX` rows none
    is named.

    Args:
        write: the protocol's way to write a body.
    """
    return partial(_write_with_ids, write)


def _write_with_ids(write: Callable[[Answer], Response], answer: Answer) -> Response:
    response = write(answer)
    if not 0 < answer.rows <= IDS_MAX:
        return response
    header = IDS_HEADER, ",".join(map(text, answer.ids())).encode()
    return msgspec.structs.replace(response, headers=(*response.headers, header))


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
