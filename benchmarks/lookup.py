"""What look-ups and cached answers cost, beside requests with all fields that a model answers.

    python benchmarks/lookup.py [--quick] [--json PATH]

A table of 20 features by key is published, opened and asked at random; in Redis too, where
`redis-server` is installed, one key and 100 keys at a time. Then one model, boosted trees over
these features, answers over HTTP: whole rows, keys whose rows are looked up, and keys whose
predictions were made ahead, by path and by body. At last a light and a heavy model answer the same
row again and again, live and from a cache.
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
CACHES = """
[endpoint.light_cached.cache]
ttl = "1h"

[endpoint.heavy_cached.cache]
ttl = "1h"
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
        found["cache"] = _answers(folder / "cache", seconds)
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
    path = "/v1/endpoints/whole/lookup/c-77"
    asked = {
        "whole rows": _predict("whole", {f"f{n}": 0.5 for n in range(FEATURES)}),
        "features looked up": _predict("keyed", {"customer_id": "c-77"}),
        "predictions looked up": f"GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode(),
        "predictions looked up in a body": _predict("whole", {"key": "c-77"}),
    }
    return _loaded([*home, "up", "whole:1", "keyed:1"], port, asked, seconds)


def _predict(endpoint: str, row: dict[str, Any]) -> bytes:
    body = json.dumps({"rows": [row]}).encode()
    return request(f"/v1/endpoints/{endpoint}/predict", body)


def _answers(folder: Path, seconds: float) -> dict[str, float]:
    """One row, again and again, of models with and without a cache."""
    import numpy as np
    import pandas as pd
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.neural_network import MLPClassifier

    import fairlead

    X = pd.DataFrame(
        np.random.default_rng(7).normal(size=(1000, FEATURES)),
        columns=[f"f{n}" for n in range(FEATURES)],
    )
    models = {
        "light": HistGradientBoostingClassifier(max_iter=100),
        "heavy": MLPClassifier((1024, 1024), tol=1e9, n_iter_no_change=1, random_state=7),
    }
    names = [f"{name}{how}" for name in models for how in ("", "_cached")]
    folder.mkdir()
    (folder / "fairlead.toml").write_text(CACHES)
    for name, model in models.items():
        model.fit(X, X["f0"] > 0)
        for how in ("", "_cached"):
            fairlead.package(model, X, X["f0"] > 0, name=f"{name}{how}", home=folder / ".fairlead")
    home, row = ["-m", "fairlead", "--home", str(folder / ".fairlead")], dict(X.iloc[0])
    up = [*home, "up", *(f"{name}:1" for name in names)]
    asked = {f"{name} rows": _predict(name, row) for name in names}
    return _loaded(up, free_port(), asked, seconds)


def _loaded(up: list[str], port: int, asked: dict[str, bytes], seconds: float) -> dict[str, float]:
    """What requests cost a server with one worker, by request.

    Args:
        up: the command that starts it.
        port: of its API.
        asked: requests, by what is told of them.
        seconds: for which each is sent.
    """
    found: dict[str, float] = {}
    more = [f"--port={port}", "--control-port=0", "--workers=1"]
    with running([*up, *more], server_cores()) as process:
        for name, raw in asked.items():
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
