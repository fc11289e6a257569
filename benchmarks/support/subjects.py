"""Who is measured: how each is started, and how it is asked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from struct import pack
from typing import Any

from support.processes import children, free_port, running, runs, tree

RIVALS = Path(__file__).parents[1] / "rivals"
JSON = "content-type: application/json"
Rows = list[dict[str, float]]


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs.

    Args:
        process: that was started.
        port: that it answers on.
        pids: of the processes whose work counts.
    """

    process: subprocess.Popen[bytes]
    port: int
    pids: Callable[[], list[int]]


@dataclass(frozen=True, slots=True)
class Subject:
    """One that is measured.

    Args:
        start: it, until the end of the block.
        path: that is asked.
        body: of a request with some rows, and further headers.
        crowds: whether it is measured under overload too.
        more: points to measure beside the usual ones: connections, and rows of each request.
    """

    start: Callable[[], AbstractContextManager[Server]]
    path: str
    body: Callable[[Rows], tuple[bytes, str]]
    crowds: bool = False
    more: tuple[tuple[int, int], ...] = ()


def server_cores() -> set[int]:
    """The core of the server."""
    return {min(os.sched_getaffinity(0))}


def load_cores() -> set[int]:
    """The cores of the load: all others, if there are any."""
    return os.sched_getaffinity(0) - server_cores() or server_cores()


def subjects(folder: Path, names: list[str]) -> dict[str, Subject]:
    """Fairlead, and what is written by hand for the same model."""
    predict, infer = "/v1/endpoints/tumour/predict", "/v2/models/tumour/infer"
    fast_api = {
        f"FastAPI {style}, {called}": Subject(
            _rival("fast_api", folder, library, style), "/predict", _underscored
        )
        for library, called in (("onnx", "onnxruntime"), ("sklearn", "scikit-learn"))
        for style in ("async", "sync")
    }
    return {
        "floor: empty reply": Subject(_rival("floor", folder), "/", _named),
        "fairlead, named rows": Subject(_fairlead(folder, 1), predict, _named, crowds=True),
        "fairlead, v2 tensor": Subject(_fairlead(folder, 1), infer, _tensor(names)),
        "fairlead, v2 binary": Subject(_fairlead(folder, 1), infer, _binary(names)),
        "fairlead, two workers": Subject(_fairlead(folder, 2), predict, _named, more=((128, 1),)),
        "uvicorn, bare ASGI, onnxruntime": Subject(_rival("raw_asgi", folder), "/", _named),
        **fast_api,
        "FastAPI async, scikit-learn, arrays": Subject(
            _rival("fast_api", folder, "bare", "async"), "/predict", _underscored
        ),
    }


def peers(folder: Path, names: list[str], pythons: Mapping[str, str]) -> dict[str, Subject]:
    """Packaged model servers, as far as they are installed.

    Args:
        folder: of the model.
        names: of the fields.
        pythons: interpreters of those that have environments of their own, by library.
    """
    inputs, infer = _inputs(names), "/v2/models/tumour/infer"
    every = {
        "bentoml": ("BentoML", "bento_ml", "/predict", inputs),
        "litserve": ("LitServe", "lit_serve", "/predict", inputs),
        "mlserver": ("MLServer", "ml_server", infer, _tensor(names)),
        "ray": ("Ray Serve", "ray_serve", "/predict", inputs),
        "mlflow": ("MLflow", "ml_flow", "/invocations", inputs),
    }
    found = {}
    for library, (name, program, path, body) in every.items():
        python = pythons.get(library, sys.executable)
        runner = "sklearn" if library == "mlflow" else "onnxruntime"
        if _has(python, library, runner):
            found[f"peer: {name}"] = Subject(_rival(program, folder, python=python), path, body)
        else:
            print(f"{name} is left out: {python} has not both {library} and {runner}.")
    return found


def _has(python: str, *modules: str) -> bool:
    look = f"from importlib.util import find_spec as f; exit(not all(map(f, {modules})))"
    return subprocess.run([python, "-c", look], check=False).returncode == 0


def _rival(
    program: str, folder: Path, *arguments: str, python: str = sys.executable
) -> Callable[[], AbstractContextManager[Server]]:
    """A program of `rivals`; all its processes count."""

    @contextmanager
    def start() -> Iterator[Server]:
        port = free_port()
        given = [str(RIVALS / f"{program}.py"), str(port), str(folder), *arguments]
        with running(given, server_cores(), python) as process:
            yield Server(process, port, lambda: tree(process.pid))

    return start


def _fairlead(folder: Path, workers: int) -> Callable[[], AbstractContextManager[Server]]:
    """The platform; what its workers use is counted, its controller runs beside them."""

    @contextmanager
    def start() -> Iterator[Server]:
        port = free_port()
        arguments = ["-m", "fairlead", "--home", str(folder / ".fairlead"), "up", "tumour:1"]
        arguments += [f"--port={port}", "--control-port=0", f"--workers={workers}"]

        def pids() -> list[int]:
            return [pid for pid in children(process.pid) if runs(pid, "fairlead.app.worker")]

        with running(arguments, server_cores()) as process:
            yield Server(process, port, pids)

    return start


def _named(rows: Rows) -> tuple[bytes, str]:
    return json.dumps({"rows": rows}).encode(), JSON


def _underscored(rows: Rows) -> tuple[bytes, str]:
    """Names that Python's attributes can have."""
    return _named([{name.replace(" ", "_"): v for name, v in row.items()} for row in rows])


def _matrix(rows: Rows, names: list[str]) -> list[list[float]]:
    return [[row[name] for name in names] for row in rows]


def _flat(rows: Rows, names: list[str]) -> list[float]:
    return [row[name] for row in rows for name in names]


def _inputs(names: list[str]) -> Callable[[Rows], tuple[bytes, str]]:
    return lambda rows: (json.dumps({"inputs": _matrix(rows, names)}).encode(), JSON)


def _tensor_of(rows: Rows, names: list[str], **data: Any) -> bytes:
    tensor = {"name": "x", "shape": [len(rows), len(names)], "datatype": "FP64", **data}
    return json.dumps({"inputs": [tensor]}).encode()


def _tensor(names: list[str]) -> Callable[[Rows], tuple[bytes, str]]:
    return lambda rows: (_tensor_of(rows, names, data=_flat(rows, names)), JSON)


def _binary(names: list[str]) -> Callable[[Rows], tuple[bytes, str]]:
    def body(rows: Rows) -> tuple[bytes, str]:
        values = _flat(rows, names)
        blob = pack(f"<{len(values)}d", *values)
        head = _tensor_of(rows, names, parameters={"binary_data_size": len(blob)})
        return head + blob, f"inference-header-content-length: {len(head)}"

    return body
