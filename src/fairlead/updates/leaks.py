"""What of the training rows a holdout must not know: rows that stand in both, fields that tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from fairlead.updates.tell import Telling, telling

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Leaks:
    """What of the training rows shows in the holdout.

    Args:
        repeated: whether each row of the holdout, inputs and label, stands in the training rows.
        usual: how many of the last training rows stand in the ones before: what repeats by
            itself, as rows of few categories do.
        usual_rows: how many last ones these are.
        telling: fields that tell the label of training rows and not that of the holdout.
    """

    repeated: Mask
    usual: int = 0
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

    Example:
        >>> train = pl.DataFrame({"age": range(10), "label": [0, 1] * 5})
        >>> holdout = pl.DataFrame({"age": [3, 3, 40], "label": [1, 0, 0]})
        >>> seek_leaks(train, holdout, fields=["age"], label="label").repeated.tolist()
        [True, False, False]
    """
    columns = [*fields, label]
    last = min(holdout.height, train.height // 2)
    before, after = train.head(train.height - last), train.tail(last)
    return Leaks(
        repeated=_repeated(train, holdout, columns),
        usual=int(_repeated(before, after, columns).sum()),
        usual_rows=last,
        telling=telling(train, holdout, fields, label),
    )


def _repeated(earlier: pl.DataFrame, later: pl.DataFrame, columns: Sequence[str]) -> Mask:
    """Which of the later rows stand among the earlier ones."""
    plain = [name for name in columns if earlier[name].dtype == later[name].dtype]
    cast = [pl.col(name).cast(pl.String) for name in columns if name not in plain]
    ours, theirs = (
        frame.select(*(pl.col(name) for name in plain), *cast).with_row_index("(row)")
        for frame in (later, earlier.unique(columns) if earlier.height else earlier)
    )
    found = ours.join(theirs, on=[*plain, *(n for n in columns if n not in plain)], how="semi",
                      nulls_equal=True)  # fmt: skip
    mask = np.zeros(later.height, dtype=np.bool_)
    mask[found["(row)"].to_numpy()] = True
    return mask
