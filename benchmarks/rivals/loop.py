"""A loop as one writes it by hand: polars reads and writes files, onnxruntime has all cores.

    python benchmarks/rivals/loop.py MODEL IN OUT

It checks nothing, keeps no record, and begins anew when it is killed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnxruntime
import polars as pl

ROWS = 65_536


def main() -> None:
    model, source, target = map(Path, sys.argv[1:])
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    target.mkdir()
    for path in sorted(source.glob("*.parquet")):
        rows = pl.read_parquet(path)
        inputs = rows.drop("id").to_numpy()
        answers = [
            session.run(["label", "probabilities"], {"numbers": inputs[start : start + ROWS]})
            for start in range(0, len(inputs), ROWS)
        ]
        label, chance = (np.concatenate(column) for column in zip(*answers, strict=True))
        answered = pl.DataFrame(
            {"id": rows["id"], "label": label.reshape(-1), "probability": chance[:, 1]}
        )
        answered.write_parquet(target / path.name)


if __name__ == "__main__":
    main()
