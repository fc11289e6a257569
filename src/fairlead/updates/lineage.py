"""Exactly which rows something was made of: from which to which, and a digest of them."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from fairlead.packaging.environment import data_digest
from fairlead.signature import Batch
from fairlead.signature.tables import read_table
from fairlead.updates.types import RowRange

BLOCK_ROWS = 100_000
"""That are digested together: part of the digest's definition."""


def range_of(rows: pl.DataFrame) -> RowRange:
    """The range of some rows of the log.

    Args:
        rows: `id`, `time`, and what is digested beside the id: inputs and `label`; by time.
    """
    if rows.is_empty():
        return RowRange(rows=0)
    times = rows["time"].dt.epoch("us")
    return RowRange(
        rows=rows.height,
        first=rows["id"][0],
        last=rows["id"][-1],
        from_us=times[0],
        to_us=times[-1],
        digest=_digest(rows),
    )


def _digest(rows: pl.DataFrame) -> str:
    """SHA-256 over the digests of blocks of rows, so that they need no second place in memory."""
    whole = hashlib.sha256()
    for start in range(0, rows.height, BLOCK_ROWS):
        block = read_table(rows[start : start + BLOCK_ROWS].drop("time"))
        columns = {name: _plain(each.values) for name, each in block.columns.items()}
        batch = Batch(block.rows, (), np.empty((block.rows, 0)), columns)
        whole.update(bytes.fromhex(data_digest(batch)))
    return whole.hexdigest()


def _plain(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Lists, as tensors of unequal lengths are, as arrays."""
    if not any(isinstance(value, list) for value in values[:1].tolist()):
        return values
    plain = np.empty(len(values), dtype=object)
    for place, value in enumerate(values):
        plain[place] = np.asarray(value)
    return plain
