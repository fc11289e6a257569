"""Labelled rows of the world, in the order in which they came: of what other libraries carry.

Their wheels are unpacked for the data alone, by `support/wheels.py`, and not imported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
from support.moving import Stream
from support.wheels import unpacked

RIVER = "river==0.26.1"
NANNYML = "nannyml==0.13.1"
YEAR_ROWS = 68_785
"""Of the census, of the first year."""
SHARE_MIN = 0.01


def real(*, quick: bool) -> Iterator[tuple[str, Callable[[], Stream] | None]]:
    """Streams by name; None where the wheel that carries it cannot be had.

    Args:
        quick: leave out the large one.
    """
    yield "digits, in the order of the file", _digits
    yield "breast cancer, in the order of the file", _cancer
    for name, file, read in OF_RIVER:
        yield f"river: {name}", _carried(RIVER, f"river/datasets/{file}", read)
    if not quick:
        name = "nannyml: who is employed, census of 2015 to 2018"
        yield name, _carried(NANNYML, "nannyml/datasets/data", _census)


def _carried(
    requirement: str, place: str, read: Callable[[Path], Stream]
) -> Callable[[], Stream] | None:
    folder = unpacked(requirement)
    return None if folder is None else partial(read, folder / place)


def _digits() -> Stream:
    from sklearn.datasets import load_digits

    inputs, truth = load_digits(return_X_y=True)
    return inputs, truth


def _cancer() -> Stream:
    from sklearn.datasets import load_breast_cancer

    inputs, truth = load_breast_cancer(return_X_y=True)
    return inputs, truth


def _phishing(path: Path) -> Stream:
    rows = pl.read_csv(path)
    return rows.drop("is_phishing").to_numpy().astype(float), rows["is_phishing"].to_numpy()


def _approval(path: Path) -> Stream:
    """A president's approval day by day, from five polls whose ways of asking change."""
    rows = pl.read_csv(path).drop("ordinal_date")
    return rows.drop("five_thirty_eight").to_numpy(), rows["five_thirty_eight"].to_numpy()


def _shares(path: Path) -> Stream:
    """How far ten shares together move, from how far each did the day before."""
    rows = pl.read_csv(path).drop("date").select(pl.all().abs())
    return rows.drop("next_day_return").to_numpy(), rows["next_day_return"].to_numpy()


OF_RIVER: tuple[tuple[str, str, Callable[[Path], Stream]], ...] = (
    ("Phishing", "phishing.csv.gz", _phishing),
    ("TrumpApproval", "trump_approval.csv.gz", _approval),
    ("SP500Stocks, how far they move", "sp500.csv.gz", _shares),
)


def _census(folder: Path) -> Stream:
    """A column for each value that was not rare in the first year, and the square of age."""
    later = pl.read_parquet(folder / "employment_MA_analysis.pq")
    truth = pl.read_parquet(folder / "employment_MA_analysis_target.pq")
    later = later.join(truth, on="id", how="left", maintain_order="left")
    first = pl.read_parquet(folder / "employment_MA_reference.pq").select(later.columns)
    said = ["id", "year", "prediction", "predicted_probability"]
    texts = pl.col(pl.Categorical).cast(pl.String)
    rows = pl.concat([part.with_columns(texts).drop(said) for part in (first, later)])
    columns = [rows["AGEP"].to_numpy(), rows["AGEP"].to_numpy() ** 2]
    for name in (name for name, dtype in rows.schema.items() if dtype == pl.String):
        known = rows[name][:YEAR_ROWS].value_counts(sort=True)
        usual = known.filter(pl.col("count") > SHARE_MIN * YEAR_ROWS)[name].drop_nulls()
        columns += [(rows[name] == value).to_numpy().astype(float) for value in usual[1:]]
    return np.column_stack(columns), rows["employed"].to_numpy()
