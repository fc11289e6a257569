"""What it costs to profile a window and to say what moved, beside what others charge for it.

    python benchmarks/profiles.py [--quick] [--json PATH]
                                  [--peers [LIBRARY=PYTHON ...]] [--peer-rows N]

A window is a million rows of 50 columns, 40 numbers and 10 categories of 2 to 1000 values, 1 % of
all missing; the reference is a tenth of it. The platform profiles the window as its controller
does, and assesses it against the profile that the reference left. Beside it a plain loop of pandas
and SciPy gets the same rows; with `--peers` Evidently and whylogs too, each in a process and, where
an interpreter is named, an environment of its own, of as many of the window's rows as asked.

CPU seconds are those of all threads, without imports and the reading of files, the least of three
runs, of a peer as many of them as begin within 100 s; on a machine that others use, that is the
figure to trust. It ends with the bars, and exits with 1 if one is missed; `--quick` is too short to
judge.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support.bars import Bar
from support.plain import summarise, test

from support import tables

MERGES = 50
PEER_S_MAX = 3600.0
PEERS = {
    "evidently": ("Evidently", "evidently_drift", "evidently"),
    "whylogs": ("whylogs", "why_logs", "whylogs.viz"),
}
OURS, NOTEBOOK = "profile and assess, CPU s", "compare two frames, CPU s"


def main() -> None:
    given = _arguments()
    rows, repeats = (100_000, 1) if given.quick else (1_000_000, 3)
    reference, window = tables.make(rows // 10, 0), tables.make(rows, 1)
    numbers = _profiles(reference, window, repeats) | _frames(reference, window, repeats)
    for name, value in numbers.items():
        print(f"{name:40}{value:12.3f}")
    found: dict[str, Any] = {"rows": rows, **numbers}
    if given.peers is not None:
        pythons = dict(peer.split("=", 1) for peer in given.peers)
        some = window.head(given.peer_rows or rows)
        found["peers"] = _peers(reference, some, pythons)
    bars = _bars(found)
    print(*bars, sep="\n")
    if given.json:
        given.json.write_text(json.dumps(found, indent=2))
    sys.exit(not (given.quick or all(bar.reached for bar in bars)))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows, no verdict")
    parser.add_argument("--json", type=Path, help="write the numbers here")
    parser.add_argument(
        "--peers", nargs="*", metavar="LIBRARY=PYTHON", help="measure Evidently and whylogs too,"
        " those named with an interpreter of their own",
    )  # fmt: skip
    parser.add_argument("--peer-rows", type=int, help="of the window, for peers; all by default")
    return parser.parse_args()


def _profiles(reference: Any, window: Any, repeats: int) -> dict[str, float]:
    from fairlead.monitoring import Budget, State, watch
    from fairlead.profiles import decode, encode, make_reference, merge, observe, observe_table

    inputs = tables.batch(window)
    frozen_s, frozen = _least(
        1, lambda: make_reference(tables.signature(), tables.batch(reference))
    )
    batch_s, profile = _least(repeats, lambda: observe(frozen, inputs))
    table_s, same = _least(repeats, lambda: observe_table(frozen, window))
    assert profile == same
    assess_s, _ = _least(5, lambda: watch(State(), frozen, profile, budget=Budget()))
    raw = encode(profile)
    other = decode(raw)
    merge_s, _ = _least(5, lambda: [merge(profile, other) for _ in range(MERGES)])
    encode_s, _ = _least(5, lambda: encode(profile))
    decode_s, _ = _least(5, lambda: decode(raw))
    return {
        "reference of a tenth, CPU s": frozen_s,
        "profile a batch, CPU s": batch_s,
        "profile a table, CPU s": table_s,
        "assess, CPU ms": assess_s * 1e3,
        OURS: table_s + assess_s,
        "merge, CPU ms": merge_s / MERGES * 1e3,
        "encode, CPU ms": encode_s * 1e3,
        "decode, CPU ms": decode_s * 1e3,
        "profile, kB": len(raw) / 1e3,
    }


def _frames(reference: Any, window: Any, repeats: int) -> dict[str, float]:
    """Of pandas frames, as people have them, with no profile made before."""
    from fairlead.monitor import compare

    before, after = tables.frame(reference), tables.frame(window)
    ours_s, found = _least(repeats, lambda: compare(before, after))
    assert len(found.fields) == len(after.columns)
    summarise_s, _ = _least(1, lambda: summarise(before, after))
    test_s, _ = _least(repeats, lambda: test(before, after))
    return {
        NOTEBOOK: ours_s,
        "plain: summarise, CPU s": summarise_s,
        "plain: test each column, CPU s": test_s,
    }


def _peers(reference: Any, window: Any, pythons: dict[str, str]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="fairlead-bench-") as place:
        tables.save(reference, Path(place) / "reference.npz")
        tables.save(window, Path(place) / "window.npz")
        for library, (name, program, module) in PEERS.items():
            python = pythons.get(library, sys.executable)
            if not _imports(python, module):
                print(f"{name} is left out: {python} cannot import {module}.")
                continue
            rival = Path(__file__).with_name("rivals") / f"{program}.py"
            finished = subprocess.run(
                [python, str(rival), place], capture_output=True, text=True, timeout=PEER_S_MAX,
                check=False,
            )  # fmt: skip
            if finished.returncode:
                print(f"{name} is left out: it ended with {finished.stderr.strip()[-200:]!r}.")
                continue
            used = found[name] = json.loads(finished.stdout.splitlines()[-1])
            print(
                f"{f'{name} {used[library]}, CPU s':40}{used['cpu_s']:12.3f}"
                f"  ({used['rows']} rows, runs: {used['runs']}, {used['peak_gb']:.1f} GB,"
                f" NumPy {used['numpy']}, pandas {used['pandas']})"
            )
    return found


def _imports(python: str, module: str) -> bool:
    looked = subprocess.run([python, "-c", f"import {module}"], capture_output=True, check=False)
    return looked.returncode == 0


def _bars(found: dict[str, Any]) -> list[Bar]:
    bars = [
        Bar("profile of a batch, CPU s", found["profile a batch, CPU s"], 3, most=True),
        Bar("profile of a table, CPU s", found["profile a table, CPU s"], 3, most=True),
        Bar("profile and assess, CPU s", found[OURS], 4, most=True),
        Bar("merge of two profiles, ms", found["merge, CPU ms"], 2, most=True),
        Bar("size of a profile, kB", found["profile, kB"], 60, most=True),
    ]
    for name, used in found.get("peers", {}).items():
        ours_s = found[OURS] / found["rows"] * used["rows"]
        bars.append(Bar(f"times less CPU than {name}", used["cpu_s"] / ours_s, 40))
    for name, used in found.get("peers", {}).items():
        ours_s = found[NOTEBOOK] / found["rows"] * used["rows"]
        print(f"{f'two frames: times less than {name}':40}{used['cpu_s'] / ours_s:12.1f}")
    for name in ("plain: summarise, CPU s", "plain: test each column, CPU s"):
        print(f"{f'times less than {name[:-7]}':40}{found[name] / found[OURS]:12.1f}")
    return bars


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
