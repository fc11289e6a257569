"""A form's answers beside the original's: what its metric changes by, and how often both agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fairlead.compress.types import Compared
from fairlead.errors import ConfigError
from fairlead.monitoring.evaluate import LESS_IS_BETTER, answers_beside
from fairlead.monitoring.measure import Answers, Labels, answer_field
from fairlead.signature import Batch, Column, Signature
from fairlead.stats import (
    Estimate,
    bootstrap_pair,
    kappa,
    share_difference,
    value_of,
    wilson,
)

Values = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]

ALIKE = 0.1
"""How far numbers that are alike lie apart, of the standard deviation of the original's."""


@dataclass(frozen=True, slots=True)
class Original:
    """What every form is held against.

    Args:
        signature: of the model; forms have the same.
        answers: of the original.
        truth: labels of the rows, shape (rows,); None if they are not known.
        metric: by its name; empty for the usual one of such answers.
        seed: of the resampling.
    """

    signature: Signature
    answers: Batch
    truth: Values | None
    metric: str
    seed: int


def compare(original: Original, answers: Batch, *, confidence: float) -> Compared:
    """Hold a form's answers against the original's.

    Args:
        original: its answers, and the labels where they are known.
        answers: of the form, to the same rows.
        confidence: of all intervals, between 0 and 1.

    Raises:
        ConfigError: there is no such metric, or labels are missing or of another kind.
    """
    agreed = alike(original.signature, original.answers, answers)
    measured = _measured(original, answers, confidence)
    return Compared(
        rows=answers.rows,
        metric=measured[0],
        original=measured[1],
        value=measured[2],
        change=measured[3],
        agreement=wilson(int(agreed.sum()), answers.rows, confidence=confidence),
        kappa=_kappa(original.signature, original.answers, answers),
    )


def _measured(
    original: Original, answers: Batch, confidence: float
) -> tuple[str, float | None, float | None, Estimate | None]:
    """The metric's name, its value for original and form, and by how much the form is better."""
    if original.truth is None:
        return "", None, None, None
    models = [(original.signature, answers), (original.signature, original.answers)]
    (ours, theirs), _ = answers_beside(models, original.truth)
    metric = metric_of(original.metric, theirs)
    apart = _difference(metric, ours, theirs, original.seed, confidence)
    if apart is not None and metric in LESS_IS_BETTER:
        apart = Estimate(-apart.value, -apart.high, -apart.low)
    values = [value_of(each.statistics()[metric], each.rows) for each in (theirs, ours)]
    return metric, values[0], values[1], apart


def metric_of(wanted: str, answers: Answers) -> str:
    """The metric that is held against labels.

    Args:
        wanted: by its name; empty for the usual one.
        answers: of the original.

    Raises:
        ConfigError: such answers have no such metric.
    """
    known = answers.statistics()
    if wanted and wanted not in known:
        raise ConfigError(
            f"These answers have no metric {wanted}.", hint=f"They have {', '.join(sorted(known))}."
        )
    if wanted:
        return wanted
    if not isinstance(answers, Labels):
        return "r2"
    return "roc_auc" if "roc_auc" in known else "accuracy"


def _difference(
    metric: str, ours: Answers, theirs: Answers, seed: int, confidence: float
) -> Estimate | None:
    """The form's metric less the original's; None where it is undefined."""
    if metric == "accuracy":
        assert isinstance(ours, Labels)
        assert isinstance(theirs, Labels)
        gained = int((ours.hits & ~theirs.hits).sum())
        lost = int((theirs.hits & ~ours.hits).sum())
        return share_difference(gained, lost, ours.rows, confidence=confidence)
    mine, other = ({metric: each.statistics()[metric]} for each in (ours, theirs))
    return bootstrap_pair(mine, other, ours.rows, seed=seed, confidence=confidence)[1].get(metric)


def alike(signature: Signature, original: Batch, answers: Batch) -> Mask:
    """Which rows are answered as the original does, shape (rows,).

    Labels that vary must be equal, and nothing else counts then. All other numbers may lie apart
    by a tenth of the standard deviation that the original's have over the rows.

    Args:
        signature: of the model.
        original: its answers.
        answers: of the form, to the same rows.
    """
    label = _label(signature, original)
    if label is not None and len(set(label.tolist())) > 1:
        return _equal(label, answers.column("label"))
    same = np.ones(original.rows, dtype=np.bool_)
    for field in signature.outputs:
        same &= _near(original.column(field.name), answers.column(field.name))
    return same


def _label(signature: Signature, answers: Batch) -> Column | None:
    if signature.task != "classification":
        return None
    found = answer_field(signature, answers)
    return None if found is None or found.name != "label" else answers.column("label").reshape(-1)


def _near(want: Column, have: Column) -> Mask:
    if want.shape != have.shape:
        return np.zeros(len(want), dtype=np.bool_)
    if want.dtype.kind not in "fiu":
        return _equal(want, have)
    wanted, had = (each.astype(np.float64).reshape(len(want), -1) for each in (want, have))
    with np.errstate(invalid="ignore"):
        spread = np.sqrt(np.nanmean(np.nanvar(wanted, axis=0))) if wanted.size else 0.0
        apart = np.sqrt(np.mean(np.square(wanted - had), axis=1))
        missing = (np.isnan(wanted) == np.isnan(had)).all(axis=1) & np.isnan(wanted).any(axis=1)
        return np.asarray((apart <= ALIKE * max(float(spread), 1e-12)) | missing)


def _equal(want: Column, have: Column) -> Mask:
    return np.array([a == b for a, b in zip(want.tolist(), have.reshape(-1).tolist(), strict=True)])


def _kappa(signature: Signature, original: Batch, answers: Batch) -> float | None:
    label = _label(signature, original)
    if label is None:
        return None
    said = [*label.tolist(), *answers.column("label").reshape(-1).tolist()]
    names = {name: place for place, name in enumerate(dict.fromkeys(said))}
    counts = np.zeros((len(names), len(names)))
    codes = np.array([names[name] for name in said]).reshape(2, -1)
    np.add.at(counts, (codes[0], codes[1]), 1)
    found = kappa(counts)
    return None if found is None else found.value
