"""A new process that loads a graph, answers one row, and tells what that took."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fairlead.compress.session import open_graph


def main() -> None:
    """Answer the rows in the folder that is named."""
    folder = Path(sys.argv[1])
    with np.load(folder / "feeds.npz") as held:
        feeds = {name: _texts(held[name]) for name in held.files}
    raw = (folder / "model.onnx").read_bytes()
    started_s = time.process_time()
    open_graph(raw)(feeds)
    ended_s = time.process_time()
    found = {
        "cpu_ms": 1e3 * ended_s,
        "load_ms": 1e3 * (ended_s - started_s),
        "memory_mb": _most_kb() / 1e3,
    }
    sys.stdout.write(json.dumps(found))


def _most_kb() -> float:
    """The most memory that it held; the usage that the system tells begins before its own start."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return float(line.split()[1])
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def _texts(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return values.astype(object) if values.dtype.kind == "U" else values


if __name__ == "__main__":
    main()
