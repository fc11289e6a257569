"""LitServe before onnxruntime, batching what comes within two milliseconds.

python lit_serve.py PORT FOLDER
"""

import sys
from pathlib import Path
from typing import Any

import litserve
import numpy as np
from model import with_onnx

PORT, FOLDER = int(sys.argv[1]), Path(sys.argv[2])


class Tumour(litserve.LitAPI):  # type: ignore[misc]
    def setup(self, device: str) -> None:
        self._answer = with_onnx(FOLDER)

    def decode_request(self, request: dict[str, Any]) -> Any:
        return np.asarray(request["inputs"], np.float64)

    def batch(self, inputs: list[Any]) -> Any:
        self._sizes = [len(rows) for rows in inputs]
        return np.concatenate(inputs)

    def predict(self, x: Any) -> Any:
        return self._answer(x)[1]

    def unbatch(self, output: Any) -> Any:
        return np.split(output, np.cumsum(self._sizes)[:-1])

    def encode_response(self, output: Any) -> dict[str, Any]:
        return {"probabilities": output.tolist()}


if __name__ == "__main__":
    api = Tumour(max_batch_size=64, batch_timeout=0.002)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1)
    server.run(
        host="127.0.0.1", port=PORT, num_api_servers=1, generate_client_file=False,
        log_level="error",
    )  # fmt: skip
