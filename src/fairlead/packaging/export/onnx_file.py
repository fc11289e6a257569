"""Taking over an ONNX model that was made elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from fairlead.bundle import Receipt, RunnerSpec, TensorInput, Tolerance
from fairlead.bundle.receipt import compare
from fairlead.errors import ExportError, FairleadError
from fairlead.packaging.export.onnx_outputs import Outputs, name_outputs
from fairlead.packaging.export.rows import special_rows
from fairlead.packaging.export.types import Exported, Reference
from fairlead.runners.onnx import OnnxRunner
from fairlead.signature import NUMERIC, Batch, Field, concat

SIZE_MAX_BYTES = 1 << 30
ROWS = 200
DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml"})
SINGLE = Tolerance(absolute=1e-5, relative=1e-5)
DOUBLE = Tolerance(absolute=1e-9, relative=1e-9)
PAYLOAD = "model.onnx"


def export_onnx(given: Any, reference: Reference) -> Exported:
    """Take over an ONNX model that was made elsewhere.

    An input that is named like a field is fed with it; else one matrix is fed with all numeric
    fields, in their order. A label with probabilities, and a prediction, are recognised as
    skl2onnx names them; other outputs keep their names. The receipt holds the answers of
    onnxruntime itself.

    Args:
        given: path of the file, or the `onnx.ModelProto` itself.
        reference: rows like those that the model was fitted on.

    Raises:
        ExportError: it is no valid ONNX, needs other files or operators than the standard's,
            or its inputs and the reference's fields do not fit each other.
    """
    named = str(given) if isinstance(given, Path) else "The ONNX model"
    model = load_onnx(given) if isinstance(given, Path) else given
    raw = _checked(named, model)
    fields = tuple(map(_with_policies, reference.signature.inputs))
    inputs = _match(model, fields)
    outputs = _discover(raw, inputs, model, reference.batch)
    spec = RunnerSpec(kind="onnx", path=PAYLOAD, inputs=inputs, outputs=outputs.tensors)
    runner = OnnxRunner(raw, spec, outputs.fields)
    tolerance = DOUBLE if outputs.double else SINGLE
    receipt = _receipt(runner, fields, reference.batch, tolerance)
    return Exported(
        inputs=fields,
        outputs=outputs.fields,
        task=outputs.task,
        framework=f"ONNX {model.producer_name} {model.producer_version}".strip(),
        runner=spec,
        files={PAYLOAD: raw},
        tolerance=tolerance,
        trainable=None,
        receipt=receipt,
        notes=("It can only be retrained from scratch: an ONNX file cannot be trained.",),
    )


def is_onnx(model: object) -> bool:
    """Whether a model is an `onnx.ModelProto`; onnx is not imported to find out."""
    kind = type(model)
    return kind.__name__ == "ModelProto" and kind.__module__.startswith("onnx.")


def load_onnx(path: Path, beside: Callable[[str], Path] | None = None) -> Any:
    """Read an ONNX file.

    Args:
        path: of the file.
        beside: finds the file with weights that the model names; such are refused without.

    Returns:
        The `onnx.ModelProto`, with all its weights.

    Raises:
        ExportError: it cannot be read, is too large, or weights are in other files.
    """
    import onnx

    try:
        size_bytes = path.stat().st_size
        if size_bytes > SIZE_MAX_BYTES:
            raise ExportError(f"{path} is larger than {SIZE_MAX_BYTES >> 20} MiB.")
        raw = path.read_bytes()
    except OSError as error:
        raise ExportError(f"{path} cannot be read: {error.strerror}.") from None
    try:
        model = onnx.load_model_from_string(raw)
        if beside is not None:
            _take_in(path, model, beside)
    except FairleadError:
        raise
    except Exception as error:
        raise ExportError(f"{path} is no valid ONNX model ({type(error).__name__}).") from None
    return model


def _take_in(path: Path, model: Any, beside: Callable[[str], Path]) -> None:
    """Put weights that lie in other files into the model."""
    from onnx import external_data_helper as helper

    outside = [tensor for tensor in _all_tensors(model) if _is_external(tensor)]
    size_bytes = path.stat().st_size
    for tensor in outside:
        told = helper.ExternalDataInfo(tensor)
        file = beside(told.location)
        size_bytes += told.length if told.length is not None else file.stat().st_size
        if size_bytes > SIZE_MAX_BYTES:
            raise ExportError(f"{path} is larger than {SIZE_MAX_BYTES >> 20} MiB with its weights.")
        helper.load_external_data_for_tensor(tensor, str(path.parent))
        tensor.data_location = tensor.DEFAULT
        del tensor.external_data[:]


def _checked(named: str, model: Any) -> bytes:
    """The model as bytes, seen to be valid, whole and of the standard's operators."""
    import onnx

    if any(_is_external(tensor) for tensor in _all_tensors(model)):
        raise ExportError(
            f"{named} keeps weights in other files.",
            hint="Save it as one file, without external data.",
        )
    try:
        raw: bytes = model.SerializeToString()
        onnx.checker.check_model(raw)
    except Exception as error:
        raise ExportError(f"{named} is no valid ONNX model ({type(error).__name__}).") from None
    _check_domains(named, model)
    return raw


def _is_external(tensor: Any) -> bool:
    from onnx import TensorProto

    return bool(tensor.data_location == TensorProto.EXTERNAL or tensor.external_data)


def _all_tensors(model: Any) -> Iterator[Any]:
    yield from _tensors(model.graph)
    for function in model.functions:
        yield from _node_tensors(function.node)


def _tensors(graph: Any) -> Iterator[Any]:
    """Every constant of a graph, in its nodes and their own graphs, too."""
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    yield from _node_tensors(graph.node)


def _node_tensors(nodes: Iterable[Any]) -> Iterator[Any]:
    for node in nodes:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for inner in (attribute.g, *attribute.graphs):
                yield from _tensors(inner)


def _domains(nodes: Iterable[Any]) -> Iterator[str]:
    for node in nodes:
        yield node.domain
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _domains(inner.node)


def _check_domains(named: str, model: Any) -> None:
    """Only the standard's operators, and functions that are made of them."""
    own = {function.domain for function in model.functions}
    used = set(_domains(model.graph.node))
    for function in model.functions:
        used |= set(_domains(function.node))
    foreign = sorted(used - own - DOMAINS)
    if foreign:
        raise ExportError(
            f"{named} uses operators of '{foreign[0]}', which only other runtimes know.",
            hint="Export it with operators of ai.onnx and ai.onnx.ml only.",
        )


def _with_policies(field: Field) -> Field:
    """Missing numbers are NaN to any graph; missing text is nothing that it could know."""
    if field.kind not in NUMERIC and field.nullable:
        raise ExportError(
            f"Field '{field.name}' of the reference data has missing values, for which ONNX has "
            "no form.",
            hint="Fill them in, as the model was fitted.",
        )
    return msgspec.structs.replace(field, unknown="error")


def _match(model: Any, fields: tuple[Field, ...]) -> tuple[TensorInput, ...]:
    """Which fields feed which inputs."""
    constants = {tensor.name for tensor in model.graph.initializer}
    given = [value for value in model.graph.input if value.name not in constants]
    by_name = {field.name: field for field in fields}
    unnamed = [value for value in given if value.name not in by_name]
    named = {value.name for value in given} & set(by_name)
    rest = tuple(field for field in fields if field.name not in named)
    if len(unnamed) > 1 or bool(unnamed) != bool(rest):
        raise ExportError(
            f"The graph's inputs ({', '.join(v.name for v in given)}) and the reference's columns "
            f"({', '.join(by_name)}) do not fit each other.",
            hint="Name the columns like the inputs, or give one matrix input the numeric columns.",
        )
    return tuple(
        _feed(value, (by_name[value.name],) if value.name in by_name else rest) for value in given
    )


def _feed(value: Any, fields: tuple[Field, ...]) -> TensorInput:
    from onnx import helper

    kind = value.type.WhichOneof("value")
    if kind != "tensor_type":
        raise ExportError(f"Input '{value.name}' of the graph is not a tensor.")
    tensor = value.type.tensor_type
    dims = [d.dim_value if d.HasField("dim_value") else -1 for d in tensor.shape.dim]
    _check_shape(value.name, dims, fields)
    dtype = np.dtype(helper.tensor_dtype_to_np_dtype(tensor.elem_type))
    text = dtype.kind in "OUS"
    if text != all(field.kind in ("category", "text") for field in fields):
        wanted = "text" if text else "numbers"
        raise ExportError(
            f"Input '{value.name}' of the graph takes {wanted}, field '{fields[0].name}' does not "
            "hold them."
        )
    if dtype.kind in "iub" and any(f.kind == "number" or f.missing == "allow" for f in fields):
        raise ExportError(
            f"Input '{value.name}' of the graph takes whole numbers, field '{fields[0].name}' may "
            "hold others or none."
        )
    return TensorInput(
        name=value.name,
        fields=tuple(field.name for field in fields),
        dtype="object" if text else dtype.name,
    )


def _check_shape(name: str, dims: list[int], fields: tuple[Field, ...]) -> None:
    if len(fields) > 1 and not all(field.kind in NUMERIC for field in fields):
        raise ExportError(
            f"Input '{name}' of the graph would be fed with columns that are not all numbers.",
            hint="Name the columns like the inputs.",
        )
    width = fields[0].shape if fields[0].kind == "tensor" else (len(fields),)
    fits = len(dims) == 1 + len(width) and all(
        have == -1 or want in (-1, have) for have, want in zip(dims[1:], width, strict=True)
    )
    if not fits:
        raise ExportError(
            f"Input '{name}' of the graph has shape {dims}; the reference's columns give "
            f"{[-1, *width]}.",
            hint="Give as many numeric columns as the input has.",
        )
    if dims[0] != -1:
        raise ExportError(
            f"Input '{name}' of the graph takes exactly {dims[0]} rows at once.",
            hint="Export it with a dynamic first dimension.",
        )


def _discover(raw: bytes, inputs: tuple[TensorInput, ...], model: Any, batch: Batch) -> Outputs:
    """Run the graph once to see what it answers."""
    plain = RunnerSpec(kind="onnx", path=PAYLOAD, inputs=inputs)
    try:
        runner = OnnxRunner(raw, plain, ())
        rows = batch.take(slice(0, ROWS))
        names = [output.name for output in model.graph.output]
        answers = dict(zip(names, runner.ask(rows, names), strict=True))
    except FairleadError as error:
        raise ExportError(f"The graph does not run on the reference rows: {error}") from None
    return name_outputs(model, answers, rows.rows)


def _receipt(
    runner: OnnxRunner, fields: tuple[Field, ...], batch: Batch, tolerance: Tolerance
) -> Receipt:
    """Rows and the graph's own answers, which must not depend on the rows beside them."""
    draw = np.random.default_rng(0)
    plain = batch.take(np.sort(draw.permutation(batch.rows)[:ROWS]))
    rows = concat([plain, *special_rows(fields, batch, draw)])
    try:
        answers = runner.predict(rows)
        alone = concat(
            [runner.predict(rows.take(slice(i, i + 1))) for i in range(min(20, rows.rows))]
        )
    except FairleadError as error:
        raise ExportError(f"The graph does not run on the receipt's rows: {error}") from None
    differs = compare(answers.take(slice(0, alone.rows)), alone, tolerance)
    if differs:
        raise ExportError(
            f"The graph answers a row differently when it is alone: {differs[0]}.",
            hint="Export it for inference, without batch statistics, dropout or chance.",
        )
    return Receipt(rows, answers)
