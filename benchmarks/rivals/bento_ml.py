"""BentoML before onnxruntime, with adaptive batching.

python bento_ml.py PORT FOLDER
"""

import os
import sys
from pathlib import Path

import bentoml
import numpy as np
from model import with_onnx


@bentoml.service(workers=1)
class Tumour:
    def __init__(self) -> None:
        self._answer = with_onnx(Path(os.environ["BENCH_FOLDER"]))

    @bentoml.api(batchable=True, max_batch_size=256, max_latency_ms=1000)  # type: ignore[untyped-decorator]
    def predict(self, inputs: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
        probabilities: np.ndarray = self._answer(inputs)[1]  # type: ignore[type-arg]
        return probabilities


if __name__ == "__main__":
    port, folder = sys.argv[1:]
    os.chdir(Path(__file__).parent)
    os.environ |= {
        "BENCH_FOLDER": folder,
        "BENTOML_DO_NOT_TRACK": "True",
        "BENTOML_HOME": str(Path(folder) / "bentoml"),
    }
    serve = ["-m", "bentoml", "serve", "bento_ml:Tumour", "--host", "127.0.0.1", "--port", port]
    os.execv(sys.executable, [sys.executable, *serve])
