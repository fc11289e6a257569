"""Direct loss estimation: how far a regressor errs before the truth comes.

A second model, fitted on labelled reference rows, says from a row's fields and its prediction how
large the loss will be. It sees that rows moved to where the model errs more, never that the same
rows now have another truth (concept drift). NannyML's name; the idea is that of Lakshminarayanan
et al. (2017), to learn the scale of the error beside the value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import sqrt

import msgspec
import numpy as np

from fairlead.errors import ConfigError
from fairlead.stats.confidence import Loss
from fairlead.stats.forest import Forest, ask, fit_forest
from fairlead.stats.intervals import CONFIDENCE, Estimate, normal_quantile
from fairlead.stats.weighted import Numbers, Values, check_rows

LOSSES: dict[str, Callable[[Numbers, Numbers], Numbers]] = {
    "mae": lambda _, error: np.abs(error),
    "rmse": lambda _, error: np.square(error),
    "mape": lambda truth, error: np.abs(error) / np.abs(truth),
}


class Losses(msgspec.Struct, frozen=True, tag="losses"):
    """A summary of rows: a commutative monoid under `merge_losses`, within rounding.

    Args:
        rows: how many there are.
        losses: by the metric that is made of them; what is not defined for all rows is missing.
    """

    rows: int
    losses: dict[str, Loss]


class Dle(msgspec.Struct, frozen=True, tag="dle"):
    """An estimator of a regressor's performance, fitted on labelled reference rows.

    Args:
        forests: of the loss, by the metric that is made of it.
        reference: the reference rows, with their losses.
    """

    forests: dict[str, Forest]
    reference: Losses


def fit_dle(codes: Sequence[Values], sizes: Sequence[int], truth: Values, predicted: Values) -> Dle:
    """Learn the losses of a regressor on rows that it was not fitted on.

    Args:
        codes: the bin of each row, for each field and for the prediction itself.
        sizes: how many bins each of these has.
        truth: shape (rows,).
        predicted: shape (rows,).

    Raises:
        ConfigError: there are fewer than ten rows with finite numbers, or no fields.
    """
    whole = _whole(truth, predicted)
    values = _values(np.asarray(truth)[whole], np.asarray(predicted)[whole])
    some = [np.asarray(code)[whole] for code in codes]
    forests = {name: fit_forest(some, sizes, loss) for name, loss in values.items()}
    return Dle(forests, know_losses(truth, predicted))


def expect_losses(dle: Dle, codes: Sequence[Values]) -> Losses:
    """Count rows without truth, each with the losses that are expected of it.

    The variance of a loss is taken as the square of `spread` times what is expected, so it
    grows with the loss as it does where errors keep their shape and change their scale. That
    the forest itself may err where it saw few rows is not part of it.

    Args:
        dle: as fitted.
        codes: as when fitted.
    """
    losses = {}
    for name, forest in dle.forests.items():
        said = ask(forest, codes)
        variance = forest.spread**2 * float(np.square(said).sum())
        losses[name] = Loss(float(said.sum()), variance)
    return Losses(len(codes[0]), losses)


def expected_loss(dle: Dle, codes: Sequence[Values], metric: str = "mae") -> Numbers:
    """The loss that is expected of each row, shape (rows,)."""
    return ask(dle.forests[metric], codes)


def know_losses(truth: Values, predicted: Values) -> Losses:
    """Count rows with truth; those with a number that is not finite are left out.

    Raises:
        ConfigError: there are not equally many of both.

    Example:
        >>> know_losses(np.array([1.0, 2.0]), np.array([1.0, 4.0])).losses["mae"].total
        2.0
    """
    whole = _whole(truth, predicted)
    values = _values(np.asarray(truth)[whole], np.asarray(predicted)[whole])
    losses = {name: Loss(float(value.sum())) for name, value in values.items()}
    return Losses(int(whole.sum()), losses)


def merge_losses(a: Losses, b: Losses) -> Losses:
    """The summary of the rows of both, with the losses that both have."""
    both = [name for name in a.losses if name in b.losses]
    return Losses(
        a.rows + b.rows,
        {name: _add(a.losses[name], b.losses[name]) for name in both},
    )


def estimate_dle(
    dle: Dle,
    expected: Losses | None,
    known: Losses | None = None,
    *,
    confidence: float = CONFIDENCE,
) -> dict[str, Estimate]:
    """Estimate metrics of rows of which some or none have a truth.

    The mean loss is (sum of expected + sum of known) / rows, its variance that of the sum,
    times 1 + N / M for N expected rows and M reference rows, over rows^2; rmse is the root of the
    squared loss's ends. The interval is for the value that the truth will show, given these rows.

    Args:
        dle: as fitted.
        expected: rows without truth, from `expect_losses`; None if there are none.
        known: rows with truth, from `know_losses`; None if there are none.
        confidence: of the intervals, between 0 and 1.

    Returns:
        mae, rmse and, where no truth is 0, mape.

    Raises:
        ConfigError: there are no rows.
    """
    parts = [part for part in (expected, known) if part is not None and part.rows]
    if not parts:
        raise ConfigError("There are no rows to estimate with.", hint="Give at least one.")
    total = parts[0] if len(parts) == 1 else merge_losses(*parts)
    doubt = 1.0 + (expected.rows / max(dle.reference.rows, 1) if expected is not None else 0.0)
    width = normal_quantile(confidence)
    found = {}
    for name, loss in total.losses.items():
        value, half = loss.total / total.rows, width * sqrt(loss.variance * doubt) / total.rows
        ends = (value, max(value - half, 0.0), value + half)
        found[name] = Estimate(*map(sqrt, ends)) if name == "rmse" else Estimate(*ends)
    return found


def _whole(truth: Values, predicted: Values) -> Values:
    """Which rows have both numbers."""
    if len(truth):
        check_rows(truth, predicted)
    finite = np.isfinite([np.asarray(truth, np.float64), np.asarray(predicted, np.float64)])
    return np.asarray(finite.all(axis=0))


def _values(truth: Values, predicted: Values) -> dict[str, Numbers]:
    """The losses that are defined for all rows."""
    true = np.asarray(truth, dtype=np.float64)
    error = np.asarray(predicted, dtype=np.float64) - true
    with np.errstate(all="ignore"):
        losses = {name: loss(true, error) for name, loss in LOSSES.items()}
    return {name: loss for name, loss in losses.items() if np.isfinite(loss).all()}


def _add(a: Loss, b: Loss) -> Loss:
    return Loss(a.total + b.total, a.variance + b.variance)
