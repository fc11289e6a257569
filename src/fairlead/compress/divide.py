"""Rows divided by what they are for: to fit forms, to choose one, and to say what it loses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fairlead.errors import ConfigError
from fairlead.signature import Batch

FIT_SHARE = 0.4
"""Of the rows, where no others are given to fit forms to."""
CHOOSE_SHARE = 0.5
"""Of the rest."""
ROWS_MIN = 100
FIT_ROWS_MAX = 4000
"""More make a fit no better, and longer."""
FIT_NUMBERS_MAX = 32_000_000
"""Of wide rows fewer are taken, for memory."""

Values = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows, and their labels if they are known."""

    rows: Batch
    truth: Values | None


@dataclass(frozen=True, slots=True)
class Parts:
    """Rows by what they are for.

    Args:
        fit: that forms are fitted to; their labels are not looked at.
        choose: that forms are judged and chosen by.
        report: that nothing else is done with.
    """

    fit: Batch
    choose: Part
    report: Part


def divide(rows: Batch, truth: Values | None, *, fit: Batch | None, seed: int) -> Parts:
    """Draw which rows are for what.

    Args:
        rows: that the model has not learnt from.
        truth: their labels, shape (rows,); None if they are not known.
        fit: rows to fit forms to, such as those that the model learnt from; taken from `rows` if
            not given.
        seed: the same gives the same parts.

    Raises:
        ConfigError: there are too few rows.
    """
    if rows.rows < ROWS_MIN:
        raise ConfigError(
            f"There are {rows.rows} rows to choose by and to report on.",
            hint=f"Give {ROWS_MIN} or more; thousands tell small losses apart.",
        )
    drawn = np.random.default_rng(seed).permutation(rows.rows)
    first = 0 if fit is not None else round(FIT_SHARE * rows.rows)
    second = first + round(CHOOSE_SHARE * (rows.rows - first))
    fitted = rows.take(np.sort(drawn[:first])) if fit is None else fit
    return Parts(
        fit=_some(fitted, seed),
        choose=_part(rows, truth, np.sort(drawn[first:second])),
        report=_part(rows, truth, np.sort(drawn[second:])),
    )


def _some(rows: Batch, seed: int) -> Batch:
    columns = (rows.numbers, *rows.columns.values())
    width = sum(np.asarray(each[:1]).size for each in columns)
    most = max(ROWS_MIN, min(FIT_ROWS_MAX, FIT_NUMBERS_MAX // max(1, width)))
    if rows.rows <= most:
        return rows
    drawn = np.random.default_rng([seed, 1]).permutation(rows.rows)[:most]
    return rows.take(np.sort(drawn))


def _part(rows: Batch, truth: Values | None, places: npt.NDArray[np.intp]) -> Part:
    return Part(rows.take(places), None if truth is None else truth[places])
