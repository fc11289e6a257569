"""What a look-up costs: alone, and in requests of a key alone beside requests with all fields.

    python benchmarks/lookup.py [--quick] [--json PATH]

A table of 20 features by key is published, opened and asked at random; in Redis too, where
`redis-server` is installed, one key and 100 keys at a time. Then one model, boosted trees over
these features, answers over HTTP: whole rows, keys whose rows are looked up, and keys whose
predictions were made ahead, by path and by body.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from support.processes import children, free_port, measure, request, running, runs, until_answered
from support.subjects import load_cores, server_cores

FEATURES = 20
POINTS = (1, 64)
SETTINGS = """
[server]
lookup = "{lookup}"

[features.customer]
source = "customers.parquet"
key = "customer_id"

[endpoint.whole]

[endpoint.keyed]
features = ["customer"]
"""
Found = dict[str, dict[str, Any]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small table and half a second")
    parser.add_argument("--json", type=Path, help="write the numbers here")
    given = parser.parse_args()
    keys, seconds = (20_000, 0.5) if given.quick else (1_000_000, 4.0)
    found: Found = {}
    with tempfile.TemporaryDirectory(prefix="fairlead-bench-") as place, _redis() as redis:
        folder = Path(place)
        stores = {"mapped": f"lmdb://{folder}/lookup"} | ({"redis": redis} if redis else {})
        for name, url in stores.items():
            found[name] = _table(url, keys)
        _prepare(folder, min(keys, 100_000))
        for name, url in stores.items():
            found[name] |= _requests(folder, url, seconds)
    for name, numbers in found.items():
        for what, value in numbers.items():
            print(f"{name:8}{what:56}{value:12.2f}")
    if given.json:
        given.json.write_text(json.dumps(found, indent=2))


def _table(url: str, keys: int) -> dict[str, float]:
    from fairlead.lookup import Row, open_tables

    tables, columns = open_tables(url), tuple(f"f{n}" for n in range(FEATURES))
    rows = (
        (f"c-{key}", Row(key, tuple(key + n / 2 for n in range(FEATURES)))) for key in range(keys)
    )
    found: dict[str, float] = {}
    started_s = time.perf_counter()
    tables.publish("bench", columns, rows, 1)
    found["publish, s"] = time.perf_counter() - started_s
    started_s = time.perf_counter()
    table = tables.open("bench")
    found["open, ms"] = (time.perf_counter() - started_s) * 1e3
    assert table is not None
    for count in (1, 100):
        asked = [[f"c-{random.randrange(keys)}" for _ in range(count)] for _ in range(2000)]
        took_us = []
        for each in asked:
            started_ns = time.perf_counter_ns()
            table.get(each)
            took_us.append((time.perf_counter_ns() - started_ns) / 1e3)
        took_us.sort()
        found[f"get {count}, p50 us"] = took_us[len(took_us) // 2]
        found[f"get {count}, p99 us"] = took_us[len(took_us) * 99 // 100]
    table.close()
    tables.close()
    return found


def _prepare(folder: Path, keys: int) -> None:
    """Features of customers, and a model of them that answers two endpoints."""
    import numpy as np
    import polars as pl
    from sklearn.ensemble import HistGradientBoostingClassifier

    import fairlead

    values = np.random.default_rng(7).normal(size=(keys, FEATURES))
    frame = pl.DataFrame({f"f{n}": values[:, n] for n in range(FEATURES)})
    names = pl.Series("customer_id", [f"c-{key}" for key in range(keys)])
    frame.with_columns(names).write_parquet(folder / "customers.parquet")
    X, y = frame.head(5000).to_pandas(), values[:5000, 0] > 0
    model = HistGradientBoostingClassifier(max_iter=100).fit(X, y)
    fairlead.package(model, X, y, name="whole", home=folder / ".fairlead")
    fairlead.package(model, X, y, name="keyed", home=folder / ".fairlead")


def _requests(folder: Path, url: str, seconds: float) -> dict[str, float]:
    (folder / "fairlead.toml").write_text(SETTINGS.format(lookup=url))
    home, port = ["-m", "fairlead", "--home", str(folder / ".fairlead")], free_port()
    subprocess.run(
        [sys.executable, *home, "features", "materialize", "customer"],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    subprocess.run(
        [sys.executable, *home, "precompute", "whole", str(folder / "customers.parquet"),
         "--key=customer_id"],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    up = ["up", "whole:1", "keyed:1", f"--port={port}", "--control-port=0", "--workers=1"]
    found: dict[str, float] = {}
    with running([*home, *up], server_cores()) as process:
        for name, raw in _asked().items():
            until_answered(process, port, raw)
            pids = [pid for pid in children(process.pid) if runs(pid, "fairlead.app.worker")]
            for connections in POINTS:
                measure(port, raw, connections, 0.2, pids, load_cores())
                point = measure(port, raw, connections, seconds, pids, load_cores())
                assert point["good_share"] == 1, point
                at = f"{name}, {connections} connections"
                for figure in ("cpu_us", "p50_ms", "p99_ms"):
                    found[f"{at}, {figure.replace('_', ' ')}"] = point[figure]
    return found


def _asked() -> dict[str, bytes]:
    """Requests by what they ask for."""
    row = {f"f{n}": 0.5 for n in range(FEATURES)}
    bodies = {
        "live, whole rows": ("whole", row),
        "live, features looked up": ("keyed", {"customer_id": "c-77"}),
        "precomputed, by body": ("whole", {"key": "c-77"}),
    }
    asked = {
        name: request(f"/v1/endpoints/{endpoint}/predict", json.dumps({"rows": [row]}).encode())
        for name, (endpoint, row) in bodies.items()
    }
    path = "/v1/endpoints/whole/lookup/c-77"
    return asked | {
        "precomputed, by path": f"GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode()
    }


@contextlib.contextmanager
def _redis() -> Iterator[str]:
    """The URL of a server of our own; empty where there is none."""
    if shutil.which("redis-server") is None:
        yield ""
        return
    port = free_port()
    process = subprocess.Popen(
        ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""],
        stdout=subprocess.DEVNULL,
    )
    try:
        from fairlead.errors import StorageError
        from fairlead.lookup import open_tables

        url, deadline_s = f"redis://127.0.0.1:{port}/0", time.monotonic() + 10
        tables = open_tables(url)
        while True:
            with contextlib.suppress(StorageError):
                tables.current("bench")
                break
            assert time.monotonic() < deadline_s, "redis-server does not answer"
            time.sleep(0.02)
        tables.close()
        yield url
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    main()
