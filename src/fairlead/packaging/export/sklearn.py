"""Exporting fitted models: ONNX where it is equal to the original, else the original itself."""

from __future__ import annotations

import pickle
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from fairlead.bundle import Receipt, RunnerSpec, Tolerance, Trainable
from fairlead.bundle.receipt import compare
from fairlead.errors import ExportError, FairleadError
from fairlead.packaging.export.convert import convert
from fairlead.packaging.export.original import Original, is_finite, read_original
from fairlead.packaging.export.own import Own, own_form
from fairlead.packaging.export.parts import parts_of
from fairlead.packaging.export.probe import with_policies
from fairlead.packaging.export.rows import receipt_rows
from fairlead.packaging.export.types import Exported, Reference
from fairlead.runners.frame import make_frame
from fairlead.runners.libraries import as_model, library_of
from fairlead.runners.onnx import OnnxRunner
from fairlead.runners.river import RiverModel, of_river, steps_of
from fairlead.signature import Task

TOLERANCES: dict[Task, Tolerance] = {
    "classification": Tolerance(absolute=1e-9),
    "regression": Tolerance(absolute=1e-9, relative=1e-9),
    "other": Tolerance(absolute=1e-9, relative=1e-9),
}
"""So close that single precision anywhere in a graph (1e-7) is found out, and so wide that
another processor's `exp` or order of a dot product (1e-13) is not."""

SINGLE = Tolerance(absolute=1e-6, relative=1e-5)
"""For models that compute in single precision themselves, as on a matrix of float32."""

XGBOOST = Tolerance(absolute=1e-7, relative=1e-6)
"""Some roundings of single precision, in which XGBoost computes; its graph needs none of them."""

STATE = "Kept as numbers and names of what river itself defines; there is no code in it."

FEW = 100
"""Rows that tell which classes a model knows of."""


def export(model: object, reference: Reference, *, allow_pickle: bool) -> Exported:
    """Make the served form of a model of scikit-learn, XGBoost, LightGBM, CatBoost or river.

    It is ONNX in double precision if every step has an exact form and all rows of the receipt,
    among them such as lie one double beside a tree's threshold, are answered equally: labels
    the same, probabilities within 1e-9, predictions within 1e-9 relatively. XGBoost's models
    compute in single precision, and so does their ONNX form. Otherwise it is the model itself:
    skops of vetted types, or the library's own form.

    Args:
        model: a fitted estimator or pipeline.
        reference: rows like those that it was fitted on.
        allow_pickle: whether a pickle may be made where nothing else can.

    Raises:
        ExportError: it does not predict, or no safe form is equal to it.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):  # hundreds of small questions, that threads only slow
        return _export(_found(model, reference), reference, allow_pickle=allow_pickle)


def _export(model: Any, reference: Reference, *, allow_pickle: bool) -> Exported:
    original = read_original(model, reference)
    original = replace(original, inputs=with_policies(original, reference.batch))
    rows = receipt_rows(original, reference.batch)
    answers = original.answer(rows)
    if not is_finite(answers):
        raise ExportError("The model answers the reference rows with numbers that are not finite.")
    receipt = Receipt(rows, answers)
    own, trouble = _own(original, receipt)
    try:
        raw, spec = _onnx(original, receipt)
    except ExportError as error:
        return _itself(original, receipt, own, trouble, str(error), allow_pickle=allow_pickle)
    files: dict[str, bytes | Path] = {spec.path: raw}
    if own is None:
        notes = (f"It can only be retrained from scratch: {trouble}",)
        return _exported(original, receipt, spec, files, None, notes)
    files[own.trainable.path] = own.raw
    return _exported(original, receipt, spec, files, own.trainable, ())


def _own(original: Original, receipt: Receipt) -> tuple[Own | None, str]:
    """The model in its library's own form, or why there is none."""
    try:
        return own_form(original, receipt), ""
    except ExportError as error:
        return None, str(error)


def tolerance_of(original: Original) -> Tolerance:
    """How far a form's numbers may lie from the original's."""
    if all(field.dtype == "float32" for field in original.inputs):
        return SINGLE
    if any(library_of(part) == "xgboost" for part in parts_of(original.model)):
        return XGBOOST
    return TOLERANCES[original.task]


def _found(model: Any, reference: Reference) -> Any:
    """What answers in a model's place: what a search over settings found, a booster's model."""
    if library_of(model) == "river":
        few = reference.batch.take(slice(0, FEW))
        return of_river(
            model, make_frame(reference.signature.inputs, few, "rows"), reference.labels
        )
    if type(model).__module__.startswith("sklearn.model_selection._search"):
        return getattr(model, "best_estimator_", model)
    return as_model(model)


def _onnx(original: Original, receipt: Receipt) -> tuple[bytes, RunnerSpec]:
    """The model as ONNX that reproduces the receipt.

    Raises:
        ExportError: there is no such form.
    """
    if library_of(original.model) == "river":
        raise ExportError("Models of river have no form in ONNX.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        raw, spec = convert(original)
    try:
        runner = OnnxRunner(raw, spec, original.outputs)
        got = runner.predict(receipt.inputs)
        differs = compare(receipt.outputs, got, tolerance_of(original))
        one = receipt.inputs.take(slice(0, 1))
        alone = compare(
            receipt.outputs.take(slice(0, 1)), runner.predict(one), tolerance_of(original)
        )
    except FairleadError as error:
        raise ExportError(f"Its ONNX form does not run: {error.message}") from None
    if differs or alone:
        raise ExportError(f"Its ONNX form is not equal: {'; '.join(differs or alone)}.")
    return raw, spec


def _itself(
    original: Original, receipt: Receipt, own: Own | None, trouble: str, reason: str, *,
    allow_pickle: bool,
) -> Exported:  # fmt: skip
    """The model itself, because it has no equal form in ONNX."""
    note = f"Not served as ONNX: {reason}"
    if own is not None:
        spec = own.served(original)
        trainable = msgspec.structs.replace(own.trainable, path=spec.path)
        kept = (note, STATE) if own.library == "river" else (note,)
        return _exported(original, receipt, spec, {spec.path: own.raw}, trainable, kept)
    if not allow_pickle:
        form = library_of(original.model) or "skops"
        raise ExportError(
            f"No safe form of the model is equal to it. ONNX: {reason} {form}: {trouble}",
            hint="Replace the step that is named, or allow a pickle if every reader trusts you.",
        )
    spec = RunnerSpec(kind="sklearn", path="model.pickle", frame=original.form, pickle=True)
    notes = (note, f"A pickle, which runs code when loaded: {trouble}")
    return _exported(
        original, receipt, spec, {spec.path: pickle.dumps(original.model)}, None, notes
    )


def _exported(
    original: Original, receipt: Receipt, spec: RunnerSpec, files: dict[str, bytes | Path],
    trainable: Trainable | None, notes: tuple[str, ...],
) -> Exported:  # fmt: skip
    return Exported(
        inputs=original.inputs,
        outputs=original.outputs,
        task=original.task,
        framework=_framework(original.model),
        runner=spec,
        files=files,
        tolerance=tolerance_of(original),
        trainable=trainable,
        receipt=receipt,
        notes=notes,
    )


def _framework(model: Any) -> str:
    library = library_of(model)
    parts = (
        steps_of(model.model)
        if isinstance(model, RiverModel)
        else [step for _, step in getattr(model, "steps", [("", model)])]
    )
    steps = [type(step).__name__ for step in parts]
    name = "scikit-learn" if library is None else library
    version = sys.modules["sklearn" if library is None else library].__version__
    return f"{name} {version} {' > '.join(steps)}"
