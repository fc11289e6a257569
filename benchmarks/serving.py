"""What a request costs, beside what others charge for the same model.

    python benchmarks/serving.py [--quick] [--json PATH]

One model, boosted trees over 30 fields, is asked over HTTP by a closed loop on another core: by
Fairlead with everything on (routing, validation, log, metrics), by FastAPI before onnxruntime and
scikit-learn, by bare ASGI, and by the floor: our transport with an empty handler. On a machine
that others use too, CPU time a request is the figure to trust; the ratios are of it.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support.processes import children, free_port, measure, request, running, until_answered

RIVALS = Path(__file__).with_name("rivals")
POINTS = ((1, 1), (16, 1), (64, 1), (16, 64))
"""Connections, and rows of each request."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="half a second a point")
    parser.add_argument("--json", type=Path, help="write the numbers here")
    given = parser.parse_args()
    seconds = 0.5 if given.quick else 4.0
    with tempfile.TemporaryDirectory(prefix="fairlead-bench-") as folder:
        rows, names = _prepare(Path(folder))
        found = {
            name: _points(subject, seconds)
            for name, subject in _subjects(Path(folder), rows, names).items()
        }
        found["model alone"] = _model_alone(Path(folder), rows, names)
    _print(found)
    if given.json:
        given.json.write_text(json.dumps(found, indent=2))


def _prepare(folder: Path) -> tuple[list[dict[str, float]], list[str]]:
    """Fit and package the model, and put it where the rivals find it."""
    from sklearn.datasets import load_breast_cancer
    from sklearn.ensemble import HistGradientBoostingClassifier

    import fairlead

    rows, labels = load_breast_cancer(return_X_y=True, as_frame=True)
    model = HistGradientBoostingClassifier(max_iter=100).fit(rows, labels)
    version = fairlead.package(model, rows, labels, name="tumour", home=folder / ".fairlead")
    assert version.runner == "onnx"
    (folder / "model.pickle").write_bytes(pickle.dumps(model))
    (folder / "names.pickle").write_bytes(pickle.dumps(list(rows.columns)))
    bundle = next((folder / ".fairlead" / "blobs").rglob("*.fairlead"))
    with zipfile.ZipFile(bundle) as archive:
        (folder / "model.onnx").write_bytes(archive.read("model.onnx"))
    return rows.head(64).to_dict("records"), list(rows.columns)


def _subjects(folder: Path, rows: list[dict[str, float]], names: list[str]) -> dict[str, Any]:
    def named(count: int) -> bytes:
        return json.dumps({"rows": rows[:count]}).encode()

    def plain(count: int) -> bytes:
        fields = [{name.replace(" ", "_"): v for name, v in row.items()} for row in rows[:count]]
        return json.dumps({"rows": fields}).encode()

    def tensor(count: int) -> bytes:
        data = [[row[name] for name in names] for row in rows[:count]]
        given = {"name": "x", "shape": [count, len(names)], "datatype": "FP64", "data": data}
        return json.dumps({"inputs": [given]}).encode()

    predict, fast_api = "/v1/endpoints/tumour/predict", str(RIVALS / "fast_api.py")
    return {
        "floor: empty reply": (_rival(str(RIVALS / "floor.py")), "/", named),
        "fairlead, named rows": (_fairlead(folder, 1), predict, named),
        "fairlead, two workers": (_fairlead(folder, 2), predict, named),
        "uvicorn, bare ASGI, onnxruntime": (
            _rival(str(RIVALS / "raw_asgi.py"), str(folder)), "/", named,
        ),
        "FastAPI async, onnxruntime": (
            _rival(fast_api, str(folder), "onnx", "async"), "/predict", plain,
        ),
        "FastAPI sync, onnxruntime": (
            _rival(fast_api, str(folder), "onnx", "sync"), "/predict", plain,
        ),
        "FastAPI async, scikit-learn": (
            _rival(fast_api, str(folder), "sklearn", "async"), "/predict", plain,
        ),
        "FastAPI sync, scikit-learn": (
            _rival(fast_api, str(folder), "sklearn", "sync"), "/predict", plain,
        ),
    }  # fmt: skip


@contextmanager
def _rival(program: str, *arguments: str) -> Iterator[tuple[int, Callable[[], list[int]]]]:
    port = free_port()
    with running([program, str(port), *arguments], _cores()[0]) as pid:
        yield port, lambda: [pid]


@contextmanager
def _fairlead(folder: Path, workers: int) -> Iterator[tuple[int, Callable[[], list[int]]]]:
    """The platform; what its workers use is counted, its controller runs beside them."""
    port = free_port()
    arguments = ["-m", "fairlead", "--home", str(folder / ".fairlead"), "up", "tumour:1"]
    arguments += [f"--port={port}", "--control-port=0", f"--workers={workers}"]
    with running(arguments, _cores()[0]) as pid:
        yield port, lambda: children(pid)["fairlead.app.worker"]


def _cores() -> tuple[set[int], set[int]]:
    """The core of the server, and those of the load."""
    every = sorted(os.sched_getaffinity(0))
    return {every[0]}, set(every[1:]) or {every[0]}


def _points(subject: Any, seconds: float) -> dict[str, dict[str, Any]]:
    server, path, body = subject
    found = {}
    with server as (port, processes):
        for connections, rows in POINTS:
            raw = request(path, body(rows))
            until_answered(port, raw)
            pids = processes()
            measure(port, raw, connections, 0.2, pids, _cores()[1])
            found[f"{connections} x {rows}"] = measure(
                port, raw, connections, seconds, pids, _cores()[1]
            )
    return found


def _model_alone(folder: Path, rows: list[dict[str, float]], names: list[str]) -> dict[str, Any]:
    """CPU of decoding and of the model, in this process, at batches of one and 64 rows."""
    import msgspec
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        (folder / "model.onnx").read_bytes(), options, providers=["CPUExecutionProvider"]
    )
    found: dict[str, Any] = {}
    for count in (1, 64):
        matrix = np.array([[row[name] for name in names] for row in rows[:count]])
        body = json.dumps({"rows": rows[:count]}).encode()
        found[f"model, {count} rows"] = _cpu_us(lambda m=matrix: session.run(None, {"numbers": m}))
        found[f"decode, {count} rows"] = _cpu_us(lambda b=body: msgspec.json.decode(b))
    return found


def _cpu_us(run: Any) -> float:
    best = float("inf")
    for _ in range(5):
        started = time.process_time()
        for _ in range(200):
            run()
        best = min(best, (time.process_time() - started) / 200 * 1e6)
    return best


def _print(found: dict[str, Any]) -> None:
    alone = found["model alone"]
    print(f"{'':34}{'conns x rows':>14}{'CPU us':>9}{'/CPU s':>9}{'/s':>8}{'p50 ms':>8}{'p99':>8}")
    for name, points in found.items():
        for point, values in points.items():
            if name == "model alone":
                print(f"{point:34}{'':14}{values:9.1f}")
                continue
            print(
                f"{name:34}{point:>14}{values['cpu_us']:9.1f}{values['per_cpu_s']:9.0f}"
                f"{values['per_s']:8.0f}{values['p50_ms']:8.2f}{values['p99_ms']:8.2f}"
            )
    for name in ("fairlead, named rows",):
        _print_ratios(name, found, alone)


def _print_ratios(name: str, found: dict[str, Any], alone: dict[str, Any]) -> None:
    ours = found[name]["64 x 1"]["cpu_us"]
    floor = found["floor: empty reply"]["64 x 1"]["cpu_us"] + alone["model, 64 rows"] / 64
    bulk = alone["model, 64 rows"] + alone["decode, 64 rows"]
    print(f"\n{name}, CPU a request, 64 connections")
    for rival in found:
        if rival.startswith(("FastAPI", "uvicorn")):
            print(f"  {rival:38}{found[rival]['64 x 1']['cpu_us'] / ours:6.1f} times ours")
    print(f"  {'ours to floor and bare model':38}{ours / floor:6.1f} times")
    many = found[name]["16 x 64"]["cpu_us"]
    print(f"  {'64 rows, to decoding and model':38}{many / bulk:6.1f} times")
    two = found["fairlead, two workers"]["64 x 1"]["cpu_us"]
    print(f"  {'a second worker, to one':38}{two / ours:6.2f} times")


if __name__ == "__main__":
    main()
