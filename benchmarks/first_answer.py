"""What it costs to begin: importing, the first answer, memory, and size on disk.

    python benchmarks/first_answer.py [--quick] [--json PATH]

CPU seconds are those of all processes together, from `/proc`; ratios are to the aims.
"""

from __future__ import annotations

import argparse
import http.client
import importlib.metadata
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

AIM_FIRST_CPU_S, AIM_WORKER_MB, AIM_IMPORT_CPU_S = 3.0, 150.0, 0.25
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one repetition instead of five")
    parser.add_argument("--json", type=Path, help="write the numbers here")
    given = parser.parse_args()
    repeats = 1 if given.quick else 5
    python = _best(["-c", "pass"], repeats)
    numbers: dict[str, Any] = {
        "python_cpu_s": python,
        "import_cpu_s": _best(["-c", "import fairlead"], repeats) - python,
        "help_cpu_s": _best(["-m", "fairlead", "--help"], repeats) - python,
        "installed_mb": _installed_mb(),
    }
    with tempfile.TemporaryDirectory(prefix="fairlead-bench-") as folder:
        home = Path(folder) / ".fairlead"
        _package(home)
        runs = [_up(home) for _ in range(repeats)]
    numbers |= {name: min(run[name] for run in runs) for name in runs[0]}
    _print(numbers)
    if given.json:
        given.json.write_text(json.dumps(numbers, indent=2))


def _best(arguments: list[str], repeats: int) -> float:
    """CPU seconds of a fresh interpreter, the least of several after one that compiles."""
    measured = []
    for _ in range(repeats + 1):
        before_s = _children_cpu_s()
        subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
        measured.append(_children_cpu_s() - before_s)
    return min(measured[1:])


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _installed_mb() -> float:
    """Fairlead and all it requires, as the package metadata lists their files."""
    seen: set[str] = set()
    waiting = ["fairlead"]
    total = 0
    while waiting:
        name = waiting.pop().lower().replace("_", "-")
        if name in seen:
            continue
        seen.add(name)
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        for file in distribution.files or []:
            path = Path(str(distribution.locate_file(file)))
            total += path.stat().st_size if path.is_file() else 0
        for requirement in distribution.requires or []:
            head, _, marker = requirement.partition(";")
            if "extra" not in marker:
                end = next((i for i, c in enumerate(head) if c in " <>=!~[("), len(head))
                waiting.append(head[:end])
    return total / 1e6


def _package(home: Path) -> None:
    from sklearn.datasets import load_breast_cancer
    from sklearn.ensemble import HistGradientBoostingClassifier

    import fairlead

    rows, labels = load_breast_cancer(return_X_y=True, as_frame=True)
    model = HistGradientBoostingClassifier(max_iter=100).fit(rows, labels)
    version = fairlead.package(model, rows, labels, name="tumour", home=home)
    assert version.runner == "onnx"


def _up(home: Path) -> dict[str, float]:
    """Start a platform with one worker, ask it once, and look at its processes."""
    started_s = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "fairlead", "--home", str(home), "up", "tumour:1",
         "--port=0", "--control-port=0", "--workers=1"],
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        while True:
            examples = next((home / "cache").glob("[!.]*/examples.json"), None)
            if examples is not None and _answered(home, examples):
                break
            assert process.poll() is None
            assert time.monotonic() - started_s < 60
            time.sleep(0.01)
        pids = _family(process.pid)
        return {
            "first_answer_s": time.monotonic() - started_s,
            "first_answer_cpu_s": sum(_cpu_s(pid) for pid in pids.values()),
            "worker_mb": _memory_mb(pids["fairlead.app.worker"]),
            "controller_mb": _memory_mb(pids["fairlead.app.control_process"]),
            "supervisor_mb": _memory_mb(process.pid),
        }
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


def _answered(home: Path, examples: Path) -> bool:
    try:
        url = urlsplit(json.loads((home / "run" / "addresses.json").read_bytes())["api"])
        connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=5)
        body = json.dumps({"rows": json.loads(examples.read_bytes())[:1]})
        connection.request("POST", "/v1/endpoints/tumour/predict", body)
        return connection.getresponse().status == 200
    except (OSError, ValueError):
        return False


def _family(pid: int) -> dict[str, int]:
    """A process and its children, by module."""
    found = {"fairlead": pid}
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        arguments = Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
        found[arguments[3].decode()] = int(child)  # behind `-m` and the module of their entry
    return found


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _memory_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE / 1e6


def _print(numbers: dict[str, Any]) -> None:
    for name, value in numbers.items():
        print(f"{name:<22}{value:10.3f}")
    print(f"first answer / aim    {numbers['first_answer_cpu_s'] / AIM_FIRST_CPU_S:10.2f}")
    print(f"worker / aim          {numbers['worker_mb'] / AIM_WORKER_MB:10.2f}")
    print(f"import / aim          {numbers['import_cpu_s'] / AIM_IMPORT_CPU_S:10.2f}")
    print(f"help / aim            {numbers['help_cpu_s'] / AIM_IMPORT_CPU_S:10.2f}")


if __name__ == "__main__":
    main()
