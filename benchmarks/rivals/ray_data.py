"""A pipeline of Ray Data as one writes it by hand: onnxruntime between two folders of Parquet.

    python benchmarks/rivals/ray_data.py MODEL IN OUT

It checks nothing, keeps no record, and begins anew when it is killed.
"""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path
from typing import Any

os.environ |= {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # loopback alone
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": secrets.token_hex(32),
}

import numpy as np
import onnxruntime
import ray
from ray.data import ActorPoolStrategy, DataContext

ROWS, CPUS = 65_536, 0.9


class Model:
    def __init__(self, path: str) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            path, options, providers=["CPUExecutionProvider"]
        )

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        inputs = np.column_stack([batch[name] for name in batch if name != "id"])
        label, chance = self._session.run(["label", "probabilities"], {"numbers": inputs})
        return {"id": batch["id"], "label": label.reshape(-1), "probability": chance[:, 1]}


def main() -> None:
    model, source, target = sys.argv[1:]
    cores = os.cpu_count() or 1
    ray.init(
        address="local",
        num_cpus=cores,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
        _temp_dir=str(Path(target).parent / "ray"),
    )
    DataContext.get_current().enable_progress_bars = False
    rows = ray.data.read_parquet(source)
    answers = rows.map_batches(
        Model,
        fn_constructor_args=(model,),
        batch_size=ROWS,
        num_cpus=CPUS / 2,  # reading and writing need some of a core, too
        compute=ActorPoolStrategy(size=cores),
    )
    answers.write_parquet(target)
    ray.shutdown()


if __name__ == "__main__":
    main()
