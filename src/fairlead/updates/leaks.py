"""What of the training rows a holdout must not know: rows that stand in both, fields that tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl


@dataclass(frozen=True, slots=True)
class Telling:
    """A field that alone tells the label of training rows, and how well it does on the holdout.

    Args:
        field: of the inputs.
        trained: how well on training rows that the rule was not made from; 1 is perfectly.
        held: how well the same rule does on the holdout.
    """

    field: str
    trained: float
    held: float


@dataclass(frozen=True, slots=True)
class Leaks:
    """What of the training rows shows in the holdout.

    Args:
        repeated: whether each row of the holdout, inputs and label, stands in the training rows.
        usual: share of the last training rows that stand in the ones before: what repeats by
            itself, as rows of few categories do.
        usual_rows: of how many that share is.
        telling: fields that tell the label of training rows and not that of the holdout.
    """

    repeated: npt.NDArray[np.bool_]
    usual: float = 0.0
    usual_rows: int = 0
    telling: tuple[Telling, ...] = ()


def seek_leaks(
    train: pl.DataFrame, holdout: pl.DataFrame, *, fields: Sequence[str], label: str
) -> Leaks:
    """Look for what a holdout must not share with the training rows.

    Args:
        train: rows that were trained on, in the order of their time.
        holdout: rows that are judged on.
        fields: the inputs, columns of both.
        label: the column of labels of both.
    """
    raise NotImplementedError
