"""A new process that loads a graph, answers one row, and tells what that took."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np

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
    used = resource.getrusage(resource.RUSAGE_SELF)
    found = {
        "cpu_ms": 1e3 * ended_s,
        "load_ms": 1e3 * (ended_s - started_s),
        "memory_mb": used.ru_maxrss / 1e3,
    }
    sys.stdout.write(json.dumps(found))


def _texts(values: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    return values.astype(object) if values.dtype.kind == "U" else values


if __name__ == "__main__":
    main()
