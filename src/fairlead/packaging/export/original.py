"""The original model, asked in the form of data it was fitted on: every form must equal it."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from fairlead.bundle import Tolerance
from fairlead.bundle.receipt import compare
from fairlead.errors import ExportError
from fairlead.packaging.export.classes import classes_of, kind_of
from fairlead.packaging.export.types import Reference
from fairlead.runners.frame import Form, make_frame
from fairlead.runners.libraries import library_of
from fairlead.runners.sklearn import answer
from fairlead.signature import Batch, Field, Task

SAME = Tolerance(absolute=1e-12, relative=1e-12)


@dataclass(frozen=True, slots=True)
class Original:
    """A fitted model and how it is asked.

    Args:
        model: fitted.
        form: of the data that it takes.
        inputs: fields in.
        outputs: fields out.
        task: what kind of answer it is.
    """

    model: Any
    form: Form
    inputs: tuple[Field, ...]
    outputs: tuple[Field, ...]
    task: Task

    def answer(self, batch: Batch) -> Batch:
        """Its answers; whatever it raises is let through."""
        return answer(self.model, self.outputs, make_frame(self.inputs, batch, self.form))

    def tries(self, batch: Batch) -> Batch | None:
        """Its answers, or None where it refuses the rows or answers nothing finite."""
        try:
            got = self.answer(batch)
        except Exception:  # whatever a model raises is a refusal
            return None
        return got if is_finite(got) else None


def is_finite(answers: Batch) -> bool:
    """Whether every number that was answered is finite."""
    return all(
        column.dtype.kind != "f" or bool(np.isfinite(column).all())
        for column in (answers.numbers, *answers.columns.values())
    )


def read_original(model: Any, reference: Reference) -> Original:
    """Find out how a model is asked, and that rows rebuilt from a batch are answered alike.

    Raises:
        ExportError: it does not predict on the reference rows, or answers something that cannot
            be served, or answers rebuilt rows differently.
    """
    inputs = typed_inputs(reference)
    task, outputs = outputs_of(model, ())
    form = _form(model, reference.data)
    original = Original(model, form, inputs, outputs, task)
    first = reference.batch.take(slice(0, 1))
    try:
        if task == "regression":
            shape = np.asarray(_quiet(model.predict, make_frame(inputs, first, form))).shape[1:]
            task, outputs = outputs_of(model, shape)
            original = Original(model, form, inputs, outputs, task)
        rebuilt = original.answer(reference.batch)
        given = (
            None
            if form == "rows" or isinstance(reference.data, list | tuple)
            else answer(model, outputs, reference.data)
        )
    except Exception as error:
        raise ExportError(
            f"The model does not predict on the reference rows: {type(error).__name__}: "
            f"{str(error)[:200]}",
            hint="Give the rows in the form that the model was fitted on.",
        ) from None
    differs = () if given is None else compare(given, rebuilt, SAME)
    if differs:
        raise ExportError(
            f"The model answers the rows as given and as typed fields differently: {differs[0]}.",
            hint="Give columns the types that callers will send.",
        )
    return original


def _quiet(function: Any, *given: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*given)


def typed_inputs(reference: Reference) -> tuple[Field, ...]:
    """The fields, with `str` as the dtype of text whose missing values are NaN."""
    return tuple(
        msgspec.structs.replace(field, dtype="str")
        if field.kind in ("category", "text")
        and field.dtype != "category"
        and _holds_nan(reference.data, place, field.name)
        else field
        for place, field in enumerate(reference.signature.inputs)
    )


def _holds_nan(data: Any, place: int, name: str) -> bool:
    """Whether a column of text marks what is missing with NaN."""
    if isinstance(data, np.ndarray):
        column = data[name] if data.dtype.names else np.atleast_2d(data.T)[place]
        return column.dtype.kind == "O" and _any_nan(column)
    if type(data).__module__.startswith("pandas"):
        series = data.iloc[:, place]
        if series.dtype != object:
            return str(series.dtype) == "str"
        return _any_nan(series.to_numpy())
    return False


def _any_nan(column: Iterable[object]) -> bool:
    return any(isinstance(value, float) and value != value for value in column)


def _form(model: Any, data: object) -> Form:
    if library_of(model) == "river":
        return "rows"
    library = type(data).__module__.partition(".")[0]
    if library in ("pandas", "polars"):
        return "pandas" if library == "pandas" else "polars"
    if isinstance(data, np.ndarray) and not data.dtype.names:
        return "numpy"
    return "pandas" if hasattr(model, "feature_names_in_") else "numpy"


def outputs_of(model: Any, shape: tuple[int, ...]) -> tuple[Task, tuple[Field, ...]]:
    """What a model answers, as fields.

    Args:
        model: fitted.
        shape: of one row's prediction, for regressors.

    Raises:
        ExportError: it does not predict, or several labels at once.
    """
    if kind_of(model) == "ranker":
        return "other", (Field(name="prediction", kind="number"),)
    if kind_of(model) == "regressor":
        if shape in ((), (1,)):
            return "regression", (Field(name="prediction", kind="number"),)
        return "regression", (Field(name="prediction", kind="tensor", shape=shape),)
    classes = classes_of(model)
    assert classes is not None
    names = tuple(classes.tolist())
    dtype = "object" if classes.dtype.kind in "OU" else classes.dtype.name
    outputs: tuple[Field, ...] = (
        Field(name="label", kind="category", dtype=dtype, categories=names),
    )
    task: Task = "classification" if kind_of(model) == "classifier" else "other"
    if callable(getattr(model, "predict_proba", None)):
        shares = Field(name="probabilities", kind="tensor", shape=(len(names),), categories=names)
        outputs = (*outputs, shares)
    return task, outputs
