"""A model that learns on, row by row: what it predicts, and what it is taught."""

from __future__ import annotations

import warnings
import zlib
from typing import Any

import msgspec
import numpy as np
import polars as pl

from fairlead.bundle import Bundle, read_file
from fairlead.errors import ConfigError, InputError, ModelError
from fairlead.learning.position import Line
from fairlead.monitoring.labels import NUMBER_MAX, places_of
from fairlead.runners.frame import Form, make_frame
from fairlead.runners.river import RiverModel, load_river, steps_of
from fairlead.signature import Batch, Field, Numbers, Signature, from_frame

LEARNABLE = (
    "SGDClassifier, SGDRegressor, Perceptron, PassiveAggressiveClassifier, GaussianNB, "
    "MultinomialNB, MLPClassifier; and river's models"
)


class Student:
    """One version's model, in the form that training goes on from.

    Args:
        model: fitted: an estimator, or a pipeline whose last step learns on while the steps before
            stay as they are.
        form: of the data that it takes.
        signature: of the version.
    """

    def __init__(self, model: Any, form: Form, signature: Signature) -> None:
        self.model = model
        self.form = form
        self.signature = signature
        self.numbers = signature.task == "regression"

    @property
    def _last(self) -> Any:
        return self.model.steps[-1][1] if hasattr(self.model, "steps") else self.model

    def prepare(self, params: dict[str, str | int | float | bool]) -> None:
        """See that it can learn on, and set what was asked for.

        Raises:
            ConfigError: it cannot, or there is no such parameter.
        """
        last = self._last
        named = steps_of(last.model)[-1] if isinstance(last, RiverModel) else last
        name = type(named).__name__
        if not hasattr(last, "partial_fit"):
            raise ConfigError(
                f"The model cannot learn on: its last step, {name}, has no partial_fit.",
                hint=f"Such that have: {LEARNABLE}.",
            )
        if self.signature.task not in ("classification", "regression"):
            raise ConfigError("The model is neither a classifier nor a regressor.")
        try:
            last.set_params(**params)
        except ValueError:
            known = ", ".join(sorted(last.get_params(deep=False)))
            raise ConfigError(
                f"{name} has not all of these parameters: {', '.join(params)}.",
                hint=f"It has: {known}.",
            ) from None

    def lesson(self, rows: pl.DataFrame) -> Lesson:
        """Labelled rows as it takes them; those that it cannot are left out and counted.

        Args:
            rows: as `LabelLog.read` gives them.
        """
        fields = [field for field in self.signature.inputs if field.missing == "error"]
        there = [pl.col(f"in.{f.name}").is_not_null() for f in fields if _in(f, rows)]
        if any(not _in(field, rows) for field in fields):
            return Lesson(None, np.empty(0), rows.height)
        whole = rows.filter(*there) if there else rows
        truth, known = self._truth(whole)
        if not known.any():
            return Lesson(None, np.empty(0), rows.height)
        taken = whole.filter(pl.Series(known))
        batch = _batch(taken, self.signature.inputs)
        return Lesson(batch, truth[known], rows.height - batch.rows, _lines(taken))

    def _truth(self, rows: pl.DataFrame) -> tuple[Any, Any]:
        """Places among the classes, or numbers; and which of them are any."""
        if self.numbers:
            truth = rows["number"].fill_null(np.nan).to_numpy()
            return truth, np.abs(truth) < NUMBER_MAX
        places = places_of(rows["text"].to_list(), self.model.classes_.tolist())
        return places, places >= 0

    def errors(self, batch: Batch, truth: Any) -> Numbers:
        """Its error in each row as it is now: 0 or 1 of a label, absolute of a number.

        Raises:
            ModelError: it fails.
        """
        frame = make_frame(self.signature.inputs, batch, self.form)
        predicted = np.asarray(_quiet(self.model.predict, frame)).reshape(batch.rows)
        if self.numbers:
            apart: Numbers = np.abs(predicted.astype(np.float64) - truth)
            return np.asarray(np.minimum(apart, NUMBER_MAX))
        return np.asarray(predicted != self.model.classes_[truth], dtype=np.float64)

    def learn(self, batch: Batch, truth: Any, name: str) -> None:
        """Learn rows.

        Args:
            batch: the rows.
            truth: as `lesson` gives it.
            name: of this piece: whatever is drawn is drawn from it, so that a process that begins
                again comes to the same state.

        Raises:
            ModelError: it fails.
        """
        frame = make_frame(self.signature.inputs, batch, self.form)
        labels = truth if self.numbers else self.model.classes_[truth]
        np.random.seed(zlib.crc32(name.encode()))  # what estimators draw from
        if hasattr(self.model, "steps") and len(self.model.steps) > 1:
            frame = _quiet(self.model[:-1].transform, frame)
        _quiet(self._last.partial_fit, frame, labels)


class Lesson(msgspec.Struct, frozen=True, eq=False):
    """Labelled rows in the form that a model learns from.

    Args:
        batch: None if there are none.
        truth: shape (rows,): places among the classes, or numbers.
        unfit: rows that were left out.
        lines: of each row, for the account of what was learnt.
    """

    batch: Batch | None
    truth: Any
    unfit: int
    lines: tuple[Line, ...] = ()


def load_student(bundle: Bundle) -> Student:
    """The model of a version, to learn on.

    Raises:
        ConfigError: the version has no form that can.
        BundleError: that form is damaged or holds types that are not vetted.
    """
    info = bundle.info
    if info.trainable is None or info.trainable.format not in ("skops", "river"):
        raise ConfigError(
            "The version has no form that can learn on.",
            hint=f"Package a model that has partial_fit: {LEARNABLE}.",
        )
    raw = read_file(bundle, info.trainable.path)
    if info.trainable.format == "river":
        return Student(load_river(raw, info.signature.outputs), "rows", info.signature)
    from fairlead.runners.sklearn import load_skops

    model: Any = load_skops(raw)
    return Student(model, _form(info.runner.kind, info.runner.frame, model), info.signature)


def _form(kind: str, frame: Form, model: Any) -> Form:
    """The form of data that a model takes; of one that is served as ONNX, from what it was fit."""
    if kind == "sklearn":
        return frame
    return "pandas" if hasattr(model, "feature_names_in_") else "numpy"


def _in(field: Field, rows: pl.DataFrame) -> bool:
    return f"in.{field.name}" in rows.columns


def _lines(rows: pl.DataFrame) -> tuple[Line, ...]:
    label = pl.coalesce("text", pl.col("number").cast(pl.String))
    return tuple(rows.select("prediction_id", pl.col("received").dt.epoch("us"), label).iter_rows())


def _batch(rows: pl.DataFrame, fields: tuple[Field, ...]) -> Batch:
    """Inputs of the log as they were admitted."""
    admitted = tuple(
        msgspec.structs.replace(field, unknown="allow", categories=field.categories)
        for field in fields
    )
    frame = rows.select(pl.col("^in\\..*$").name.map(lambda name: name.removeprefix("in.")))
    try:
        return from_frame(Signature(inputs=admitted, outputs=(), extra="ignore"), frame)
    except InputError as error:
        raise ModelError(
            f"Rows of the log do not fit the model's fields. {error.message}"
        ) from None


def _quiet(function: Any, *given: Any) -> Any:
    """Call into the model; what it raises is told by its type alone, as values may be in it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return function(*given)
        except Exception as error:
            raise ModelError(f"The model failed to learn ({type(error).__name__}).") from error
