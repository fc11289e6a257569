"""What runs a model tells nobody of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from support.waiting import PATIENCE_S

CODE = """
import numpy as np
from skl2onnx import to_onnx
from sklearn.linear_model import LinearRegression

from fairlead.bundle import RunnerSpec
from fairlead.runners.onnx import OnnxRunner

rows = np.eye(3, dtype=np.float32)
raw = to_onnx(LinearRegression().fit(rows, rows[:, 0]), rows).SerializeToString()
OnnxRunner(raw, RunnerSpec(kind="onnx", path="m"), ())
"""


def test_onnxruntime_keeps_no_account_for_its_maker(tmp_path: Path) -> None:
    """Where it reports its use, it notes the session among the temporary files."""
    told = {name: value for name, value in os.environ.items() if not name.startswith("ORT_")}
    told |= {"TMPDIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    subprocess.run([sys.executable, "-c", CODE], env=told, check=True, timeout=PATIENCE_S)
    assert [path.name for path in tmp_path.iterdir()] == []
