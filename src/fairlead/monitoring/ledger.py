"""One account of how good answers are: estimated first, realised as labels come, then compared."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import numpy as np

from fairlead.monitoring.estimate import (
    Counted,
    Estimator,
    estimate,
    expect_rows,
    know_rows,
    merge_counted,
)
from fairlead.monitoring.rows import Answered
from fairlead.signature import Signature
from fairlead.stats import CONFIDENCE, Estimate, wilson


class Tally(msgspec.Struct, frozen=True):
    """The state of a window: rows counted three ways, each of which can be merged.

    Args:
        unlabelled: rows without a label, by what is expected of them.
        labelled: rows with one, by what was expected of them before it came.
        known: the same rows, by their labels.
    """

    unlabelled: Counted
    labelled: Counted
    known: Counted


class Entry(msgspec.Struct, frozen=True):
    """One metric of one window.

    Args:
        metric: its name.
        estimated: of all rows, as if no label had come.
        current: of all rows, with the labels that came: what to show and to judge by.
        realised: of the labelled rows; None without any.
        foreseen: what was estimated of just these rows.
        error: foreseen - realised: how far the estimator was off, on the same rows.
        covered: whether the interval of `foreseen` holds what was realised.
    """

    metric: str
    estimated: Estimate
    current: Estimate
    realised: float | None = None
    foreseen: Estimate | None = None
    error: float | None = None
    covered: bool | None = None


class Ledger(msgspec.Struct, frozen=True):
    """All metrics of one window."""

    rows: int
    labelled: int
    entries: dict[str, Entry] = {}


class Score(msgspec.Struct, frozen=True):
    """How well an estimator did on windows whose labels came.

    Args:
        windows: that were scored.
        error: mean absolute error.
        bias: mean error; above 0 the metric was estimated too high.
        covered: share of windows whose interval held, with its own interval.
    """

    windows: int
    error: float
    bias: float
    covered: Estimate


def tally(estimator: Estimator, signature: Signature, one: Answered) -> Tally:
    """Count answered rows of the log.

    Args:
        estimator: of the version that answered.
        signature: of that version.
        one: rows as `rows.answered` reads them.
    """
    labelled = np.array([_is_label(signature, label) for label in one.labels], dtype=np.bool_)
    with_label, without = np.flatnonzero(labelled), np.flatnonzero(~labelled)
    outputs = one.outputs.take(with_label)
    return Tally(
        unlabelled=expect_rows(
            estimator, signature, one.inputs.take(without), one.outputs.take(without)
        ),
        labelled=expect_rows(estimator, signature, one.inputs.take(with_label), outputs),
        known=know_rows(estimator, signature, outputs, [one.labels[row] for row in with_label]),
    )


def merge_tallies(a: Tally, b: Tally) -> Tally:
    """The tally of the rows of both.

    Raises:
        ConflictError: they come from different estimators.
    """
    return Tally(
        unlabelled=merge_counted(a.unlabelled, b.unlabelled),
        labelled=merge_counted(a.labelled, b.labelled),
        known=merge_counted(a.known, b.known),
    )


def settle(estimator: Estimator, one: Tally, *, confidence: float = CONFIDENCE) -> Ledger:
    """Estimate, realise and compare every metric of a window.

    Args:
        estimator: that counted it.
        one: the window's tally.
        confidence: of the intervals.
    """
    labelled = one.known.rows
    rows = one.unlabelled.rows + labelled
    if not rows:
        return Ledger(0, 0)
    every = merge_counted(one.unlabelled, one.labelled)
    estimated = estimate(estimator, every, confidence=confidence)
    current = estimate(estimator, one.unlabelled, one.known, confidence=confidence)
    realised: dict[str, Estimate] = {}
    foreseen: dict[str, Estimate] = {}
    if labelled:
        realised = estimate(estimator, None, one.known, confidence=confidence)
        foreseen = estimate(estimator, one.labelled, confidence=confidence)
    return Ledger(
        rows,
        labelled,
        {
            name: _entry(name, whole, current[name], realised.get(name), foreseen.get(name))
            for name, whole in estimated.items()
            if name in current
        },
    )


def score(
    ledgers: Iterable[Ledger], *, labelled_min: int = 30, confidence: float = CONFIDENCE
) -> dict[str, Score]:
    """Hold an estimator against what came of its estimates.

    Args:
        ledgers: of windows.
        labelled_min: windows with fewer labels are not counted.
        confidence: of the interval around the share of windows that were covered.

    Returns:
        By metric; a well calibrated estimator covers as many windows as its confidence says.
    """
    entries: dict[str, list[tuple[float, bool]]] = {}
    for ledger in ledgers:
        for name, entry in ledger.entries.items():
            if ledger.labelled >= labelled_min and entry.error is not None:
                entries.setdefault(name, []).append((entry.error, bool(entry.covered)))
    return {name: _score(each, confidence) for name, each in entries.items()}


def _entry(
    name: str,
    estimated: Estimate,
    current: Estimate,
    realised: Estimate | None,
    foreseen: Estimate | None,
) -> Entry:
    if realised is None or foreseen is None:
        return Entry(name, estimated, current)
    return Entry(
        metric=name,
        estimated=estimated,
        current=current,
        realised=realised.value,
        foreseen=foreseen,
        error=foreseen.value - realised.value,
        covered=foreseen.low <= realised.value <= foreseen.high,
    )


def _score(entries: list[tuple[float, bool]], confidence: float) -> Score:
    errors = np.array([error for error, _ in entries])
    return Score(
        windows=len(entries),
        error=float(np.abs(errors).mean()),
        bias=float(errors.mean()),
        covered=wilson(sum(held for _, held in entries), len(entries), confidence=confidence),
    )


def _is_label(signature: Signature, label: object) -> bool:
    if signature.task == "regression":
        return isinstance(label, float | int) and bool(np.isfinite(label))
    return label is not None
