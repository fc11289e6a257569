"""Exporting torch modules: ONNX where it answers alike, else a program of torch.export."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from fairlead.bundle import Receipt, TensorInput, Tolerance, Trainable
from fairlead.errors import ExportError
from fairlead.packaging.export.heads import Array, Head, choose_head
from fairlead.packaging.export.network import Network, evaluating, match_inputs, run, with_head
from fairlead.packaging.export.onnx_outputs import field_like
from fairlead.packaging.export.probe import with_column, with_policies
from fairlead.packaging.export.rows import answered_rows, special_rows
from fairlead.packaging.export.torch_forms import (
    differences,
    make_onnx,
    make_program,
    make_pt2,
    make_trainable,
)
from fairlead.packaging.export.types import Exported, Reference
from fairlead.signature import Batch, Column, Field, Task, concat

TRAINABLE = "trainable.safetensors"
PLAIN, ELEMENTS_MAX = 120, 500_000
LOOK_ROWS = 1000
FAR = 100.0
PRECISION = {"float32": 1e-4, "float64": 1e-9}
"""A network's sums in single precision, and above all its softmax of far rows, differ by a tenth of
that between one library's kernels and another's."""


def export_torch(module: Any, reference: Reference, *, allow_pickle: bool) -> Exported:
    """Make the served form of a torch module.

    It is ONNX if the graph answers the receipt's rows like the module, all at once and by one,
    two and seven: the same labels, numbers within 1e-4 of themselves or of the largest answer.
    Otherwise it is a program of torch.export, which answers alike but which torch itself loads
    as a pickle, so that this must be allowed.

    Args:
        module: as it is after training; it is asked in evaluation mode, and left as it was.
        reference: rows as it takes them; with labels that are classes, its one output of one
            number for each class, or one number for the second of two, becomes `label` and
            `probabilities`.
        allow_pickle: whether a program may be made where ONNX is not equal.

    Raises:
        ExportError: it does not answer the rows one by one, or no form is equal to it.
    """
    module = getattr(module, "_orig_mod", module)  # what torch.compile wraps
    with evaluating(module), _quiet():
        network, task, notes = _network(module, reference)
        network = replace(network, inputs=with_policies(network, reference.batch))
        receipt, tolerance = _receipt(network, reference.batch)
        program = make_program(network, receipt)
        try:
            files, spec = make_onnx(network, program, receipt, tolerance)
        except ExportError as error:
            if not allow_pickle:
                raise ExportError(
                    f"The module has no equal form in ONNX: {error.message}",
                    hint="Replace what is named, or allow a program of torch.export, which torch "
                    "loads as a pickle.",
                ) from None
            files, spec = make_pt2(network, program, receipt, tolerance)
            notes += (
                f"Not served as ONNX: {error.message}",
                "A program of torch.export, which torch loads as a pickle.",
            )
        trainable, trouble = make_trainable(module)
    if trainable is not None:
        files[TRAINABLE] = trainable
    return Exported(
        inputs=network.inputs,
        outputs=network.outputs,
        task=task,
        framework=_framework(module),
        runner=spec,
        files=files,
        tolerance=tolerance,
        trainable=Trainable(format="safetensors", path=TRAINABLE) if trainable else None,
        receipt=receipt,
        notes=notes + trouble,
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Exporters warn of their own deprecated parts and of packages that nobody needs here."""
    logger = logging.getLogger("torch")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _framework(module: Any) -> str:
    import torch

    return f"torch {torch.__version__} {type(module).__name__}"


def _network(module: Any, reference: Reference) -> tuple[Network, Task, tuple[str, ...]]:
    """The module with its head, what kind of answer it gives, and notes on that."""
    fields = reference.signature.inputs
    feeds = match_inputs(module, fields, reference.data)
    draw = np.random.default_rng(0)
    chosen = np.sort(draw.permutation(reference.batch.rows)[:LOOK_ROWS])
    rows = reference.batch.take(chosen)
    got = _asked(module, feeds, rows)
    labels = reference.labels
    if labels is not None and labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    head = None
    if labels is not None and labels.ndim == 1 and len(got) == 1:
        far = _far(module, feeds, fields, rows)
        head = choose_head(next(iter(got.values())), far, labels, chosen)
    if head is not None:
        outputs = _class_fields(head, next(iter(got.values())).dtype.name)
        notes = (f"Its classes, in the order of its outputs: {_shown(head)}.",)
        network = Network(with_head(module, head), feeds, fields, outputs)
        return network, "classification", notes
    outputs = tuple(field_like(name, values) for name, values in got.items())
    task: Task = "other"
    if len(outputs) == 1 and outputs[0].kind == "number":
        task, outputs = "regression", (field_like("prediction", next(iter(got.values()))),)
    return Network(with_head(module, None), feeds, fields, outputs), task, ()


def _shown(head: Head) -> str:
    more = ", …" if len(head.classes) > 20 else ""
    return ", ".join(map(str, head.classes[:20])) + more


def _class_fields(head: Head, dtype: str) -> tuple[Field, ...]:
    kinds = {bool: "bool", int: "int64"}
    return (
        Field(
            name="label",
            kind="category",
            dtype=kinds.get(type(head.classes[0]), "object"),
            categories=head.classes,
        ),
        Field(
            name="probabilities",
            kind="tensor",
            dtype=dtype,
            shape=(len(head.classes),),
            categories=head.classes,
        ),
    )


def _asked(module: Any, feeds: Sequence[TensorInput], rows: Batch) -> dict[str, Array]:
    try:
        got = run(module, feeds, rows)
    except Exception as error:  # whatever a module raises
        raise ExportError(
            f"The module does not answer the reference rows: {type(error).__name__}: "
            f"{str(error)[:200]}",
            hint="Give the rows in the form that `forward` takes, as NumPy or a table.",
        ) from None
    for name, values in got.items():
        if values.ndim == 0 or len(values) != rows.rows:
            raise ExportError(f"The module's '{name}' has not one entry for each row.")
    return got


def _far(
    module: Any, feeds: Sequence[TensorInput], fields: tuple[Field, ...], rows: Batch
) -> Array:
    """Answers to rows far beyond the reference, where logits leave 0 and 1."""
    asked: list[Batch] = special_rows(fields, rows, np.random.default_rng(0))
    some = rows.take(slice(0, 20))
    for field in fields:
        if field.kind == "tensor" and np.dtype(field.dtype).kind == "f":
            asked += [with_column(some, field.name, times) for times in (_far_up, _far_down)]
    try:
        answers: Array = next(iter(run(module, feeds, concat(asked or [some])).values()))
    except Exception:  # it need not answer such rows
        return next(iter(run(module, feeds, some).values()))
    return answers


def _far_up(column: Column) -> Column:
    return np.asarray(column, dtype=np.float64) * FAR


def _far_down(column: Column) -> Column:
    return np.asarray(column, dtype=np.float64) * -FAR


def _receipt(network: Network, batch: Batch) -> tuple[Receipt, Tolerance]:
    """Rows and the module's own answers, which must not depend on the rows beside them."""
    draw = np.random.default_rng(0)
    elements = sum(column[:1].size for column in (batch.numbers, *batch.columns.values()))
    count = max(2, min(PLAIN, ELEMENTS_MAX // max(1, elements)))
    plain = batch.take(np.sort(draw.permutation(batch.rows)[:count]))
    usual = answered_rows(network, [plain])
    rows = answered_rows(network, [usual, *special_rows(network.inputs, batch, draw)])
    answers = network.answer(rows)
    tolerance = _tolerance(network, answers.take(slice(0, usual.rows)))
    differs = differences(network.answer, Receipt(rows, answers), tolerance)
    if differs:
        raise ExportError(
            f"The module answers a row differently when other rows are beside it: {differs[0]}.",
            hint="Leave batch statistics and chance to training mode.",
        )
    return Receipt(rows, answers), tolerance


def _tolerance(network: Network, answers: Batch) -> Tolerance:
    """How far numbers may lie apart: by the module's precision, of the largest usual answer."""
    double = all(f.dtype == "float64" for f in network.outputs if f.kind in ("number", "tensor"))
    close = PRECISION["float64" if double else "float32"]
    columns = [answers.numbers, *answers.columns.values()]
    sizes = [float(np.abs(c).max(initial=1.0)) for c in columns if c.dtype.kind == "f"]
    return Tolerance(absolute=close * max(sizes, default=1.0), relative=close)
