"""Realised performance: what the labels say, however late they come, and how many have."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from fairlead.errors import ConfigError
from fairlead.monitoring.evaluate import ROWS_MIN, Evaluation, assess
from fairlead.monitoring.measure import Answers, Labels
from fairlead.monitoring.rows import answered, truth_of
from fairlead.signature import Numbers, Signature
from fairlead.stats import CONFIDENCE, Estimate, bootstrap, weighted, wilson

if TYPE_CHECKING:
    import polars as pl

Values = npt.NDArray[Any]
Custom = Callable[[Values, Values], Values]
LossKind = Literal["error", "log_loss", "absolute", "squared"]


class Coverage(msgspec.Struct, frozen=True):
    """How much is known of answered rows.

    Args:
        answered: rows.
        labelled: of them.
        share: labelled / answered, with Wilson's interval; None if nothing was answered.
        delay_median_s: from the answer to what its label is about, in seconds; of the labels that
            came, so it is too short as long as more are coming.
        delay_p90_s: nine of ten labels came by then.
    """

    answered: int = 0
    labelled: int = 0
    share: Estimate | None = None
    delay_median_s: float | None = None
    delay_p90_s: float | None = None


class Performance(msgspec.Struct, frozen=True):
    """What the labels say of answered rows.

    Args:
        coverage: how many have one.
        evaluation: of those; None below five.
    """

    coverage: Coverage
    evaluation: Evaluation | None = None


class LossStream(msgspec.Struct, frozen=True, eq=False):
    """The loss of each labelled row, in the order in which labels came.

    Args:
        ids: of the predictions.
        time_us: of the labels, microseconds since 1970, rising.
        losses: shape (rows,).
        kind: which loss it is.
    """

    ids: tuple[str, ...]
    time_us: npt.NDArray[np.int64]
    losses: Numbers
    kind: LossKind


def performance(
    rows: pl.DataFrame,
    signature: Signature,
    *,
    segments: Sequence[str] = (),
    custom: Mapping[str, Custom] | None = None,
    seed: int,
) -> Performance:
    """Measure rows of the log by the labels they have.

    Args:
        rows: as `predictionlog.read` gives them, collected, of one version.
        signature: of the version.
        segments: columns of the log, as `in.plan` or `unit`, whose values divide the rows; the 50
            largest of each are measured.
        custom: by name, a function of truth and answers, both shape (labelled,), that gives a
            number for each row, of which the mean is measured. Of a classifier they are places
            among its classes; an unknown label's is their number.
        seed: of the resampling.

    Raises:
        ConfigError: a segment is no column.

    Example:
        >>> import polars as pl
        >>> from fairlead.signature import Field
        >>> performance(pl.DataFrame({"outcome": ["timeout"]}), Signature(
        ...     inputs=(), outputs=(Field(name="prediction", kind="number"),), task="regression"
        ... ), seed=1).coverage.answered
        0
    """
    unknown = [name for name in segments if name not in rows.columns]
    if unknown:
        raise ConfigError(
            f"The log has no column {', '.join(unknown)}.",
            hint="Segments are columns of the log: `in.plan`, `unit`, `arm`.",
        )
    one = answered(rows, signature)
    truth = None if one is None else truth_of(one, signature)
    if one is None or truth is None:
        return Performance(Coverage(answered=0 if one is None else one.rows.height))
    coverage = coverage_of(one.rows.height, delays_of(one.rows.filter(truth.labelled)))
    if coverage.labelled < ROWS_MIN:
        return Performance(coverage)
    found = assess(
        truth.answers,
        slices={name: one.rows[name].to_numpy()[truth.labelled] for name in segments},
        seed=seed,
    )
    more = _custom(truth.answers, custom or {}, seed)
    return Performance(coverage, msgspec.structs.replace(found, metrics=found.metrics | more))


def losses(
    rows: pl.DataFrame, signature: Signature, *, kind: LossKind | None = None
) -> LossStream | None:
    """The loss of each labelled row, for a detector of changes in what inputs mean.

    Args:
        rows: as `predictionlog.read` gives them, collected, of one version.
        signature: of the version.
        kind: error (0 or 1) or log_loss (in nats) of a classifier, absolute or squared of a
            regressor; error or absolute if nothing is said.

    Returns:
        None if no row has a label.

    Raises:
        ConfigError: the model's answers have no such loss.
    """
    one = answered(rows, signature)
    truth = None if one is None else truth_of(one, signature)
    if one is None or truth is None or not truth.answers.rows:
        return None
    chosen = kind or ("error" if isinstance(truth.answers, Labels) else "absolute")
    values = row_losses(truth.answers, chosen)
    labelled = one.rows.filter(truth.labelled)
    times = labelled["label_time"].dt.epoch("us").to_numpy()
    order = np.argsort(times, kind="stable")
    ids = labelled["id"].to_numpy()[order].tolist()
    return LossStream(tuple(ids), times[order], values[order], chosen)


def row_losses(answers: Answers, kind: LossKind) -> Numbers:
    """The loss of each answer beside its truth, shape (rows,).

    Raises:
        ConfigError: the answers have no such loss.
    """
    if isinstance(answers, Labels):
        if kind == "error":
            return (~answers.hits).astype(np.float64)
        if kind == "log_loss" and answers.chances is not None:
            surprise: Numbers = -np.log(np.maximum(answers.chances.true, weighted.SMALLEST))
            return surprise
    elif kind in {"absolute", "squared"}:
        error: Numbers = np.abs(answers.predicted - answers.truth)
        return error if kind == "absolute" else error * error
    raise ConfigError(
        f"These answers have no loss '{kind}'.",
        hint="Classifiers have error and, with probabilities, log_loss; regressors absolute and "
        "squared.",
    )


def coverage_of(answered: int, delays_s: Numbers) -> Coverage:
    """How much is known of answered rows.

    Args:
        answered: how many there are.
        delays_s: of those that have a label, from the answer to what the label is about.
    """
    labelled = len(delays_s)
    share = wilson(labelled, answered, confidence=CONFIDENCE) if answered else None
    if not labelled:
        return Coverage(answered=answered, share=share)
    # A clock that runs ahead at the caller's must not make a label older than its question.
    median, most = np.quantile(np.maximum(delays_s, 0.0), [0.5, 0.9])
    return Coverage(answered, labelled, share, float(median), float(most))


def delays_of(labelled: pl.DataFrame) -> Numbers:
    """Seconds from each answer to what its label is about, shape (rows,)."""
    late: Numbers = (labelled["label_time"] - labelled["time"]).dt.total_microseconds().to_numpy()
    return late / 1e6


def _custom(answers: Answers, custom: Mapping[str, Custom], seed: int) -> dict[str, Estimate]:
    means = {
        name: weighted.mean(measure(answers.truth, answers.predicted))
        for name, measure in custom.items()
    }
    return bootstrap(means, answers.rows, seed=seed)
