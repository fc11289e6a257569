"""Runs an ONNX graph with onnxruntime."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fairlead.bundle.types import RunnerSpec
from fairlead.errors import BundleError, ConfigError, ModelError
from fairlead.runners.device import CPU, Device
from fairlead.runners.feed import make_feed
from fairlead.signature import NUMERIC, Batch, Column, Field

CUDA = "CUDAExecutionProvider"


class OnnxRunner:
    """Runs one graph on one thread.

    Args:
        raw: the ONNX model.
        spec: which fields feed which inputs, and which outputs become which fields.
        outputs: the signature's output fields.
        device: that it runs on.

    Raises:
        ConfigError: this onnxruntime cannot use the device.
        BundleError: onnxruntime cannot load it.
    """

    blocking = False

    def __init__(
        self, raw: bytes, spec: RunnerSpec, outputs: tuple[Field, ...], device: Device = CPU
    ) -> None:
        self._session: Any = _session(raw, device)
        self._feeds = {given.name: make_feed(given) for given in spec.inputs}
        fields = {field.name: field for field in outputs}
        self._asked = [output.name for output in spec.outputs]
        self._fields = [fields[output.field] for output in spec.outputs]
        self._names = tuple(f.name for f in self._fields if f.kind in NUMERIC)

    def predict(self, batch: Batch) -> Batch:
        """Answer rows.

        Raises:
            ModelError: the graph failed, answered other shapes than it should, or is closed.
        """
        answers = self.ask(batch, self._asked)
        try:
            return self._collect(batch.rows, answers)
        except ValueError:
            raise ModelError("The model answered another shape than it should.") from None

    def ask(self, batch: Batch, names: Sequence[str]) -> Sequence[Any]:
        """Answers as they leave the graph, of the outputs named.

        Raises:
            ModelError: the graph failed, or is closed.
        """
        if self._session is None:
            raise ModelError("The model is closed.")
        try:
            feeds = {name: feed(batch) for name, feed in self._feeds.items()}
            answers: Sequence[Any] = self._session.run(names, feeds, None)
        except Exception as error:
            raise ModelError(f"The model failed ({type(error).__name__}).") from error
        return answers

    def process_id(self) -> int:
        """It has no process of its own."""
        return 0

    def close(self) -> None:
        """Free the session."""
        self._session = None

    def _collect(self, rows: int, answers: Sequence[npt.NDArray[Any]]) -> Batch:
        numbers = np.empty((rows, len(self._names)), dtype=np.float64)
        columns: dict[str, Column] = {}
        place = 0
        for field, values in zip(self._fields, answers, strict=True):
            if field.kind in NUMERIC:
                numbers[:, place] = values.reshape(rows)
                place += 1
            elif field.kind == "tensor":
                fixed = -1 not in field.shape
                columns[field.name] = values.reshape(rows, *field.shape) if fixed else values
            else:
                columns[field.name] = values.reshape(rows).astype(object)
        return Batch(rows, self._names, numbers, columns)


def load_onnxruntime() -> Any:
    """The library, which reports its use to its maker unless it is told not to before it loads."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    return onnxruntime


def _session(raw: bytes, device: Device) -> Any:
    onnxruntime = load_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    if device.name == "cuda" and CUDA not in onnxruntime.get_available_providers():
        raise ConfigError(
            "The endpoint's device is cuda, which the onnxruntime that is installed cannot use.",
            hint="Install onnxruntime-gpu in place of onnxruntime: pip uninstall onnxruntime, "
            "then pip install onnxruntime-gpu.",
        )
    providers = _providers(device)
    try:
        session = onnxruntime.InferenceSession(raw, options, providers=providers)
    except Exception as error:
        raise BundleError(f"onnxruntime cannot load the model ({type(error).__name__}).") from error
    if device.name == "cuda" and CUDA not in session.get_providers():  # it fell back by itself
        raise ConfigError(
            "The endpoint's device is cuda, but onnxruntime found no card that it can use.",
            hint="See that nvidia-smi lists one, and that CUDA and cuDNN are of the versions that "
            "this onnxruntime-gpu asks for.",
        )
    # What wraps it looks at every input once more, in Python, and keeps the model's bytes to fall
    # back to other providers, which we never do.
    return session._sess


def _providers(device: Device) -> list[Any]:
    if device.name == "cpu":
        return ["CPUExecutionProvider"]
    given: dict[str, object] = {"arena_extend_strategy": "kSameAsRequested"}
    if device.memory_mb is not None:
        given["gpu_mem_limit"] = device.memory_mb * 1_000_000
    return [(CUDA, given), "CPUExecutionProvider"]  # some nodes exist for the processor alone
