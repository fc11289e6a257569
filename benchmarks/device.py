"""What a version costs on a device: its first answer, its memory, one row, and what it keeps.

    python benchmarks/device.py [--quick] [--json PATH]

The package is made and then run by a fresh interpreter, as on a device. CPU seconds are those of
all its processes from the interpreter's start to its end, the least of several; memory is what is
resident, the most of several. Megabytes are millions of bytes.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

AIM_FIRST_CPU_S, AIM_RESIDENT_MB, AIM_INSTALLED_MB = 0.7, 65.0, 150.0
LOADED = """
import os, sys, time, msgspec
sys.path.insert(0, sys.argv[1])
from fairlead.device import load
rows, count = msgspec.json.decode(open(sys.argv[2]).read())["rows"], int(sys.argv[4])
def resident_mb():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
with load(state=sys.argv[3]) as model:
    model.predict(rows[:1])
    first_mb = resident_mb()
    rounds = []
    for _ in range(5):
        started_s = time.process_time()
        for _ in range(count):
            model.predict(rows[:1])
        rounds.append((time.process_time() - started_s) / count * 1e6)
    print(msgspec.json.encode({"resident_mb": first_mb, "resident_later_mb": resident_mb(),
                               "row_cpu_us": min(rounds)}).decode())
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two repetitions instead of seven")
    parser.add_argument("--json", type=Path, help="write the numbers here")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fairlead-bench-") as made:
        package, rows = _export(Path(made))
        numbers = _measure(package, rows, Path(made), 2 if given.quick else 7)
    _print(numbers)
    if given.json:
        given.json.write_text(json.dumps(numbers, indent=2))


def _export(folder: Path) -> tuple[Path, Path]:
    """Boosted trees on 30 numbers, for a device, and a file with one row."""
    from sklearn.datasets import load_breast_cancer
    from sklearn.ensemble import HistGradientBoostingClassifier

    import fairlead

    rows, labels = load_breast_cancer(return_X_y=True, as_frame=True)
    model = HistGradientBoostingClassifier(max_iter=100).fit(rows, labels)
    fairlead.package(model, rows, labels, name="tumour", home=folder / ".fairlead")
    subprocess.run(
        [sys.executable, "-m", "fairlead", "--home", str(folder / ".fairlead"), "export",
         "tumour:1", "--to", "device", "--out", str(folder / "device")],
        stdout=subprocess.DEVNULL, check=True,
    )  # fmt: skip
    body = folder / "rows.json"
    body.write_text(json.dumps({"rows": [rows.iloc[0].to_dict()]}))
    return folder / "device" / "tumour.pyz", body


def _measure(package: Path, rows: Path, folder: Path, repeats: int) -> dict[str, Any]:
    state = folder / "state"
    answering = [str(package), "predict", str(rows), "--state", str(folder / "cli")]
    loading = ["-c", LOADED, str(package), str(rows), str(state), "400"]
    runs = [json.loads(_run(loading)[0]) for _ in range(repeats)]
    standing = json.loads(_run([str(package), "status", "--json", "--state", str(state)])[0])
    window = max((path.stat().st_size for path in state.glob("windows/*")), default=0)
    return {
        "first_answer_cpu_s": min(_run(answering)[1] for _ in range(repeats)),
        "resident_mb": max(run["resident_mb"] for run in runs),
        "resident_later_mb": max(run["resident_later_mb"] for run in runs),
        "row_cpu_us": min(run["row_cpu_us"] for run in runs),
        "kept_row_bytes": standing["size_bytes"] / standing["rows"],
        "window_bytes": window,
        "package_mb": package.stat().st_size / 1e6,
        "installed_mb": _installed_mb(),
    }


def _run(arguments: list[str]) -> tuple[str, float]:
    """What a fresh interpreter prints, and its CPU seconds with those of what it starts."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    finished = subprocess.run(
        [sys.executable, "-I", *arguments], stdout=subprocess.PIPE, text=True, check=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return finished.stdout, used_s


def _installed_mb() -> float:
    """The four packages of the requirements file, as they lie on the disk."""
    from fairlead.export.device import NEEDS

    total = 0
    for name in NEEDS:
        distribution = importlib.metadata.distribution(name)
        for file in distribution.files or []:
            path = Path(str(distribution.locate_file(file)))
            total += path.stat().st_size if path.is_file() else 0
    return total / 1e6


def _print(numbers: dict[str, Any]) -> None:
    for name, value in numbers.items():
        print(f"{name:<22}{value:10.3f}")
    print(f"first answer / aim    {numbers['first_answer_cpu_s'] / AIM_FIRST_CPU_S:10.2f}")
    print(f"resident / aim        {numbers['resident_mb'] / AIM_RESIDENT_MB:10.2f}")
    print(f"installed / aim       {numbers['installed_mb'] / AIM_INSTALLED_MB:10.2f}")


if __name__ == "__main__":
    main()
