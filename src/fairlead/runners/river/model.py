"""A model of river behind scikit-learn's interface: rows are dictionaries, and learnt in order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fairlead.errors import BundleError, ExportError
from fairlead.runners.extras import not_installed
from fairlead.runners.river.read import read_state
from fairlead.runners.river.write import write_state
from fairlead.signature import Field

Array = npt.NDArray[Any]
Row = dict[str, Any]
Rows = Sequence[Row]

IMPUTERS = ("StatImputer", "PreviousImputer")
"""They fill in values that are None; all other steps do without a value that is not there."""


class RiverModel:
    """A model of river, asked and taught many rows at once, one after the other.

    Args:
        model: of river.
        classes: that it chooses from, in order; None if it regresses.
    """

    def __init__(self, model: Any, classes: Array | None) -> None:
        self.model = model
        self.classes_ = classes
        self._places = {} if classes is None else {c: i for i, c in enumerate(classes.tolist())}
        self._fills = any(type(step).__name__ in IMPUTERS for step in steps_of(model))

    def predict(self, rows: Rows) -> Array:
        """Values (rows,), or classes.

        Raises:
            ValueError: it knows of no class yet, or of one that it should not.
        """
        answers = [self.model.predict_one(self._given(row)) for row in rows]
        if self.classes_ is None:
            return np.array(answers, dtype=np.float64)
        if not all(answer in self._places for answer in answers):
            raise ValueError("it answers what is none of the classes, as it has learnt too little")
        return np.asarray(self.classes_[[self._places[answer] for answer in answers]])

    def partial_fit(self, rows: Rows, labels: Array) -> None:
        """Learn rows, one after the other."""
        for row, label in zip(rows, labels.tolist(), strict=True):
            self.model.learn_one(self._given(row), label)

    def shares(self, row: Row) -> dict[Any, float]:
        """How probable each class is, as far as it is known; empty if none is.

        Raises:
            NotImplementedError: it does not tell.
        """
        found: dict[Any, float] = self.model.predict_proba_one(self._given(row))
        return found

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """What may be set of it, and, if deep, the model itself."""
        last = steps_of(self.model)[-1]
        known = {name: getattr(last, name) for name in getattr(last, "_mutable_attributes", ())}
        return {**known, "model": self.model} if deep else known

    def set_params(self, **params: Any) -> None:
        """Set what may be set of its last step.

        Raises:
            ValueError: that has no such parameter.
        """
        steps_of(self.model)[-1].mutate(params)

    def _given(self, row: Row) -> Row:
        """A row as river takes it: without what is missing, unless that is filled in."""
        return row if self._fills else {k: v for k, v in row.items() if v is not None}

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn asks to tell classifiers from regressors."""
        from sklearn.utils import Tags, TargetTags

        kind = "regressor" if self.classes_ is None else "classifier"
        return Tags(estimator_type=kind, target_tags=TargetTags(required=True))


class RiverProbabilities(RiverModel):
    """A classifier of river that gives probabilities."""

    def predict_proba(self, rows: Rows) -> Array:
        """Probabilities (rows, classes)."""
        asked = map(self.shares, rows)
        return np.array([[shares.get(label, 0.0) for label in self._places] for shares in asked])


def steps_of(model: Any) -> list[Any]:
    """The steps of a pipeline of river, whatever is in them, in order; the model last."""
    if hasattr(model, "steps"):
        return [step for part in model.steps.values() for step in steps_of(part)]
    if hasattr(model, "transformers"):
        return [step for part in model.transformers.values() for step in steps_of(part)]
    return [model]


def of_river(model: Any, rows: Rows, labels: Array | None) -> RiverModel:
    """A model of river that has learnt, as it is served.

    Args:
        model: of river.
        rows: some like those that it has learnt.
        labels: theirs, if they are known.

    Raises:
        ExportError: it neither tells classes apart nor gives a number, or has learnt nothing.
    """
    if isinstance(model, RiverModel):
        return model
    from river import base

    last = steps_of(model)[-1]
    if isinstance(last, base.Regressor):
        return RiverModel(model, None)
    if not isinstance(last, base.Classifier):
        raise ExportError(
            f"{type(last).__name__} of river is neither a classifier nor a regressor.",
            hint="Only these two are served; of what river has else, write a class with `predict`.",
        )
    found: list[dict[Any, float]] = []
    served: type[RiverModel] = RiverProbabilities
    try:
        found += map(RiverModel(model, None).shares, rows)
    except NotImplementedError:
        served = RiverModel
    except Exception as error:  # of a model that does not take these rows
        raise ExportError(
            f"The model does not predict on the reference rows: {type(error).__name__}: "
            f"{str(error)[:200]}",
            hint="Give rows like those that it has learnt.",
        ) from None
    known = dict.fromkeys([] if labels is None else np.unique(labels).tolist())
    known |= dict.fromkeys(label for shares in found for label in shares)
    if len(known) < 2:
        raise ExportError(
            f"Which classes {type(last).__name__} of river tells apart is not known.",
            hint="Let it learn rows of all classes first, and give the labels beside the rows.",
        )
    return served(model, _classes(list(known)))


def _classes(known: list[Any]) -> Array:
    """In their order, or as they come if they have none."""
    try:
        return np.asarray(sorted(known))
    except TypeError:
        raise ExportError("The classes are of several types.") from None


def dump_river(model: RiverModel) -> bytes:
    """A model as a state: numbers, and names of what river itself defines."""
    return write_state(model.model, _library().__version__)


def load_river(raw: bytes, outputs: Sequence[Field]) -> RiverModel:
    """Load a model.

    Args:
        raw: its state.
        outputs: the signature's; the categories of a label are the classes.

    Raises:
        BundleError: it is damaged, or names what is not vetted.
        ModelError: river is not installed.
    """
    _library()
    model = read_state(raw)
    if not callable(getattr(type(model), "predict_one", None)):
        raise BundleError("The state is of no model of river.")
    labels = [field for field in outputs if field.name == "label"]
    if not labels:
        return RiverModel(model, None)
    classes = np.asarray(labels[0].categories or ())
    has_shares = any(field.name == "probabilities" for field in outputs)
    return (RiverProbabilities if has_shares else RiverModel)(model, classes)


def _library() -> Any:
    try:
        import river
    except ModuleNotFoundError:
        raise not_installed("river") from None
    return river
