"""Rows that fit a signature, part by part, so that a large frame is never there twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
from msgspec.structs import replace

from fairlead.errors import Problem
from fairlead.signature import Field, Signature
from fairlead.signature.columns import imputed
from fairlead.signature.sift import sift
from fairlead.signature.tables import read_table
from fairlead.updates.columns import dtype_of

PART_ROWS = 100_000
INPUT = "in."
"""Before the name of an input's column, so that no other one is called as it is."""

Mask = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Fitting:
    """Which rows fit a signature.

    Args:
        mask: those that do, shape (rows,).
        refused: place of the first that does not, and what is wrong with it; None if all fit.
    """

    mask: Mask
    refused: tuple[int, Problem] | None


def fitting(frame: pl.DataFrame, signature: Signature) -> Fitting:
    """Find the rows that fit.

    Args:
        frame: with the inputs as `in.<field>`; other columns do not matter.
        signature: of the model.

    Raises:
        InputError: all rows lack a field that may not be missing.
    """
    lenient = replace(signature, extra="ignore")
    mask = np.zeros(frame.height, dtype=np.bool_)
    refused = None
    for start, part in _parts(frame, signature):
        found = sift(lenient, read_table(part))
        mask[start + found.places] = True
        if refused is None and found.refused:
            place = min(found.refused)
            refused = start + place, found.refused[place][0]
    return Fitting(mask, refused)


def _parts(frame: pl.DataFrame, signature: Signature) -> Iterator[tuple[int, pl.DataFrame]]:
    """The inputs under their own names, some rows at a time."""
    names = {f"{INPUT}{field.name}": field.name for field in signature.inputs}
    there = {name: own for name, own in names.items() if name in frame.columns}
    for start in range(0, frame.height, PART_ROWS):
        yield start, frame[start : start + PART_ROWS].select(list(there)).rename(there)


def narrowed(columns: dict[str, pl.Series], places: Places, signature: Signature) -> pl.DataFrame:
    """Some rows, in some order, each input of the type that the signature says.

    Args:
        columns: by name; emptied, so that each goes before the next one is made.
        places: of the rows.
        signature: of the model, whose inputs are `in.<field>`.

    Returns:
        The inputs in the signature's order, then the other columns as they were.
    """
    made = [
        _typed(field, columns.pop(f"{INPUT}{field.name}", None), places)
        for field in signature.inputs
    ]
    while columns:
        made.append(columns.pop(next(iter(columns))).gather(places))
    return pl.DataFrame(made)


def _typed(field: Field, column: pl.Series | None, places: Places) -> pl.Series:
    name, dtype = f"{INPUT}{field.name}", dtype_of(field)
    if column is None:
        found = pl.Series(name, [None] * len(places), dtype=dtype)
    else:
        found = column.gather(places).cast(dtype, strict=False)
    if field.missing != "impute" or not found.null_count():
        return found
    return found.fill_null(pl.Series([imputed(field)]).cast(dtype).item())
