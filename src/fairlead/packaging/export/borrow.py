"""Borrowing skl2onnx's converter for a single estimator over numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from fairlead.errors import ExportError
from fairlead.packaging.export.answer import Answer
from fairlead.packaging.export.graph import ML, OPSET, Graph
from fairlead.packaging.export.table import Table, made, numbers

SINGLE_ONLY = frozenset({
    "TreeEnsembleClassifier", "TreeEnsembleRegressor", "SVMClassifier", "SVMRegressor",
    "LinearClassifier", "LinearRegressor", "Scaler", "Normalizer", "Imputer", "Binarizer",
})  # fmt: skip
"""Operators of ai.onnx.ml that compute in single precision whatever they are given."""


def borrow_predictor(model: Any, table: Table, graph: Graph, classes: Any) -> Answer:
    """Convert a classifier, regressor or clusterer with skl2onnx.

    Args:
        model: fitted.
        table: what it is given; numbers only.
        graph: takes its nodes.
        classes: in the order of the class's index; None for a regressor.

    Raises:
        ExportError: skl2onnx has no converter for it, or one that cannot be taken over.
    """
    outputs = _borrow(model, table, graph)
    if classes is None:
        values = graph.cast(outputs[0], "float64")
        return Answer(values=graph.add("Reshape", values, np.array([0, -1])))
    known = np.asarray(classes)
    labels = graph.column(outputs[0])
    if known.dtype.kind in "OU":
        equal = graph.binary("Equal", labels, known.astype(object)[None, :])
    else:
        equal = graph.binary("Equal", graph.cast(labels, "float64"), known[None, :].astype(float))
    probabilities = ""
    if len(outputs) > 1 and hasattr(model, "predict_proba"):
        probabilities = graph.cast(outputs[1], "float64")
    return Answer(graph.argmax(equal), probabilities)


def borrow_transform(model: Any, table: Table, graph: Graph) -> Table:
    """Convert a transformer of numbers with skl2onnx.

    Raises:
        ExportError: skl2onnx has no converter for it, or one that cannot be taken over.
    """
    output = graph.cast(_borrow(model, table, graph)[0], "float64")
    width = np.asarray(model.transform(np.ones((1, len(table))))).shape[1]
    return made(graph, output, width)


def _borrow(model: Any, table: Table, graph: Graph) -> list[str]:
    """Take over the nodes of a converted model; the names of its outputs."""
    x = numbers(graph, table)
    proto = _convert(model, len(table))
    foreign = {o.domain for o in proto.opset_import} - {"", ML}
    if foreign or proto.functions or _is_single(proto.graph):
        raise ExportError(
            f"skl2onnx has no form of {type(model).__name__} in double precision throughout."
        )
    prefix = graph.name(type(model).__name__) + "."
    names = {"X": x}

    def renamed(name: str) -> str:
        return names.get(name, prefix + name) if name else ""

    for tensor in proto.graph.initializer:
        tensor.name = renamed(tensor.name)
        graph.constants.append(tensor)
    for node in proto.graph.node:
        if any(attribute.HasField("g") for attribute in node.attribute):
            _rename_inside(node, renamed)
        node.input[:] = [renamed(name) for name in node.input]
        node.output[:] = [renamed(name) for name in node.output]
        node.name = ""
        graph.nodes.append(node)
    return [renamed(output.name) for output in proto.graph.output]


def _is_single(graph: Any) -> bool:
    """Whether anything in a graph is computed in single precision."""
    from onnx import TensorProto

    single = (TensorProto.FLOAT, TensorProto.FLOAT16)
    if any(tensor.data_type in single for tensor in graph.initializer):
        return True
    for node in graph.node:
        if node.op_type in SINGLE_ONLY:
            return True
        for attribute in node.attribute:
            cast = node.op_type == "Cast" and attribute.name == "to" and attribute.i in single
            constant = attribute.HasField("t") and attribute.t.data_type in single
            if cast or constant or (attribute.HasField("g") and _is_single(attribute.g)):
                return True
    return False


def _convert(model: Any, width: int) -> Any:
    import skl2onnx
    from skl2onnx.common.data_types import DoubleTensorType

    options = {id(model): {"zipmap": False}} if hasattr(model, "classes_") else None
    try:
        return skl2onnx.to_onnx(
            model,
            initial_types=[("X", DoubleTensorType([None, width]))],
            options=options,
            target_opset={"": OPSET, ML: 3},
        )
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:120]
        if "shape calculator" in reason:
            raise ExportError(f"{type(model).__name__} has no converter.") from None
        raise ExportError(f"skl2onnx does not convert {type(model).__name__}: {reason}.") from None


def _rename_inside(node: Any, renamed: Any) -> None:
    """Rename what a loop's body takes from outside and makes inside."""
    for attribute in node.attribute:
        if not attribute.HasField("g"):
            continue
        body = attribute.g
        for tensor in (*body.initializer, *body.input, *body.output):
            tensor.name = renamed(tensor.name)
        for inner in body.node:
            _rename_inside(inner, renamed)
            inner.input[:] = [renamed(name) for name in inner.input]
            inner.output[:] = [renamed(name) for name in inner.output]
