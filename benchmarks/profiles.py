"""What it costs to profile a window, to add two profiles up, and to keep one.

    python benchmarks/profiles.py [--quick] [--json PATH]

A window is a million rows of 50 columns, 40 numbers and 10 categories of 2 to 1000 values, 1 % of
all missing; the reference is a tenth of it. Beside it, the same window goes through a plain loop:
pandas for what a profile holds (counts on the same edges, moments, quantiles, distinct values),
then SciPy for a two-sample test of each column. CPU seconds are those of all threads of this
process, the least of several; on a machine that others use, that is the figure to trust.

It ends with the bars, and exits with 1 if one is missed; `--quick` is too short to judge.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from support.bars import Bar

NUMBERS, CATEGORIES = 40, (2, 3, 5, 8, 12, 20, 50, 100, 300, 1000)
MISSING_SHARE = 0.01
MERGES = 50


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows, no verdict")
    parser.add_argument("--json", type=Path, help="write the numbers here")
    given = parser.parse_args()
    rows, repeats = (100_000, 1) if given.quick else (1_000_000, 3)
    reference, window = _window(rows // 10, 0), _window(rows, 1)
    numbers = _profiles(reference, window, repeats) | _plain(reference, window)
    numbers["times less than the plain loop"] = (
        numbers["plain: summarise, CPU s"] / numbers["profile a table, CPU s"]
    )
    for name, value in numbers.items():
        print(f"{name:40}{value:12.3f}")
    bars = [
        Bar("profile of a batch, CPU s", numbers["profile a batch, CPU s"], 3, most=True),
        Bar("profile of a table, CPU s", numbers["profile a table, CPU s"], 3, most=True),
        Bar("merge of two profiles, ms", numbers["merge, CPU ms"], 2, most=True),
        Bar("size of a profile, kB", numbers["profile, kB"], 60, most=True),
    ]
    print(*bars, sep="\n")
    if given.json:
        given.json.write_text(json.dumps(numbers, indent=2))
    sys.exit(not (given.quick or all(bar.reached for bar in bars)))


def _window(rows: int, seed: int) -> Any:
    """A table with a column `in.<name>` for each field."""
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


def _profiles(reference: Any, window: Any, repeats: int) -> dict[str, float]:
    from fairlead.profiles import decode, encode, make_reference, merge, observe, observe_table

    inputs = _batch(window)
    frozen_s, frozen = _least(1, lambda: make_reference(_signature(), _batch(reference)))
    batch_s, profile = _least(repeats, lambda: observe(frozen, inputs))
    table_s, same = _least(repeats, lambda: observe_table(frozen, window))
    assert profile == same
    raw = encode(profile)
    other = decode(raw)
    merge_s, _ = _least(5, lambda: [merge(profile, other) for _ in range(MERGES)])
    encode_s, _ = _least(5, lambda: encode(profile))
    decode_s, _ = _least(5, lambda: decode(raw))
    return {
        "reference of a tenth, CPU s": frozen_s,
        "profile a batch, CPU s": batch_s,
        "profile a table, CPU s": table_s,
        "merge, CPU ms": merge_s / MERGES * 1e3,
        "encode, CPU ms": encode_s * 1e3,
        "decode, CPU ms": decode_s * 1e3,
        "profile, kB": len(raw) / 1e3,
    }


def _signature() -> Any:
    from fairlead.signature import Field, Signature

    numbers = [Field(name=f"n{i:02}", kind="number", missing="allow") for i in range(NUMBERS)]
    fields = [Field(name=f"c{i}", kind="category") for i in range(len(CATEGORIES))]
    return Signature(inputs=(*numbers, *fields), outputs=())


def _batch(table: Any) -> Any:
    """The same rows as a model is given them."""
    from fairlead.signature import Batch

    names = tuple(f"n{i:02}" for i in range(NUMBERS))
    numbers = np.column_stack([table[f"in.{name}"].to_numpy() for name in names])
    columns = {f"c{i}": table[f"in.c{i}"].to_numpy() for i in range(len(CATEGORIES))}
    return Batch(len(table), names, numbers, columns)


def _plain(reference: Any, window: Any) -> dict[str, float]:
    before, after = reference.to_pandas(), window.to_pandas()
    summarise_s, _ = _least(1, lambda: _summarise(before, after))
    test_s, _ = _least(1, lambda: _test(before, after))
    return {"plain: summarise, CPU s": summarise_s, "plain: test, CPU s": test_s}


def _summarise(before: Any, after: Any) -> Any:
    import pandas as pd

    shares = np.linspace(0, 1, 33)
    found = {}
    for name, column in after.items():
        if column.dtype == "float64":
            edges = np.unique(before[name].quantile(shares))
            binned = pd.cut(column, [-np.inf, *edges, np.inf]).value_counts()
            found[name] = column.describe(), binned, column.nunique(), column.isna().sum()
        else:
            found[name] = column.value_counts(dropna=False), column.nunique()
    return found


def _test(before: Any, after: Any) -> Any:
    import pandas as pd
    from scipy import stats

    found = {}
    for name, column in after.items():
        a, b = before[name].dropna(), column.dropna()
        if column.dtype == "float64":
            found[name] = stats.ks_2samp(a, b, method="asymp")
        else:
            counts = pd.concat([a.value_counts(), b.value_counts()], axis=1).fillna(0)
            found[name] = stats.chi2_contingency(counts)
    return found


def _least(repeats: int, run: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds of all threads, the least of several runs, and what the last one gave."""
    used_s, found = [], None
    for _ in range(repeats):
        started_s = time.process_time()
        found = run()
        used_s.append(time.process_time() - started_s)
    return min(used_s), found


if __name__ == "__main__":
    main()
