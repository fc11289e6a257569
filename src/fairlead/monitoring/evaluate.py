"""Answers measured against the truth: overall, by slice, and beside another version's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from fairlead.errors import ConfigError
from fairlead.monitoring.labels import plain_values
from fairlead.monitoring.measure import (
    Answers,
    Labels,
    answer_field,
    classifications,
    regressions,
    true_values,
)
from fairlead.signature import Batch, Signature
from fairlead.stats import (
    CONFIDENCE,
    Estimate,
    bootstrap,
    bootstrap_pair,
    share_difference,
    value_of,
    wilson,
)

Values = npt.NDArray[Any]
Verdict = Literal["better", "worse", "no difference seen"]

ROWS_MIN = 5
SLICES_MAX = 50
LESS_IS_BETTER = frozenset({"log_loss", "brier", "calibration_error", "rmse", "mae", "mape"})
MISSING = "(missing)"


class SlicePart(msgspec.Struct, frozen=True):
    """The rows with one value of one field.

    Args:
        field: that divides the rows.
        value: that these rows have, as text.
        rows: how many these are.
        metrics: by name; empty below five rows.
    """

    field: str
    value: str
    rows: int
    metrics: dict[str, Estimate] = {}


class Evaluation(msgspec.Struct, frozen=True):
    """How good answers are, and how sure that is.

    Args:
        rows: how many were measured.
        confidence: of every interval.
        metrics: by name; accuracy with Wilson's interval, all others bootstrapped.
        differences: metric of these answers - metric of the others, paired by row.
        verdicts: "better" or "worse" where the interval of the difference leaves out 0, by the
            metric's direction. Each is by itself: of twenty true equals, one seems to differ.
        slices: by field, the largest first.
        notes: what a reader should know: labels that are unknown, metrics that are undefined.
    """

    rows: int
    confidence: float
    metrics: dict[str, Estimate]
    differences: dict[str, Estimate] = {}
    verdicts: dict[str, Verdict] = {}
    slices: tuple[SlicePart, ...] = ()
    notes: tuple[str, ...] = ()


def evaluate(
    outputs: Batch,
    signature: Signature,
    truth: Values,
    *,
    against: Batch | None = None,
    against_signature: Signature | None = None,
    slices: Mapping[str, Values] | None = None,
    seed: int,
) -> Evaluation:
    """Measure answers against the truth.

    Args:
        outputs: answers of the model.
        signature: of the model.
        truth: labels, shape (rows,); text, numbers or booleans, brought to the type of the
            model's classes where that loses nothing.
        against: answers of another version to the same rows.
        against_signature: of that version, if it is another one: its classes may differ.
        slices: columns, shape (rows,), whose values divide the rows.
        seed: of the resampling; the same gives the same intervals.

    Returns:
        Metrics with intervals. For classification accuracy, balanced_accuracy, macro_f1, with
        probabilities log_loss and brier, with two classes roc_auc of the second; for
        regression rmse, mae and r2. What is undefined on these rows is left out and noted.

    Raises:
        ConfigError: labels are missing or of another kind than the classes, there are fewer than
            five rows, or the model answers nothing that has a metric.
    """
    if outputs.rows < ROWS_MIN:
        raise ConfigError(
            f"There are {outputs.rows} rows to evaluate on.", hint=f"Give {ROWS_MIN} or more."
        )
    models = [(signature, outputs)]
    if against is not None:
        models.append((against_signature or signature, against))
    measured, notes = answers_beside(models, truth)
    theirs = measured[1] if against is not None else None
    return assess(measured[0], theirs, slices=slices, seed=seed, notes=notes)


def assess(
    ours: Answers,
    theirs: Answers | None = None,
    *,
    slices: Mapping[str, Values] | None = None,
    seed: int,
    notes: Sequence[str] = (),
) -> Evaluation:
    """Measure answers that lie beside the truth already, as `evaluate` does.

    Args:
        ours: at least five answers.
        theirs: another version's answers to the same rows.
        slices: columns, shape (rows,), whose values divide the rows.
        seed: of the resampling.
        notes: what a reader should know before all else.
    """
    metrics, differences = _estimates(ours, theirs, seed)
    undefined = sorted(ours.statistics().keys() - metrics.keys())
    said = [*notes, *(f"{name} is undefined on these rows." for name in undefined)]
    parts: list[SlicePart] = []
    for field, values in (slices or {}).items():
        groups = groups_of(field, values, ours.rows)
        if len(groups) > SLICES_MAX:
            said.append(f"{field} has {len(groups)} values; the {SLICES_MAX} largest are shown.")
        parts += [_part(field, v, ours.take(at), seed) for v, at in groups[:SLICES_MAX]]
    return Evaluation(
        rows=ours.rows,
        confidence=CONFIDENCE,
        metrics=metrics,
        differences=differences,
        verdicts={name: verdict(name, apart) for name, apart in differences.items()},
        slices=tuple(parts),
        notes=tuple(said),
    )


def metrics_of(outputs: Batch, signature: Signature, labels: Values) -> dict[str, float]:
    """Metrics of answers without intervals, as in `evaluate`.

    Args:
        outputs: answers of the model.
        signature: of the model.
        labels: the truth, shape (rows,).

    Returns:
        By name, what is defined on these rows; nothing for a model that does not answer one
        label or number for each row.

    Raises:
        ConfigError: labels are missing, or of another kind than the classes.
    """
    if answer_field(signature, outputs) is None:
        return {}
    measured, _ = answers_beside([(signature, outputs)], labels)
    ours = measured[0]
    values = {name: value_of(stat, ours.rows) for name, stat in ours.statistics().items()}
    return {name: value for name, value in values.items() if np.isfinite(value)}


def verdict(metric: str, difference: Estimate) -> Verdict:
    """What a difference says.

    Example:
        >>> verdict("accuracy", Estimate(0.1, 0.05, 0.15)), verdict("rmse", Estimate(0.1, 0, 0.2))
        ('better', 'no difference seen')
    """
    if difference.low <= 0 <= difference.high:
        return "no difference seen"
    return "better" if (difference.value < 0) == (metric in LESS_IS_BETTER) else "worse"


def answers_beside(
    models: Sequence[tuple[Signature, Batch]], truth: Values
) -> tuple[list[Answers], list[str]]:
    """Each model's answers beside the truth, and what a reader should know.

    Args:
        models: signature and answers of each, to the same rows; the first one's classes count.
        truth: labels, shape (rows,).

    Raises:
        ConfigError: labels are missing or of another kind than the classes, the models answered
            different numbers of rows, or they answer nothing that has a metric, or of two tasks.
    """
    signature, outputs = models[0]
    if len({batch.rows for _, batch in models}) > 1:
        raise ConfigError(
            "The two versions answered different numbers of rows.", hint="Give both the same rows."
        )
    fields = [answer_field(each, batch) for each, batch in models]
    found = [
        (*model, field) for model, field in zip(models, fields, strict=True) if field is not None
    ]
    if len(found) < len(models) or len({each.task for each, _ in models}) > 1:
        raise ConfigError(
            f"Answers of task {signature.task} cannot be measured here.",
            hint="One label or one number for each row can, of the same task for both versions.",
        )
    plain = true_values(truth, outputs.rows)
    if signature.task == "regression":
        columns = [batch.column(field.name) for _, batch, field in found]
        return list(regressions(plain, columns)), []
    labels, coded = classifications(plain, found)
    return list(labels), _notes(labels, found, coded.unknown)


def _notes(labels: list[Labels], models: list[Any], unknown: dict[str, int]) -> list[str]:
    notes = []
    if unknown:
        names = sorted(unknown, key=lambda name: (-unknown[name], name))[:SLICES_MAX]
        notes.append(
            f"{sum(unknown.values())} rows have labels that the model does not know and that "
            f"count as wrong: {', '.join(names)}."
        )
    for answers, (_, batch, _) in zip(labels, models, strict=True):
        if answers.chances is None and "probabilities" in batch.columns:
            notes.append("Probabilities are not finite, or not one for each class: not measured.")
    return notes


def _estimates(
    ours: Answers, theirs: Answers | None, seed: int
) -> tuple[dict[str, Estimate], dict[str, Estimate]]:
    """Metrics and differences; shares by closed forms, which also hold for few rows."""
    metrics: dict[str, Estimate] = {}
    differences: dict[str, Estimate] = {}
    if isinstance(ours, Labels):
        metrics["accuracy"] = wilson(int(ours.hits.sum()), ours.rows)
        if isinstance(theirs, Labels):
            gained = int((ours.hits & ~theirs.hits).sum())
            lost = int((theirs.hits & ~ours.hits).sum())
            differences["accuracy"] = share_difference(gained, lost, ours.rows)
    statistics = _resampled(ours)
    if theirs is None:
        return metrics | bootstrap(statistics, ours.rows, seed=seed), differences
    drawn, apart = bootstrap_pair(statistics, _resampled(theirs), ours.rows, seed=seed)
    return metrics | drawn, differences | apart


def _resampled(answers: Answers) -> dict[str, Any]:
    return {name: stat for name, stat in answers.statistics().items() if name != "accuracy"}


def groups_of(field: str, values: Values, rows: int) -> list[tuple[str, Values]]:
    """The values of a field, as text, and the places of the rows that have them, most rows first.

    Raises:
        ConfigError: there is not one value for each row.
    """
    if np.shape(values) != (rows,):
        raise ConfigError(
            f"Slice {field} has shape {np.shape(values)} for {rows} rows.",
            hint="Give one value for each row.",
        )
    # As objects: fixed-width text would lose NULs at its end.
    names = np.array(_names(np.asarray(values)), dtype=object)
    found, places = np.unique(names, return_inverse=True)
    order = np.argsort(places, kind="stable")
    groups = np.split(order, np.cumsum(np.bincount(places))[:-1])
    named = zip(found.tolist(), groups, strict=True)
    return sorted(named, key=lambda group: (-len(group[1]), group[0]))


def _names(values: Values) -> list[str]:
    """Each value as text."""
    if values.dtype.kind in "mM":
        return [MISSING if np.isnat(value) else str(value) for value in values]
    return [_name(value) for value in plain_values(values)]


def _name(value: object) -> str:
    if value is None:
        return MISSING
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _part(field: str, value: str, answers: Answers, seed: int) -> SlicePart:
    metrics = _estimates(answers, None, seed)[0] if answers.rows >= ROWS_MIN else {}
    return SlicePart(field=field, value=value, rows=answers.rows, metrics=metrics)
