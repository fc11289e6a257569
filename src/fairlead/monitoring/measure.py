"""Which metrics answers have, as statistics of their rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from fairlead.errors import ConfigError
from fairlead.monitoring.labels import Coded, encode_labels, plain_values
from fairlead.signature import Batch, Field, Numbers, Signature
from fairlead.stats import Statistic, chance_of, weighted

Values = npt.NDArray[Any]

# The output that is held against the truth, whatever else is answered.
ANSWERS = {"classification": "label", "regression": "prediction"}


class Answers(Protocol):
    """Answers beside the truth."""

    @property
    def truth(self) -> Values:
        """What is true, shape (rows,)."""
        ...

    @property
    def predicted(self) -> Values:
        """What was answered, shape (rows,)."""
        ...

    @property
    def rows(self) -> int:
        """How many there are."""
        ...

    def take(self, rows: Values) -> Self:
        """The answers of some rows."""
        ...

    def statistics(self) -> dict[str, Statistic]:
        """Their metrics by name."""
        ...


@dataclass(frozen=True, slots=True)
class Chances:
    """Probabilities beside the truth.

    Args:
        true: probability of the true class, shape (rows,); 0 for one the model does not know.
        answered: probability of the answered class, shape (rows,).
        squares: sum of the squared probabilities, shape (rows,).
        classes: how many there are.
        positive: probability of the second of two classes, if there are two.
    """

    true: Numbers
    answered: Numbers
    squares: Numbers
    classes: int
    positive: Numbers | None


@dataclass(frozen=True, slots=True)
class Labels:
    """Answers of a classifier.

    Args:
        truth: codes of the true labels, shape (rows,).
        predicted: codes of the answered labels, shape (rows,).
        chances: where the classifier answers probabilities.
        binary: whether all true labels are one of two classes, so that 1 is the positive one.
    """

    truth: Values
    predicted: Values
    chances: Chances | None
    binary: bool

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(self.truth)

    @property
    def hits(self) -> npt.NDArray[np.bool_]:
        """Whether each row's label is right."""
        return np.asarray(self.truth == self.predicted)

    def take(self, rows: Values) -> Labels:
        """The answers of some rows."""
        chances = self.chances
        if chances is not None:
            positive = None if chances.positive is None else chances.positive[rows]
            chances = Chances(
                true=chances.true[rows],
                answered=chances.answered[rows],
                squares=chances.squares[rows],
                classes=chances.classes,
                positive=positive,
            )
        return Labels(self.truth[rows], self.predicted[rows], chances, self.binary)

    def statistics(self) -> dict[str, Statistic]:
        """Their metrics by name."""
        truth, predicted, chances = self.truth, self.predicted, self.chances
        found = {
            "accuracy": weighted.mean(self.hits),
            "balanced_accuracy": weighted.balanced_accuracy(truth, predicted),
            "macro_precision": weighted.macro_precision(truth, predicted),
            "macro_f1": weighted.macro_f1(truth, predicted),
        }
        if self.binary:
            found["precision"] = weighted.precision(truth == 1, predicted == 1)
            found["recall"] = weighted.recall(truth == 1, predicted == 1)
            found["f1"] = weighted.f1(truth == 1, predicted == 1)
        return found if chances is None else found | self._of_chances(chances)

    def _of_chances(self, chances: Chances) -> dict[str, Statistic]:
        found = {
            "log_loss": weighted.log_loss(chances.true),
            "brier": weighted.brier(chances.true, chances.squares, chances.classes),
        }
        positive = chances.positive
        if self.binary and positive is not None:
            found["roc_auc"] = weighted.roc_auc(self.truth == 1, positive)
            found["average_precision"] = weighted.average_precision(self.truth == 1, positive)
            found["calibration_error"] = weighted.calibration_error(self.truth == 1, positive)
        else:
            found["calibration_error"] = weighted.calibration_error(self.hits, chances.answered)
        return found


@dataclass(frozen=True, slots=True)
class Predictions:
    """Answers of a regressor, each shape (rows,)."""

    truth: Numbers
    predicted: Numbers

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(self.truth)

    def take(self, rows: Values) -> Predictions:
        """The answers of some rows."""
        return Predictions(self.truth[rows], self.predicted[rows])

    def statistics(self) -> dict[str, Statistic]:
        """Their metrics by name."""
        return {
            "rmse": weighted.rmse(self.truth, self.predicted),
            "mae": weighted.mae(self.truth, self.predicted),
            "mape": weighted.mape(self.truth, self.predicted),
            "r2": weighted.r2(self.truth, self.predicted),
        }


def answer_field(signature: Signature, outputs: Batch) -> Field | None:
    """The output that is held against the truth; None where there is none of one value a row."""
    named = [f for f in signature.outputs if f.name == ANSWERS.get(signature.task)]
    single = [f for f in signature.outputs if f.kind != "tensor"]
    found = named or (single if signature.task in ANSWERS and len(single) == 1 else [])
    if not found:
        return None
    values = outputs.column(found[0].name)
    return found[0] if values.size == outputs.rows else None


def true_values(truth: Values, rows: int) -> list[Any]:
    """The truth as plain values, one for each row.

    Raises:
        ConfigError: there are not as many as rows, or some are missing.
    """
    values = truth if np.ma.isMA(truth) else np.asarray(truth)
    if values.shape not in {(rows,), (rows, 1)}:
        raise ConfigError(
            f"The truth has shape {values.shape} for {rows} answered rows.",
            hint="Give one label for each row.",
        )
    plain = plain_values(values.reshape(rows))
    missing = sum(value is None for value in plain)
    if missing:
        raise ConfigError(
            f"{missing} of {rows} rows have no label.", hint="Leave these rows out, or label them."
        )
    return plain


def regressions(truth: list[Any], answers: Sequence[Values]) -> list[Predictions]:
    """Each model's predictions beside the truth.

    Raises:
        ConfigError: the truth is not finite numbers.
    """
    try:
        numbers = np.array([float(value) for value in truth])
    except (ValueError, OverflowError):
        numbers = np.array([np.nan])
    if not np.isfinite(numbers).all():
        raise ConfigError(
            "The truth has values that are not finite numbers, which a regressor is measured by.",
            hint="Name the column that the model predicts.",
        )
    return [Predictions(numbers, _numbers(answer).reshape(len(truth))) for answer in answers]


def classifications(
    truth: list[Any], models: Sequence[tuple[Signature, Batch, Field]]
) -> tuple[list[Labels], Coded]:
    """Each model's labels and probabilities beside the truth.

    Args:
        truth: plain values, none missing.
        models: signature, answers and field of the label of each; the first is measured.

    Raises:
        ConfigError: labels and classes cannot be brought to one type.
    """
    answers = [answers_of(batch, field) for _, batch, field in models]
    known = [
        known_classes(signature, field, given)
        for (signature, _, field), given in zip(models, answers, strict=True)
    ]
    coded = encode_labels(truth, answers, known)
    binary = len(known[0]) == 2 and not coded.unknown
    measured = []
    for (_, batch, _), classes, said, places in zip(
        models, known, coded.predicted, coded.places, strict=True
    ):
        probabilities = probabilities_of(batch, len(classes))
        second = int(places[1]) if len(places) > 1 else -1
        chances = _chances(probabilities, places[coded.truth], places[said], second)
        measured.append(Labels(coded.truth, said, chances, binary))
    return measured, coded


def answers_of(batch: Batch, label: Field) -> list[Any]:
    """The labels that were answered, as plain values."""
    plain = plain_values(batch.column(label.name).reshape(-1))
    if label.kind == "boolean":  # which a batch holds as 0.0 and 1.0
        return [None if value is None else bool(value) for value in plain]
    return plain


def known_classes(signature: Signature, label: Field, answers: list[Any]) -> list[Any]:
    """The classes in the order of the probabilities, or else those that were answered."""
    classes = classes_of(signature, label)
    if classes is None:
        return sorted({a for a in answers if a is not None}, key=lambda a: (str(type(a)), a))
    return classes


def beside(truth: Values, predicted: Values, probabilities: Numbers | None, classes: int) -> Labels:
    """Answers of one classifier beside the truth, as places among its classes.

    Args:
        truth: shape (rows,); -1 for a class that it does not know, which no answer meets.
        predicted: shape (rows,); -1 for an answer that is none of its classes.
        probabilities: shape (rows, classes), if it answers them.
        classes: how many there are.
    """
    true = np.where(truth < 0, classes, truth)
    chances = _chances(probabilities, truth, predicted, 1 if classes > 1 else -1)
    return Labels(true, predicted, chances, classes == 2 and bool((truth >= 0).all()))


def classes_of(signature: Signature, label: Field) -> list[Any] | None:
    """The classes of a classifier in the order of its probabilities; None if it names none."""
    named = {field.name: field.categories for field in signature.outputs}
    classes = named.get("probabilities") or label.categories
    return None if classes is None else list(classes)


def probabilities_of(batch: Batch, classes: int) -> Numbers | None:
    """The probabilities that were answered; None unless there is one for each class."""
    if "probabilities" not in batch.columns:
        return None
    found = np.asarray(batch.columns["probabilities"], dtype=np.float64)
    return found if found.shape == (batch.rows, classes) else None


def _chances(
    probabilities: Numbers | None, true: Values, answered: Values, second: int
) -> Chances | None:
    """What matters of probabilities, by places in them; None unless all are finite."""
    if probabilities is None or not np.isfinite(probabilities).all():
        return None
    return Chances(
        true=chance_of(true, probabilities),
        answered=chance_of(answered, probabilities),
        squares=np.square(probabilities).sum(axis=1),
        classes=probabilities.shape[1],
        positive=probabilities[:, second] if second >= 0 else None,
    )


def _numbers(answer: Values) -> Numbers:
    return np.asarray(answer, dtype=np.float64)
