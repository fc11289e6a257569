"""Arithmetic in eight bits, by onnxruntime's own static quantisation."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx

from fairlead.bundle import Step
from fairlead.compress.graph import Draft, called
from fairlead.compress.layers import LAYERS, Layer, layer_of
from fairlead.compress.observe import Observer, batches
from fairlead.compress.settings import take
from fairlead.compress.types import Feeds, Refused
from fairlead.compress.weights import weights_of
from fairlead.errors import ConfigError, ModelError
from fairlead.runners.onnx import load_onnxruntime

FORMATS = ("QDQ", "QOperator")
QUANTISED = (*LAYERS, "Add", "AveragePool", "GlobalAveragePool", "MaxPool", "Relu", "Reshape")


class StaticInt8:
    """Computes layers in whole numbers, in ranges that the rows' values have.

    It is faster on processors with instructions for it alone, slower on many, and answers
    differently from one to another: measure it where it will run. Weights take seven of the
    eight bits, since products of all eight saturate where those instructions are missing.
    """

    name = "static-int8"

    def steps(self) -> Sequence[Step]:
        """Both forms that onnxruntime has."""
        return tuple(Step(method=self.name, settings={"form": form}) for form in FORMATS)

    def apply(
        self,
        model: onnx.ModelProto,
        step: Step,
        feeds: Feeds,
        *,
        seed: int,  # noqa: ARG002 - nothing is drawn
    ) -> onnx.ModelProto | Refused:
        """Quantise each layer in single precision."""
        form = str(take(step, {"form": FORMATS[0]})["form"])
        if form not in FORMATS:
            raise ConfigError(f"'form' of '{self.name}' must be one of {', '.join(FORMATS)}.")
        draft = Draft(model)
        reasons = _reasons(draft)
        if not any(True for _ in weights_of(draft)) or _doubles(draft):
            return Refused(self.name, " ".join(reasons) or "The graph has no layers.")
        try:
            Observer(model, [])(next(batches(feeds)))
        except ModelError as error:
            return Refused(self.name, error.message)
        return _quantised(draft.finish(), feeds, form)

    def refusals(
        self,
        model: onnx.ModelProto,
        feeds: Feeds,  # noqa: ARG002 - rows are not asked
    ) -> Sequence[Refused]:
        """Layers that go on computing as they do."""
        return tuple(Refused(self.name, reason) for reason in _reasons(Draft(model)))


def _doubles(draft: Draft) -> bool:
    layers = [layer_of(draft, node) for node in draft.nodes if node.op_type in LAYERS]
    return any(isinstance(layer, Layer) and layer.dtype == np.float64 for layer in layers)


def _reasons(draft: Draft) -> list[str]:
    said = []
    for node in draft.nodes:
        name = called(node)
        name = name[0].upper() + name[1:]
        held = draft.constant(node.input[1]) if node.op_type in LAYERS else None
        if node.op_type in LAYERS and held is None:
            said.append(f"{name} has weights that are not constant.")
        elif held is not None and held.dtype != np.float32:
            said.append(f"{name} computes in {held.dtype}, which is not quantised.")
    return said


class _Rows:
    """The rows, as onnxruntime asks for them."""

    def __init__(self, feeds: Feeds) -> None:
        self._parts = batches(feeds)

    def get_next(self) -> Feeds | None:
        return next(self._parts, None)


def _quantised(model: onnx.ModelProto, feeds: Feeds, form: str) -> onnx.ModelProto:
    load_onnxruntime().set_default_logger_severity(4)  # of sessions that the library starts
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    for place, node in enumerate(model.graph.node):
        node.name = node.name or f"node_{place}"  # it knows nodes by their names
    with tempfile.TemporaryDirectory() as folder, _unheard():
        path = Path(folder) / "model.onnx"
        quantize_static(
            model, path, _Rows(feeds), quant_format=QuantFormat[form], per_channel=True,
            reduce_range=True, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
            op_types_to_quantize=list(QUANTISED),
        )  # fmt: skip
        made: onnx.ModelProto = onnx.load(path)
    for there, given in ((made.graph.input, model.graph.input),
                         (made.graph.output, model.graph.output)):  # fmt: skip
        del there[:]  # whose shapes were inferred anew
        there.extend(given)
    del made.graph.value_info[:]
    del made.metadata_props[:]
    made.metadata_props.extend(model.metadata_props)
    return made


@contextmanager
def _unheard() -> Iterator[None]:
    """The library says on the root logger, which it sets up, what it leaves as it is."""
    root, handler = logging.getLogger(), logging.NullHandler()

    def is_ours(record: logging.LogRecord) -> bool:
        return not {"onnxruntime", "quantization"} <= set(Path(record.pathname).parts)

    root.addHandler(handler)
    root.addFilter(is_ours)
    try:
        yield
    finally:
        root.removeFilter(is_ours)
        root.removeHandler(handler)
