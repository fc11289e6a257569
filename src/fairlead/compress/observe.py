"""What inner tensors of a graph hold, for given rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper

from fairlead.compress.graph import Array
from fairlead.compress.types import Feeds
from fairlead.errors import ModelError
from fairlead.runners.onnx import load_onnxruntime

ROWS = 128
"""Rows that are looked at together, which bounds the memory."""


class Observer:
    """Runs a graph and answers what some of its tensors hold.

    Args:
        model: left as it is.
        tensors: by name.

    Raises:
        ModelError: onnxruntime cannot load it.
    """

    def __init__(self, model: onnx.ModelProto, tensors: Sequence[str]) -> None:
        opened = onnx.ModelProto()
        opened.CopyFrom(model)
        there = {output.name for output in opened.graph.output}
        opened.graph.output.extend(
            helper.make_empty_tensor_value_info(name) for name in dict.fromkeys(tensors)
            if name not in there
        )  # fmt: skip
        self._tensors = list(tensors)
        self._session = _session(opened.SerializeToString())

    def __call__(self, feeds: Feeds) -> list[Array]:
        """The values of the tensors, in their order.

        Raises:
            ModelError: the graph does not take the rows.
        """
        try:
            values: list[Array] = self._session.run(self._tensors, dict(feeds))
        except Exception as error:
            raise ModelError(
                f"The graph does not answer the rows ({type(error).__name__})."
            ) from None
        return values


def batches(feeds: Feeds, rows: int = ROWS) -> Iterator[Feeds]:
    """The rows in parts."""
    count = len(next(iter(feeds.values())))
    for start in range(0, count, rows):
        yield {name: values[start : start + rows] for name, values in feeds.items()}


def shapes(model: onnx.ModelProto, tensors: Sequence[str], feeds: Feeds) -> dict[str, Shape]:
    """The shapes of tensors; their first axis is None if it is as long as there are rows.

    Raises:
        ModelError: the graph does not take one row, or several.
    """
    few = {name: np.concatenate([values[:1]] * 3) for name, values in feeds.items()}
    observer = Observer(model, tensors)
    one, three = observer({name: v[:1] for name, v in few.items()}), observer(few)
    return {
        name: (None if len(a.shape) and (a.shape[0], b.shape[0]) == (1, 3) else -1, *a.shape[1:])
        for name, a, b in zip(tensors, one, three, strict=True)
    }


Shape = tuple[int | None, ...]


def _session(raw: bytes) -> Any:
    onnxruntime = load_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(raw, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ModelError(f"onnxruntime cannot load the graph ({type(error).__name__}).") from None
