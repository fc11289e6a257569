"""What a batch job costs, beside a loop that is written by hand and one that goes row by row.

    python benchmarks/batch.py [--quick] [--rows N] [--json PATH]

A gradient boosting of 100 trees answers rows of 30 numbers that lie in ten Parquet files. The
loop has polars and onnxruntime on the same cores, checks nothing and logs nothing; the other one
asks scikit-learn about one row of pandas at a time, of some hundred rows. Seconds are those of
whole processes, their start included, the least of three runs by turns, where few rows are
measured; CPU seconds are those of all processes together. Where Ray is installed, the same job and
a pipeline of Ray Data by hand are measured, each on a Ray of its own. It ends with the bars, and
exits with 1 if one is missed; `--quick` is too short to judge.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from support.bars import Bar
from support.on_ray import ray_commands, ray_ratios, without_cpu

FILES, FIELDS, BOOSTED = 10, 30, 100
ROWS, QUICK_ROWS, ONE_BY_ONE = 10_000_000, 200_000, 300
REPEATED_BELOW = 3_000_000


def main() -> None:
    given = _arguments()
    rows = given.rows or (QUICK_ROWS if given.quick else ROWS)
    with tempfile.TemporaryDirectory(prefix="fairlead-bench-") as place:
        folder = Path(place)
        one_row_s = _package(folder)
        _make(folder / "in", rows)
        found = _measure(folder, rows, 3 if rows < REPEATED_BELOW and not given.quick else 1)
    found["row by row"] = {"rows_per_s": 1.0 / one_row_s}
    for name, numbers in found.items():
        told = "".join(f"{value:14,.2f} {what}" for what, value in numbers.items())
        print(f"{name:16}{told}")
    bars = _bars(found)
    print(*bars, *ray_ratios(found), sep="\n")
    if given.json:
        given.json.write_text(
            json.dumps({"rows": rows, "cores": os.cpu_count(), **found}, indent=2)
        )
    sys.exit(not (given.quick or all(bar.reached for bar in bars)))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="few rows, no verdict")
    parser.add_argument("--rows", type=int, help="of all files")
    parser.add_argument("--json", type=Path, help="write the numbers here")
    return parser.parse_args()


def _package(folder: Path) -> float:
    """Package the model; gives the seconds for a row that it is asked about alone."""
    import pandas as pd
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    import fairlead
    from fairlead.app.workspace import Workspace
    from fairlead.bundle import read_file

    random = np.random.default_rng(0)
    names = [f"f{place:02d}" for place in range(FIELDS)]
    frame = pd.DataFrame(random.normal(size=(4000, FIELDS)), columns=names)
    truth = frame["f00"] + frame["f01"] * frame["f02"] + random.normal(0, 0.5, 4000) > 0
    model = HistGradientBoostingClassifier(max_iter=BOOSTED, random_state=0)
    model.fit(frame, truth.astype(int))
    fairlead.package(model, frame, name="bench", home=folder / "home")
    space = Workspace(folder / "home")
    bundle = space.bundle(space.registry.resolve("bench:1"))
    (folder / "model.onnx").write_bytes(read_file(bundle, bundle.info.runner.path))
    space.close()
    with threadpool_limits(1):  # threads only get in each other's way over one row
        started_s = time.perf_counter()
        for place in range(ONE_BY_ONE):
            model.predict_proba(frame.iloc[[place]])
        return (time.perf_counter() - started_s) / ONE_BY_ONE


def _make(folder: Path, rows: int) -> None:
    import polars as pl

    folder.mkdir()
    random = np.random.default_rng(1)
    for place in range(FILES):
        some = rows // FILES
        columns = {f"f{field:02d}": random.normal(size=some) for field in range(FIELDS)}
        made = pl.DataFrame({"id": np.arange(some) + place * some, **columns})
        made.write_parquet(folder / f"{place}.parquet")


def _measure(folder: Path, rows: int, repeats: int) -> dict[str, dict[str, float]]:
    out = folder / "out"
    commands = {
        "fairlead batch": [
            "-m", "fairlead", "--home", str(folder / "home"), "batch", "bench:1",
            str(folder / "in"), str(out), "--keep", "id",
        ],
        "loop by hand": [
            str(Path(__file__).with_name("rivals") / "loop.py"), str(folder / "model.onnx"),
            str(folder / "in"), str(out),
        ],
    }  # fmt: skip
    commands |= ray_commands(commands["fairlead batch"], folder, out)
    runs: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for _ in range(repeats):
        for name, command in commands.items():
            runs[name].append(_run(command))
            shutil.rmtree(out)
            shutil.rmtree(folder / "home" / "blobs" / "log", ignore_errors=True)
            _forget(folder / "home")
    found = {}
    for name, measured in runs.items():
        wall_s, cpu_s = (min(each) for each in zip(*measured, strict=True))
        found[name] = {
            "rows_per_s": rows / wall_s, "wall_s": wall_s, "cpu_s": cpu_s,
            "cpu_us_per_row": cpu_s / rows * 1e6,
        }  # fmt: skip
    without_cpu(found)
    return found


def _forget(home: Path) -> None:
    """Let the next run write its predictions to the log again."""
    from fairlead.app.workspace import Workspace
    from fairlead.predictionlog.segments import SEGMENTS
    from fairlead.store import Delete

    space = Workspace(home)
    gone = [Delete(stored.key, None) for stored in space.store.scan(SEGMENTS)]
    if gone:
        space.store.commit(*gone)
    space.close()


def _run(command: list[str]) -> tuple[float, float]:
    """Seconds and CPU seconds of a process and all that it started."""
    before, started_s = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL)
    wall_s, after = time.perf_counter() - started_s, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall_s, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _bars(found: dict[str, dict[str, Any]]) -> list[Bar]:
    ours, by_hand, single = (found[n] for n in ("fairlead batch", "loop by hand", "row by row"))
    return [
        Bar("of the throughput of a loop by hand", ours["rows_per_s"] / by_hand["rows_per_s"], 0.9),
        Bar("times row by row", ours["rows_per_s"] / single["rows_per_s"], 20),
    ]


if __name__ == "__main__":
    main()
