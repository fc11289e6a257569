"""A wide table of numbers and categories, in the forms that each subject is given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

NUMBERS, CATEGORIES = 40, (2, 3, 5, 8, 12, 20, 50, 100, 300, 1000)
MISSING_SHARE = 0.01


def make(rows: int, seed: int) -> Any:
    """A Polars table with a column `in.<name>` for each field, as the log has it."""
    import polars as pl

    random = np.random.default_rng(seed)
    columns: dict[str, Any] = {}
    for i in range(NUMBERS):
        kinds: tuple[Callable[[], Any], ...] = (
            lambda: random.normal(size=rows), lambda: random.lognormal(0, 0.8, rows),
            lambda: random.gamma(2, 1, rows), lambda: random.poisson(8, rows).astype(float),
        )  # fmt: skip
        values = kinds[i % len(kinds)]()
        values[random.random(rows) < MISSING_SHARE] = np.nan
        columns[f"in.n{i:02}"] = pl.Series(values, nan_to_null=True)
    for i, count in enumerate(CATEGORIES):
        shares = 1 / np.arange(1, count + 1) ** 1.1
        codes = random.choice(count, rows, p=shares / shares.sum()).astype(np.uint32)
        words = pl.Series([f"v{k:04}" for k in range(count)])
        column = words.gather(codes).to_frame("v")
        present = pl.Series("p", random.random(rows) >= MISSING_SHARE)
        columns[f"in.c{i}"] = column.select(pl.when(present).then("v").alias("v"))["v"]
    return pl.DataFrame(columns)


def signature() -> Any:
    """What a model that takes such rows says of them."""
    from fairlead.signature import Field, Signature

    numbers = [Field(name=f"n{i:02}", kind="number", missing="allow") for i in range(NUMBERS)]
    fields = [Field(name=f"c{i}", kind="category") for i in range(len(CATEGORIES))]
    return Signature(inputs=(*numbers, *fields), outputs=())


def batch(table: Any) -> Any:
    """The same rows as a model is given them."""
    from fairlead.signature import Batch

    names = tuple(f"n{i:02}" for i in range(NUMBERS))
    numbers = np.column_stack([table[f"in.{name}"].to_numpy() for name in names])
    columns = {f"c{i}": table[f"in.c{i}"].to_numpy() for i in range(len(CATEGORIES))}
    return Batch(len(table), names, numbers, columns)


def frame(table: Any) -> Any:
    """The same rows as people have them: a pandas frame."""
    found = table.to_pandas()
    return found.set_axis([name.removeprefix("in.") for name in found.columns], axis=1)


def save(table: Any, path: Path) -> None:
    """The same rows for `rivals/tables.py`, which may have NumPy and pandas alone to read them."""
    import polars as pl

    numbers = np.column_stack([table[f"in.n{i:02}"].to_numpy() for i in range(NUMBERS)])
    codes = [
        table[f"in.c{i}"].str.slice(1).cast(pl.Int16).fill_null(-1).to_numpy()
        for i in range(len(CATEGORIES))
    ]
    np.savez(path, numbers=numbers, codes=np.column_stack(codes))
