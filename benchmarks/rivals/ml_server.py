"""MLServer before onnxruntime, in its main process, which was its faster way.

python ml_server.py PORT FOLDER
"""

import json
import os
import sys
from pathlib import Path

from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse
from model import with_onnx


class Tumour(MLModel):  # type: ignore[misc]
    async def load(self) -> bool:
        self._answer = with_onnx(Path(os.environ["BENCH_FOLDER"]))
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        matrix = self.decode(payload.inputs[0], default_codec=NumpyCodec)
        shares = NumpyCodec.encode_output("probabilities", self._answer(matrix)[1])
        return InferenceResponse(model_name=self.name, outputs=[shares])


if __name__ == "__main__":
    port, folder = int(sys.argv[1]), Path(sys.argv[2])
    place = folder / "mlserver"
    place.mkdir(exist_ok=True)
    settings = {"host": "127.0.0.1", "http_port": port, "parallel_workers": 0}
    settings |= {"grpc_port": port + 1, "metrics_port": port + 2, "debug": False}
    (place / "settings.json").write_text(json.dumps(settings))
    model = {"name": "tumour", "implementation": "ml_server.Tumour"}
    (place / "model-settings.json").write_text(json.dumps(model))
    os.environ |= {"BENCH_FOLDER": str(folder), "PYTHONPATH": str(Path(__file__).parent)}
    start = "from mlserver.cli import main; main()"
    os.execv(sys.executable, [sys.executable, "-c", start, "start", str(place)])
