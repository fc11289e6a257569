"""Rows of a table of predictions as answers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np

from fairlead.errors import StorageError
from fairlead.lookup import Row, Snapshot
from fairlead.precomputed.types import Precomputed
from fairlead.signature import Batch, Column, Field
from fairlead.signature.columns import assemble, blank, pack
from fairlead.signature.read import element


def made_of(snapshot: Snapshot) -> Precomputed:
    """What a snapshot says of its predictions.

    Raises:
        StorageError: it says nothing that can be understood.
    """
    try:
        return _decoded(snapshot.about)
    except msgspec.DecodeError:
        raise StorageError(
            f"The look-up table '{snapshot.table}' is damaged.", hint="Precompute again."
        ) from None


@lru_cache(maxsize=256)
def _decoded(about: str) -> Precomputed:
    return msgspec.json.decode(about, type=Precomputed)


def answers_of(made: Precomputed, rows: Sequence[Row]) -> Batch:
    """Rows as the answers that the version gave.

    Args:
        made: what is known of them.
        rows: at least one.
    """
    columns = {
        field.name: _column(field, [row.values[place] for row in rows])
        for place, field in enumerate(made.outputs, 1)
    }
    return assemble(made.outputs, len(rows), columns)


def parent_of(row: Row) -> bytes:
    """The id of the prediction that a row holds."""
    raw: bytes = row.values[0]
    return raw


def _column(field: Field, values: list[Any]) -> Column:
    if field.kind != "tensor":
        instead = blank(field)
        return pack(field, [instead if value is None else value for value in values])
    flat = [[np.nan if one is None else one for one in value] for value in values]
    return np.array(flat, dtype=element(field)).reshape(len(values), *field.shape)
