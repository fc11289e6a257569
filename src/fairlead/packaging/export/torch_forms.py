"""The forms of a torch module: an ONNX graph, a program of torch.export, and its weights."""

from __future__ import annotations

import importlib.util
import io
import re
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fairlead.bundle import Receipt, RunnerSpec, TensorOutput, Tolerance
from fairlead.bundle.receipt import compare
from fairlead.errors import ExportError, FairleadError
from fairlead.packaging.export.heads import are_places
from fairlead.packaging.export.network import Network, tensors
from fairlead.runners.onnx import OnnxRunner
from fairlead.runners.torch import TorchRunner
from fairlead.signature import Batch, Scalar, Signature, concat

ONNX, PROGRAM = "model.onnx", "model.pt2"
SIZES = (1, 2, 7)
TIMEOUT_S = 60.0
INSTALL = "pip install 'fairlead[torch]'"
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def differences(
    answer: Callable[[Batch], Batch], receipt: Receipt, tolerance: Tolerance
) -> tuple[str, ...]:
    """How answers differ from the receipt, asked for all rows and for few at once.

    Args:
        answer: the module or a form of it.
        receipt: what it must answer.
        tolerance: how closely.
    """
    rows = receipt.inputs.rows
    for size in (rows, *SIZES):
        few = slice(0, min(size, rows))
        got = answer(receipt.inputs.take(few))
        differs = compare(receipt.outputs.take(few), got, tolerance)
        if differs:
            return tuple(f"{difference}, asked for {size} at once" for difference in differs)
    return ()


def make_program(network: Network, receipt: Receipt) -> Any:
    """The module as torch.export has it, for any number of rows.

    Raises:
        ExportError: it cannot be exported.
    """
    import torch

    some = concat([receipt.inputs, receipt.inputs]).take(slice(0, 3))  # one alone is special
    given = tensors(network.feeds, some)
    anyhow = tuple({0: torch.export.Dim.DYNAMIC} for _ in given)
    try:
        with torch.no_grad():
            return torch.export.export(network.module, given, dynamic_shapes=(anyhow,))
    except Exception as error:  # whatever a module's code brings about
        raise ExportError(
            f"torch.export does not take the module: {_reason(error)}",
            hint="Replace what is named, or serve it from a folder with a Python class.",
        ) from None


def _reason(error: BaseException) -> str:
    """The first line of what was first raised."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = COLOUR.sub("", str(error)).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:200] if lines else ''}"


def make_onnx(
    network: Network, program: Any, receipt: Receipt, tolerance: Tolerance
) -> tuple[dict[str, bytes | Path], RunnerSpec]:
    """The module as ONNX that reproduces the receipt.

    Raises:
        ExportError: there is no such form.
    """
    outputs = tuple(TensorOutput(name=f"out_{f.name}", field=f.name) for f in network.outputs)
    spec = RunnerSpec(kind="onnx", path=ONNX, inputs=network.feeds, outputs=outputs)
    raw = _graph(network, program, spec)
    try:
        runner = OnnxRunner(raw, spec, network.outputs)
        differs = differences(runner.predict, receipt, tolerance)
    except FairleadError as error:
        raise ExportError(f"Its ONNX form does not run: {error.message}") from None
    if differs:
        raise ExportError(f"Its ONNX form is not equal: {'; '.join(differs)}.")
    return {ONNX: raw}, spec


def _graph(network: Network, program: Any, spec: RunnerSpec) -> bytes:
    import torch

    if importlib.util.find_spec("onnxscript") is None:
        raise ExportError(f"onnxscript is not installed: {INSTALL}.")
    names = [output.name for output in spec.outputs]
    try:
        made = torch.onnx.export(
            program, (), dynamo=True, verbose=False, external_data=False,
            input_names=[given.name for given in spec.inputs], output_names=names,
        ).model_proto  # fmt: skip
        for output, field in zip(made.graph.output, network.outputs, strict=True):
            classes = field.categories if field.kind == "category" else None
            if classes and not are_places(classes):
                _name_classes(made.graph, output, classes)
        raw: bytes = made.SerializeToString()
    except Exception as error:  # whatever the exporter's parts raise
        raise ExportError(f"torch.onnx does not convert it: {_reason(error)}") from None
    return raw


def _name_classes(graph: Any, output: Any, classes: Sequence[Scalar]) -> None:
    """Let a graph answer classes where it answers their places."""
    from onnx import helper, numpy_helper

    text = isinstance(classes[0], str)
    values = np.array(classes, dtype=object if text else None)
    graph.initializer.append(numpy_helper.from_array(values, f"{output.name}_classes"))
    place = f"{output.name}_place"
    for node in graph.node:
        node.output[:] = [place if name == output.name else name for name in node.output]
        node.input[:] = [place if name == output.name else name for name in node.input]
    graph.node.append(helper.make_node("Gather", [f"{output.name}_classes", place], [output.name]))
    kind = helper.np_dtype_to_tensor_dtype(values.dtype)
    output.CopyFrom(helper.make_tensor_value_info(output.name, kind, ["rows"]))


def make_pt2(
    network: Network, program: Any, receipt: Receipt, tolerance: Tolerance
) -> tuple[dict[str, bytes | Path], RunnerSpec]:
    """The module as a program of torch.export that reproduces the receipt.

    Raises:
        ExportError: it does not load, or is not equal.
    """
    import torch

    outputs = tuple(
        TensorOutput(name=str(place), field=field.name)
        for place, field in enumerate(network.outputs)
    )
    spec = RunnerSpec(
        kind="torch", path=PROGRAM, inputs=network.feeds, outputs=outputs, pickle=True
    )
    signature = Signature(inputs=network.inputs, outputs=network.outputs)
    written = io.BytesIO()
    try:
        torch.export.save(program, written)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / PROGRAM
            path.write_bytes(written.getvalue())
            runner = TorchRunner(path, spec, signature, timeout_s=TIMEOUT_S)
            try:
                differs = differences(runner.predict, receipt, tolerance)
            finally:
                runner.close()
    except FairleadError as error:
        raise ExportError(f"Its program does not run: {error.message}") from None
    except Exception as error:  # whatever a module's own operators raise
        raise ExportError(f"Its program cannot be written: {_reason(error)}") from None
    if differs:
        raise ExportError(f"Its program is not equal: {'; '.join(differs)}.")
    return {PROGRAM: written.getvalue()}, spec


def make_trainable(module: Any) -> tuple[bytes | None, tuple[str, ...]]:
    """The module's weights, or why there are none."""
    kept = "It can only be retrained from scratch:"
    try:
        import safetensors.torch
    except ModuleNotFoundError:
        return None, (f"{kept} safetensors is not installed: {INSTALL}.",)
    try:
        # Copies, since weights that share memory are refused.
        weights = {name: value.detach().clone() for name, value in module.state_dict().items()}
        raw: bytes = safetensors.torch.save(weights)
    except Exception as error:  # a state of its own that is no tensors
        return None, (f"{kept} safetensors does not hold its state ({type(error).__name__}).",)
    return raw, ()
