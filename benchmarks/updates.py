"""What the update loop is worth: beside never training again, and training at every step.

    python benchmarks/updates.py [--quick] [--seeds N] [--json PATH]

Streams that are made up (nothing moves; a sudden, a slow and a recurring change of what parts the
classes; inputs that move while it stays; labels that get noisier) and real rows in the order in
which they came, as scikit-learn has them and the wheels of river and nannyml carry them, which are
unpacked under the user's cache. Labels come a block late. Of each way: the share of right answers
over the whole stream, or the error of numbers (root of the mean square), trainings, and promotions.
See `support/played.py` for what of the platform is played, and what is not.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from support.moving import BLOCK_ROWS, KINDS, made
from support.played import play
from support.real import real

Found = dict[str, dict[str, float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="short streams, one of each kind, no large one"
    )
    parser.add_argument("--seeds", type=int, default=5, help="streams of each kind")
    parser.add_argument("--json", type=Path, help="write the numbers here")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    begun_s = time.process_time()
    numbers: dict[str, Any] = {"streams": {}, "left_out": []}
    for name, found in _streams(given.quick, given.seeds, numbers["left_out"]):
        numbers["streams"][name] = found
        print(*_shown(name, found), sep="\n", flush=True)
    numbers["ratios"] = {name: _ratios(each) for name, each in numbers["streams"].items()}
    numbers["cpu_s"] = time.process_time() - begun_s
    for name in numbers["left_out"]:
        print(f"left out, for pip cannot have the wheel that carries it: {name}")
    print(f"{numbers['cpu_s']:.0f} CPU seconds")
    if given.json:
        given.json.write_text(json.dumps(numbers, indent=2))


def _streams(quick: bool, seeds: int, left_out: list[str]) -> Iterator[tuple[str, Found]]:
    blocks = 100 if quick else 300
    for kind in KINDS:
        some = [play(made(kind, blocks, seed), BLOCK_ROWS) for seed in range(1 if quick else seeds)]
        yield kind, _mean(some)
    for name, load in real(quick=quick):
        if load is None:
            left_out.append(name)
            continue
        stream = load()
        yield name, play(stream, max(10, len(stream[1]) // 60))


def _mean(some: list[Found]) -> Found:
    return {
        way: {key: float(np.mean([one[way][key] for one in some])) for key in some[0][way]}
        for way in some[0]
    }


def _ratios(found: Found) -> dict[str, float]:
    """Of the loop: errors beside those of the others, and trainings beside each step's."""
    wrong = {way: each["error"] for way, each in found.items()}
    steps = next(way for way in found if way.startswith("every step, last"))
    ratios = {f"errors of {way}": wrong["loop"] / max(wrong[way], 1e-9) for way in found}
    ratios.pop("errors of loop")
    return ratios | {"trainings": found["loop"]["trainings"] / found[steps]["trainings"]}


def _shown(name: str, found: Found) -> Iterator[str]:
    yield f"{name} ({found['never']['rows']:.0f} rows)"
    for way, each in found.items():
        right = each.get("accuracy")
        worth = f"{each['error']:8.3f} error" if right is None else f"{right:8.2%} right"
        yield (
            f"  {way:<22}{worth}  {each['trainings']:6.1f} trainings"
            f"  {each['promotions']:6.1f} promoted"
        )


if __name__ == "__main__":
    main()
