"""What inner tensors of a graph hold, for given rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import onnx

from fairlead.compress.graph import STANDARD, Array, Draft, Node, reads
from fairlead.compress.types import Feeds
from fairlead.errors import ModelError
from fairlead.runners.onnx import load_onnxruntime

Shape = tuple[int, ...]

CHANCE = ("Bernoulli", "Dropout", "Multinomial", "RandomNormalLike", "RandomUniformLike")
ROWS = 128
ELEMENTS = 4_000_000
"""How many rows, and how many numbers of them, are looked at together: this bounds the memory."""


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
        asked = [name for name in dict.fromkeys(tensors) if name not in there]
        opened.graph.output.extend(onnx.ValueInfoProto(name=name) for name in asked)
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


def observe(model: onnx.ModelProto, tensors: Sequence[str], feeds: Feeds) -> dict[str, Array]:
    """What tensors hold for all rows, looked at in parts.

    Raises:
        ModelError: onnxruntime cannot load the graph, or it does not take the rows.
    """
    observer = Observer(model, tensors)
    parts = [observer(part) for part in batches(feeds)]
    return {
        name: np.concatenate(each)
        for name, each in zip(tensors, zip(*parts, strict=True), strict=True)
    }


def batches(feeds: Feeds, elements: int = 1) -> Iterator[Feeds]:
    """The rows in parts.

    Args:
        feeds: all of them.
        elements: how many numbers are made of each.
    """
    count = len(next(iter(feeds.values())))
    rows = max(1, min(ROWS, ELEMENTS // elements))
    for start in range(0, count, rows):
        yield {name: values[start : start + rows] for name, values in feeds.items()}


def shapes(draft: Draft, feeds: Feeds) -> dict[str, Shape]:
    """The shapes of all tensors that nodes make, for three rows.

    Raises:
        ModelError: the graph does not take three rows.
    """
    names = [name for node in draft.nodes for name in node.output if name]
    rows = {name: np.concatenate([values[:1]] * 3) for name, values in feeds.items()}
    found: list[tuple[str, Any]] = list(zip(names, Observer(draft.model, names)(rows), strict=True))
    return {name: values.shape for name, values in found if isinstance(values, np.ndarray)}


def fold(draft: Draft, feeds: Feeds) -> None:
    """Put the values of all that does not depend on the inputs in the place of their nodes.

    So weights that are stored in fewer bytes become weights again.

    Raises:
        ModelError: the graph does not take a row.
    """
    fixed = [node for node in draft.nodes if _is_fixed(draft, node)]
    if not fixed:
        return
    names = [name for node in fixed for name in node.output if name]
    values = Observer(draft.model, names)({name: given[:1] for name, given in feeds.items()})
    draft.freeze(fixed, dict(zip(names, values, strict=True)))
    fold(draft, feeds)


def _is_fixed(draft: Draft, node: Node) -> bool:
    if node.op_type in CHANCE or node.domain not in STANDARD or not node.input:
        return False
    if draft.outputs.intersection(node.output):
        return False
    return all(not name or draft.constant(name) is not None for name in reads(node))


def _session(raw: bytes) -> Any:
    onnxruntime = load_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(raw, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ModelError(f"onnxruntime cannot load the graph ({type(error).__name__}).") from None
