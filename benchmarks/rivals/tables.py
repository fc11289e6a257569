"""The rows that all rivals look at, as `benchmarks/profiles.py` left them, and what they used."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

RUNS, RUNS_S_MAX = 3, 100.0


def frames(folder: Path) -> tuple[Any, Any]:
    """The reference and the window, each a frame of numbers and texts."""
    reference, window = (_frame(folder / f"{name}.npz") for name in ("reference", "window"))
    return reference, window


def report(library: str, rows: int, run: Callable[[], Any]) -> None:
    """Print as JSON what a run took, user and system time of all threads and children.

    It is the least of three runs, as it is for ourselves, or of as many as begin in 100 seconds.
    """
    used_s: list[float] = []
    while len(used_s) < RUNS and sum(used_s) < RUNS_S_MAX:
        before_s = _cpu_s()
        run()
        used_s.append(_cpu_s() - before_s)
    used = {
        "rows": rows,
        "cpu_s": min(used_s),
        "runs": len(used_s),
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in (library, "numpy", "pandas")},
    }
    print(json.dumps(used))


def _frame(path: Path) -> Any:
    saved = np.load(path)
    numbers, codes = saved["numbers"], saved["codes"]
    columns: dict[str, Any] = {f"n{i:02}": column for i, column in enumerate(numbers.T)}
    for i, column in enumerate(codes.T):
        words = np.array([f"v{k:04}" for k in range(column.max() + 1)] + [None], dtype=object)
        columns[f"c{i}"] = words[column]
    return pd.DataFrame({name: np.ascontiguousarray(column) for name, column in columns.items()})


def _cpu_s() -> float:
    every = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in every)
