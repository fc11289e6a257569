"""What a request costs, beside what others charge for the same model.

    python benchmarks/serving.py [--quick] [--json PATH] [--peers [LIBRARY=PYTHON ...]]

One model, boosted trees over 30 fields, is asked over HTTP by a closed loop on another core: by
Fairlead with everything on (routing, validation, log, metrics), by FastAPI before onnxruntime and
scikit-learn, by bare ASGI, and by the floor: our transport with an empty handler; with `--peers`
by packaged model servers too. On a machine that others use, CPU time a request is the figure to
trust; the ratios are of it. A thousand connections show what is left under overload.

It ends with the bars, and exits with 1 if one is missed; `--quick` is too short to judge.
"""

from __future__ import annotations

import argparse
import json
import pickle
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support.bars import Found, bars
from support.processes import measure, request, until_answered
from support.subjects import Rows, Subject, load_cores, peers, subjects

POINTS = ((1, 1), (16, 1), (64, 1), (16, 64))
"""Connections, and rows of each request."""

CROWD = 1000
CROWD_TIMEOUTS_MS = (10_000, 250)
"""Deadlines under overload; the first is the one that requests have by default."""


def main() -> None:
    given = _arguments()
    seconds = 0.5 if given.quick else 4.0
    with tempfile.TemporaryDirectory(prefix="fairlead-bench-") as place:
        folder = Path(place)
        rows, names = _prepare(folder)
        measured = subjects(folder, names)
        if given.peers is not None:
            measured |= peers(folder, names, dict(peer.split("=", 1) for peer in given.peers))
        found: Found = {}
        _print_head()
        for name, subject in measured.items():
            found[name] = _points(subject, rows, seconds)
            _print_points(name, found[name])
        found["model alone"] = _model_alone(folder, rows, names)
    missed = _print_bars(found)
    if given.json:
        given.json.write_text(json.dumps(found, indent=2))
    sys.exit(missed and not given.quick)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="half a second a point, no verdict")
    parser.add_argument("--json", type=Path, help="write the numbers here")
    parser.add_argument(
        "--peers", nargs="*", metavar="LIBRARY=PYTHON", help="measure installed model servers too,"
        " those named with an interpreter of their own",
    )  # fmt: skip
    return parser.parse_args()


def _prepare(folder: Path) -> tuple[Rows, list[str]]:
    """Fit and package the model, and put it where the rivals find it."""
    from sklearn.datasets import load_breast_cancer
    from sklearn.ensemble import HistGradientBoostingClassifier

    import fairlead

    rows, labels = load_breast_cancer(return_X_y=True, as_frame=True)
    model = HistGradientBoostingClassifier(max_iter=100).fit(rows, labels)
    version = fairlead.package(model, rows, labels, name="tumour", home=folder / ".fairlead")
    assert version.runner == "onnx"
    bare = HistGradientBoostingClassifier(max_iter=100).fit(rows.to_numpy(), labels)
    (folder / "model.pickle").write_bytes(pickle.dumps(model))
    (folder / "bare.pickle").write_bytes(pickle.dumps(bare))
    (folder / "names.pickle").write_bytes(pickle.dumps(list(rows.columns)))
    bundle = next((folder / ".fairlead" / "blobs").rglob("*.fairlead"))
    with zipfile.ZipFile(bundle) as archive:
        (folder / "model.onnx").write_bytes(archive.read("model.onnx"))
    return rows.head(64).to_dict("records"), list(rows.columns)


def _points(subject: Subject, rows: Rows, seconds: float) -> dict[str, dict[str, Any]]:
    found = {}
    points = [(connections, count, 0) for connections, count in POINTS + subject.more]
    if subject.crowds:
        points += [(CROWD, 1, timeout_ms) for timeout_ms in CROWD_TIMEOUTS_MS]
    with subject.start() as server:
        for connections, count, timeout_ms in points:
            body, headers = subject.body(rows[:count])
            if timeout_ms:
                headers += f"\r\nfairlead-timeout-ms: {timeout_ms}"
            raw = request(subject.path, body, headers)
            until_answered(server.process, server.port, raw)
            pids = server.pids()
            measure(server.port, raw, connections, 0.2, pids, load_cores())
            point = measure(server.port, raw, connections, seconds, pids, load_cores())
            assert timeout_ms or point["good_share"] == 1, point
            name = f"{connections} x {count}" + (f" in {timeout_ms} ms" if timeout_ms else "")
            found[name] = {**point, "timeout_ms": timeout_ms}
    return found


def _model_alone(folder: Path, rows: Rows, names: list[str]) -> dict[str, Any]:
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

        def run(matrix: Any = matrix) -> None:
            session.run(None, {"numbers": matrix})

        def decode_and_run(body: bytes = body, run: Callable[[], None] = run) -> None:
            msgspec.json.decode(body)
            run()

        found[f"model, {count} rows"] = _cpu_us(run)
        # In turn, as in a server: a loop of the model alone has its trees' paths by heart.
        found[f"decode and model, {count} rows"] = _cpu_us(decode_and_run)
    return found


def _cpu_us(run: Callable[[], Any]) -> float:
    best = float("inf")
    for _ in range(5):
        started = time.process_time()
        for _ in range(200):
            run()
        best = min(best, (time.process_time() - started) / 200 * 1e6)
    return best


def _print_head() -> None:
    print(
        f"{'':32}{'conns x rows':>22}{'CPU us':>9}{'200/CPU s':>11}{'200/s':>8}{'200 %':>7}"
        f"{'p50 ms':>8}{'p99':>8}{'max':>8}"
    )


def _print_points(name: str, points: dict[str, dict[str, Any]]) -> None:
    for point, values in points.items():
        times = "".join(f"{values[key] or 0:8.2f}" for key in ("p50_ms", "p99_ms", "max_ms"))
        print(
            f"{name:32}{point:>22}{values['cpu_us']:9.1f}{values['per_cpu_s']:11.0f}"
            f"{values['good_per_s']:8.0f}{values['good_share']:7.1%}{times}",
            flush=True,
        )


def _print_bars(found: Found) -> bool:
    """Print every bar; gives whether one is missed."""
    for name, cpu_us in found["model alone"].items():
        print(f"{name:54}{cpu_us:9.1f}")
    print("\nFairlead, CPU a request at 64 connections where nothing else is said:")
    every = bars(found)
    for bar in every:
        print(f"  {bar}")
    return not all(bar.reached for bar in every)


if __name__ == "__main__":
    main()
