"""What many models on one server cost: memory of each, the first answer, CPU of a request.

    python benchmarks/many_models.py [--quick] [--json PATH]

Small ONNX models, each with an endpoint of its own, on one worker that loads them when they are
asked. Memory is what the worker's private memory grows by, divided by the models that were loaded;
beside it stands what the worker itself says they take. CPU is that of the worker, from `/proc`.
"""

from __future__ import annotations

import argparse
import http.client
import json
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from support.processes import children, cpu_s, runs

BUDGET_MB = 100_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="20 models instead of 500")
    parser.add_argument("--json", type=Path, help="write the numbers here")
    given = parser.parse_args()
    models, requests = (20, 2000) if given.quick else (500, 20_000)
    with tempfile.TemporaryDirectory(prefix="fairlead-bench-") as folder:
        home = Path(folder) / ".fairlead"
        _prepare(home, models)
        (Path(folder) / "fairlead.toml").write_text(
            f"[server]\nworkers = 1\nmodels_memory_mb = {BUDGET_MB}\n"
        )
        numbers = _measure(home, models, requests)
    for name, value in numbers.items():
        print(f"{name:<26}{value:12.3f}")
    if given.json:
        given.json.write_text(json.dumps(numbers, indent=2))


def _prepare(home: Path, models: int) -> None:
    """Package models that differ, and route an endpoint to each."""
    import numpy as np
    from sklearn.linear_model import LinearRegression

    import fairlead
    from fairlead.routing import ROUTES, SLOTS, Arm, Route, VersionRef
    from fairlead.store import Put, open_store

    rows = np.random.default_rng(0).normal(size=(100, 5))
    puts = []
    for number in range(models):
        targets = rows @ np.arange(1.0, 6.0) + number
        model = LinearRegression().fit(rows, targets)
        version = fairlead.package(model, rows, targets, name=f"m{number}", home=home)
        assert version.runner == "onnx"
        ref = VersionRef(version.name, version.digest, version.blob)
        arm = Arm("stable", ref, "stable", ((0, SLOTS),))
        route = Route(f"m{number}", 1, version.signature, (arm,), salt="s")
        puts.append(Put(ROUTES, ROUTES.key(route.endpoint), route, None))
    open_store(f"sqlite://{home / 'store.db'}").commit(*puts)


def _measure(home: Path, models: int, requests: int) -> dict[str, float]:
    process = subprocess.Popen(
        [sys.executable, "-m", "fairlead", "--home", str(home), "up",
         "--port=0", "--control-port=0"],
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        asked = _Caller(home)
        (worker,) = [p for p in children(process.pid) if runs(p, "fairlead.app.worker")]
        cold_s = [asked.once("m0")]
        one_us = _cpu_us(asked, worker, ["m0"], requests)
        before_mb, told_mb = _private_mb(worker), asked.memory_mb()
        cold_s += [asked.once(f"m{number}") for number in range(1, models)]
        grown_mb = _private_mb(worker) - before_mb
        warm_s = [asked.once(f"m{number}") for number in range(models)]
        all_us = _cpu_us(asked, worker, [f"m{number}" for number in range(models)], requests)
        return {
            "models": models,
            "memory_mb_each": grown_mb / (models - 1),
            "estimated_mb_each": (asked.memory_mb() - told_mb) / (models - 1),
            "worker_mb": _private_mb(worker),
            "cold_ms_median": 1e3 * statistics.median(cold_s[1:]),
            "cold_ms_max": 1e3 * max(cold_s[1:]),
            "warm_ms_median": 1e3 * statistics.median(warm_s),
            "cpu_us_one": one_us,
            "cpu_us_all": all_us,
        }
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


class _Caller:
    """Asks endpoints over one connection."""

    def __init__(self, home: Path) -> None:
        file = home / "run" / "addresses.json"
        until_s = time.monotonic() + 60
        while True:
            assert time.monotonic() < until_s
            try:
                url = urlsplit(json.loads(file.read_bytes())["api"])
                self._connection = http.client.HTTPConnection(url.hostname or "", url.port)
                self._connection.request("GET", "/health/ready")
                response = self._connection.getresponse()
                response.read()
                if response.status == 200:
                    break
            except (OSError, ValueError):
                pass
            time.sleep(0.05)
        self._connection.request("GET", "/v1/endpoints/m0")
        fields = json.loads(self._connection.getresponse().read())["signature"]["inputs"]
        self._body = json.dumps({"rows": [{field["name"]: 0.5 for field in fields}]})

    def once(self, name: str) -> float:
        """Seconds until it is answered."""
        started_s = time.perf_counter()
        self._connection.request("POST", f"/v1/endpoints/{name}/predict", self._body)
        response = self._connection.getresponse()
        answer = response.read()
        assert response.status == 200, answer
        return time.perf_counter() - started_s

    def memory_mb(self) -> float:
        """What the worker says its models take."""
        self._connection.request("GET", "/metrics")
        text = self._connection.getresponse().read().decode()
        lines = [line for line in text.splitlines() if line.startswith("fairlead_version_memory")]
        return sum(float(line.rpartition(" ")[2]) for line in lines) / 1e6


def _cpu_us(asked: _Caller, pid: int, names: list[str], requests: int) -> float:
    before_s = cpu_s(pid)
    for number in range(requests):
        asked.once(names[number * 7 % len(names)])
    return 1e6 * (cpu_s(pid) - before_s) / requests


def _private_mb(pid: int) -> float:
    lines: list[Any] = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private")) / 1e3


if __name__ == "__main__":
    main()
