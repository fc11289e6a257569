"""How small and fast models become, and what they lose, beside onnxruntime's own quantisation.

    python benchmarks/edge.py [--quick] [--seeds N] [--seconds N] [--only TEXT] [--json PATH]

A network of full layers, a convolutional one (if torch is there), a forest of 500 trees and boosted
trees learn from a drawn part of bundled and generated rows; `fairlead compress` searches their
smaller forms, fitted to the rows they learnt from, chosen by some others, and reported on rows that
neither has seen. Of the networks storage alone, which is to lose nothing, and onnxruntime's dynamic
and static int8 (with weights of 7 bits, so that none saturates) stand beside; of trees it has none.

Over seeds: size as a ratio of files, CPU time of one thread for one row and for 64 as a ratio,
taken in turns with the original's, and the change of accuracy in percentage points; means with
Student's intervals of 95 %. Of the few bundled rows no small drop can be proven: a form is taken if
what is measured of accuracy and agreement on the rows to choose by is within the limits; of the
convolutional network, of which more is asked, if that is so with a chance of 80 %.

It ends with the bars, and exits with 1 if one is missed. `--quick` is one seed of the bundled sets
and searches of a few seconds, too little to judge by.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from support.bars import Bar
from support.edge import forms_of, over_seeds
from support.edge_models import Subject, subjects
from threadpoolctl import threadpool_limits

SEEDS, SEEDS_QUICK = 5, 1
SECONDS, SECONDS_QUICK = 300.0, 3.0
"""Of CPU time, for each search, about; as long as the command searches by itself."""
WANTED: dict[tuple[str, str], dict[str, float]] = {
    ("digits MLP", "ours"): {"size": 100.0, "one": 1.5, "many": 5.0, "change": -0.5},
    ("digits CNN", "ours"): {"size": 12.0, "one": 1.1, "many": 2.0, "change": -0.2},
    ("digits MLP", "storage alone"): {"size": 3.7, "one": 0.97, "many": 0.97, "change": 0.0},
    ("digits CNN", "storage alone"): {"size": 3.7, "one": 0.97, "many": 0.97, "change": 0.0},
    ("digits forest of 500", "ours"): {"size": 1000.0, "change": -0.2},
    ("cancer boosting", "ours"): {"change": -0.5},
}
WORDS = {
    "size": "times smaller", "one": "times faster, 1 row", "many": "times faster, 64 rows",
    "change": "change of accuracy, pp",
}  # fmt: skip


def main() -> None:
    given = _arguments()
    seeds = given.seeds or (SEEDS_QUICK if given.quick else SEEDS)
    seconds = given.seconds or (SECONDS_QUICK if given.quick else SECONDS)
    os.environ["OMP_NUM_THREADS"] = "1"  # of what is loaded later
    threadpool_limits(1)
    numbers: dict[str, Any] = {}
    started_s = time.process_time()
    for subject in subjects(quick=given.quick):
        if given.only not in subject.name:
            continue
        if not subject.is_there:
            print(f"{subject.name}: {subject.needs} is not installed; left out\n")
            continue
        numbers[subject.name] = _measured(subject, seeds, seconds)
        _show(subject, numbers[subject.name])
    print(f"{time.process_time() - started_s:.0f} CPU seconds")
    reached = list(_bars(numbers))
    print(*reached, sep="\n")
    numbers["bars"] = {bar.name: bar.reached for bar in reached}
    if given.json:
        given.json.write_text(json.dumps(numbers, indent=2))
    sys.exit(not (given.quick or all(bar.reached for bar in reached)))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one seed of the bundled sets")
    parser.add_argument("--seeds", type=int, help="of each model")
    parser.add_argument("--seconds", type=float, help="of CPU time that a search may take")
    parser.add_argument("--only", default="", help="models whose name holds this")
    parser.add_argument("--json", type=Path, help="write the numbers here")
    return parser.parse_args()


def _measured(subject: Subject, seeds: int, seconds: float) -> dict[str, Any]:
    runs = [forms_of(subject, seed, seconds=seconds) for seed in range(seeds)]
    return {form: over_seeds([run[form] for run in runs]) for form in runs[0]}


def _show(subject: Subject, found: dict[str, Any]) -> None:
    rows = next(iter(found.values()))
    print(f"{subject.name}: {rows['seeds']} seeds, {rows['rows']} rows reported on")
    for form, told in found.items():
        cells = [f"{_ratio(told[name])}" for name in ("size", "one", "many")]
        value, low, high = told["change"]
        change = f"{value:+.2f} ({low:+.2f} to {high:+.2f}) pp"
        agreed = f"{told['agreement'][0]:.2%} alike"
        print(f"  {form:<26}" + "".join(f"{cell:>24}" for cell in cells) + f"  {change}  {agreed}")
    for steps in dict.fromkeys(found["ours"]["steps"]):
        print(f"    {steps}")
    print(flush=True)


def _ratio(ends: list[float]) -> str:
    value, low, high = ends
    return f"{value:.3g}x ({low:.3g} to {high:.3g})"


def _bars(numbers: dict[str, Any]) -> Iterator[Bar]:
    for (subject, form), wanted in WANTED.items():
        if subject in numbers:
            for name, bound in wanted.items():
                value = round(numbers[subject][form][name][0], 6)
                yield Bar(f"{subject}, {form}: {WORDS[name]}", value, bound)


if __name__ == "__main__":
    main()
