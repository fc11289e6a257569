"""The hot path of replies: columns of answers to rows of JSON.

A Struct made from the fields costs a quarter of a dictionary to make and to write, and it is
made in C, a column at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import msgspec

from fairlead.signature.frame import to_column
from fairlead.signature.types import Batch, Field

Make = Callable[..., Any]


class RowEncoder:
    """Makes the rows of replies with some fields.

    Args:
        before: names of what stands before the fields in each row; a field of such a name is
            called `out.<name>`.
        fields: of a batch.

    Example:
        >>> import numpy as np
        >>> encoder = RowEncoder(("id",), (Field(name="score", kind="number"),))
        >>> rows = encoder.rows([["a", "b"]], Batch(2, ("score",), np.array([[0.5], [2.0]]), {}))
        >>> msgspec.json.encode(rows)
        b'[{"id":"a","score":0.5},{"id":"b","score":2.0}]'
    """

    def __init__(self, before: tuple[str, ...], fields: Sequence[Field]) -> None:
        self._columns = [_reader(field) for field in fields]
        self._row = _maker([*before, *(name_beside(before, f.name) for f in fields)])

    def rows(self, before: Sequence[Iterable[Any]], batch: Batch) -> list[Any]:
        """Each row of answers as what msgspec writes as an object.

        Args:
            before: the values that stand first in each row, by name; some may go on for ever.
            batch: the answers.
        """
        return list(map(self._row, *before, *[column(batch) for column in self._columns]))


def _reader(field: Field) -> Callable[[Batch], list[Any]]:
    """What takes the values of one field out of a batch, fit for JSON."""
    if not _is_named(field):
        return partial(to_column, field)
    make = _maker(map(str, field.categories or ()))
    return lambda batch: list(map(make, *batch.columns[field.name].T.tolist()))


def name_beside(before: Sequence[str], name: str) -> str:
    """What a field is called in rows where other names stand before it.

    Example:
        >>> name_beside(("id", "arm"), "arm"), name_beside(("id", "arm"), "score")
        ('out.arm', 'score')
    """
    return f"out.{name}" if name in before else name


def _is_named(field: Field) -> bool:
    """Whether its rows are objects by the names of the last axis, such as probabilities."""
    return field.kind == "tensor" and bool(field.categories) and len(field.shape) == 1


def _maker(names: Iterable[str]) -> Make:
    """What makes an object of values in the order of their names."""
    listed = list(names)
    renamed = {f"f{place}": name for place, name in enumerate(listed)}
    try:
        return msgspec.defstruct("Row", list(renamed), rename=renamed, gc=False)
    except ValueError:  # a name that is twice there, or that no Struct can have
        return lambda *values: dict(zip(listed, values, strict=True))
