"""Rows that fit a signature told from those that do not, where a few bad ones must stop nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from fairlead.errors import InputError, Problem
from fairlead.signature.findings import Findings
from fairlead.signature.frame import from_table, read_fields
from fairlead.signature.tables import Table
from fairlead.signature.types import Batch, Signature

Places = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Sifted:
    """What became of the rows of a table.

    Args:
        batch: those that fit; None if there are none.
        places: of these in the table, rising.
        refused: what is wrong with each of the others, by place.
    """

    batch: Batch | None
    places: Places
    refused: dict[int, tuple[Problem, ...]]


def sift(signature: Signature, table: Table) -> Sifted:
    """Read a table as `from_frame` does, but row by row where something is wrong.

    Args:
        signature: what the rows must fit.
        table: of any number of rows.

    Raises:
        InputError: it is wrong with all rows alike: a field has no column, or a column no field.

    Example:
        >>> from fairlead.signature import Field
        >>> from fairlead.signature.tables import read_table
        >>> ages = Signature(inputs=(Field(name="age", kind="number"),), outputs=())
        >>> found = sift(ages, read_table([{"age": 42}, {"age": "old"}, {"age": 7}]))
        >>> found.places.tolist(), found.refused[1][0].message
        ([0, 2], 'expected a finite number, got text.')
    """
    places = np.arange(table.rows)
    refused: dict[int, tuple[Problem, ...]] = {}
    while len(places):
        try:
            return Sifted(from_table(signature, table), places, refused)
        except InputError:
            wrong = _wrong(signature, table)
        refused |= {int(places[row]): problems for row, problems in wrong.items()}
        right = np.array([row not in wrong for row in range(table.rows)])
        places, table = places[right], _take(table, right)
    return Sifted(None, places, refused)


def _wrong(signature: Signature, table: Table) -> dict[int, tuple[Problem, ...]]:
    """All that is wrong, by row.

    Raises:
        InputError: it is wrong with all rows.
    """
    findings = Findings(table.rows, listed_max=table.rows)
    read_fields(signature, table, findings)
    by_row: dict[int, tuple[Problem, ...]] = {}
    for problem in findings.described:
        if problem.row is None:
            raise findings.error()
        by_row[problem.row] = (*by_row.get(problem.row, ()), problem)
    return by_row


def _take(table: Table, rows: npt.NDArray[np.bool_]) -> Table:
    columns = {n: replace(each, values=each.values[rows]) for n, each in table.columns.items()}
    return replace(table, rows=int(rows.sum()), columns=columns)
