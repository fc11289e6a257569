"""Ray Serve before onnxruntime: one replica, batching what comes within two milliseconds.

python ray_serve.py PORT FOLDER
"""

import os
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import ray
from model import with_onnx
from ray import serve
from starlette.requests import Request


@serve.deployment(num_replicas=1, max_ongoing_requests=256, ray_actor_options={"num_cpus": 0.5})
class Tumour:
    def __init__(self, folder: str) -> None:
        self._answer = with_onnx(Path(folder))

    @serve.batch(max_batch_size=64, batch_wait_timeout_s=0.002)  # type: ignore[untyped-decorator]
    async def together(self, inputs: list[Any]) -> list[Any]:
        ends = np.cumsum([len(rows) for rows in inputs])[:-1]
        return [p.tolist() for p in np.split(self._answer(np.concatenate(inputs))[1], ends)]

    async def __call__(self, request: Request) -> dict[str, Any]:
        rows = np.asarray((await request.json())["inputs"], np.float64)
        return {"probabilities": await self.together(rows)}


if __name__ == "__main__":
    port, folder = int(sys.argv[1]), sys.argv[2]
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "PYTHONPATH": str(Path(__file__).parent)}
    ray.init(include_dashboard=False, _node_ip_address="127.0.0.1", object_store_memory=200 << 20)
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    serve.run(Tumour.bind(folder), route_prefix="/predict")
    threading.Event().wait()
