"""How often the gate promotes a version that is no better, and finds one that is.

    python benchmarks/gates.py [--quick] [--gates N] [--processes N] [--json PATH]

Two versions that are equally good answer the same holdout, again and again: with errors on their
own, alike on the same rows, and some far larger; with 0, 5 and 20 parts that must not be worse;
and rows that come ten of a user, whose they are said and unsaid. Rare large errors beside steady
ones are told and have no bar: which rows lack them, lacks what there is to see. Then one is better
by a stated gain, over several sizes of the holdout.

It ends with the bars, and exits with 1 if one is missed: false promotions are at most alpha, with
three standard errors of room.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from math import sqrt
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from support.bars import Bar
from support.gates import METRICS, gates

from fairlead.updates.types import Gate

ALIKE = ("independent", "dependent", "skewed", "users, told")
"""Kinds with a bar; of `rare` and `users` there is only the figure."""
GAINS = {"accuracy": (0.02, 0.05), "roc_auc": (0.02, 0.05), "mae": (0.05, 0.1)}
SIZES = (100, 300, 1000, 3000)

Case = tuple[str, str, int, int, int, float]
"""Metric, kind, rows, slices, gates, gain."""


def main() -> None:
    given = _arguments()
    count = 100 if given.quick else given.gates
    numbers: dict[str, Any] = {}
    with ProcessPoolExecutor(given.processes, get_context("spawn")) as pool:
        for part, cases in _cases(count, given.quick).items():
            print(HEADS[part])
            running = {case: pool.submit(gates, *case) for case in cases}
            for case, result in running.items():
                line = result.result()
                numbers.setdefault(part, {})[_name(case)] = line
                print(_shown(case, line), flush=True)
    numbers["cpu_s"] = sum(
        used.ru_utime + used.ru_stime
        for used in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )
    print(f"{numbers['cpu_s']:.0f} CPU seconds")
    reached = list(_bars(numbers))
    print(*reached, sep="\n")
    numbers["bars"] = {bar.name: bar.reached for bar in reached}
    if given.json:
        given.json.write_text(json.dumps(numbers, indent=2))
    sys.exit(not all(bar.reached for bar in reached))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a hundred gates of each")
    parser.add_argument("--gates", type=int, default=2000, help="of each case of equal versions")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write the numbers here")
    return parser.parse_args()


def _cases(count: int, quick: bool) -> dict[str, list[Case]]:
    kinds = (*ALIKE, "rare", "users")
    sizes = (100,) if quick else (100, 300)
    alike = [
        (metric, kind, rows, 0, count, 0.0)
        for metric in METRICS for kind in kinds for rows in sizes
        if metric == "mae" or kind != "rare"
    ]  # fmt: skip
    sliced = [
        (metric, "independent", 50 * slices, slices, count, 0.0)
        for metric in METRICS for slices in (5, 20)
    ]  # fmt: skip
    found = [
        (metric, "dependent", rows, 0, max(count // 10, 50), gain)
        for metric, gains in GAINS.items() for gain in gains
        for rows in (SIZES[:2] if quick else SIZES)
    ]  # fmt: skip
    return {"alike": alike, "sliced": sliced, "better": found}


def _bars(numbers: dict[str, Any]) -> Iterator[Bar]:
    for part in ("alike", "sliced"):
        for name, line in numbers[part].items():
            if any(f", {kind}, " in name for kind in ALIKE):
                yield _bar(f"{name}: % false promotions", line)


def _bar(name: str, line: dict[str, float]) -> Bar:
    alpha = Gate().alpha
    bound = alpha + 3.0 * sqrt(alpha * (1.0 - alpha) / line["gates"])
    return Bar(name, 100.0 * line["promote"], round(100.0 * bound, 2), most=True)


def _name(case: Case) -> str:
    metric, kind, rows, slices, _, gain = case
    parts = f", {slices} parts" if slices else ""
    better = f", better by {gain:g}" if gain else ""
    return f"{metric}, {kind}, {rows} rows{parts}{better}"


def _shown(case: Case, line: dict[str, float]) -> str:
    said = "".join(f"  {name} {share:6.1%}" for name, share in line.items() if name != "gates")
    return f"  {_name(case):<52}{said}  of {line['gates']}"


HEADS = {
    "alike": "Equal versions, by how their errors are:",
    "sliced": "Equal versions, with parts that must not be worse:",
    "better": "One is better by a gain, its errors alike on the same rows:",
}


if __name__ == "__main__":
    main()
