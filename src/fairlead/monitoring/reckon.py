"""What rows beside their labels add up to: coverage, tallies and losses, also by slice."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl
from msgspec.structs import replace as with_fields

from fairlead.monitoring.appraise import Asked, Gains, add_gains, appraise
from fairlead.monitoring.columns import TABULAR
from fairlead.monitoring.divide import Division, Sliced, add_slices, divide
from fairlead.monitoring.estimate import Estimator, estimate
from fairlead.monitoring.guard import Loss, Moments, add_losses, reference_loss
from fairlead.monitoring.ledger import Tally, merge_tallies, tally
from fairlead.monitoring.measure import Labels
from fairlead.monitoring.performance import delays_of, row_losses
from fairlead.monitoring.rows import Answered, Truth, answered, truth_of
from fairlead.predictionlog.tables import TIME
from fairlead.profiles import Profile
from fairlead.signature import Numbers, Signature
from fairlead.stats import Estimate, wilson
from fairlead.stats.intervals import CONFIDENCE, normal_quantile

LABELS: dict[str, pl.DataType | type[pl.DataType]] = {
    "label": pl.String, "label_number": pl.Float64, "label_time": TIME,
    "first": pl.String, "first_number": pl.Float64, "count": pl.UInt32, "kinds": pl.UInt32,
}  # fmt: skip
ERROR_MAX = 10.0
"""In units of the version's own rmse: beyond it, errors count alike where concept drift is told."""


@dataclass(frozen=True, slots=True)
class Model:
    """What a version promised when it was packaged.

    Args:
        signature: of the version.
        metrics: measured on its reference rows.
        rows: how many these were.
        estimator: of its performance without labels, if it has one.
        profile: of its reference rows, whose edges name segments, if it has one.
    """

    signature: Signature
    metrics: Mapping[str, float] = field(default_factory=dict)
    rows: int = 0
    estimator: Estimator | None = None
    profile: Profile | None = None

    @property
    def metric(self) -> str | None:
        """The one that is guarded: accuracy of a classifier, rmse of a regressor."""
        return {"classification": "accuracy", "regression": "rmse"}.get(self.signature.task)

    @property
    def loss(self) -> Loss:
        """What the metric is made of."""
        return "error" if self.signature.task == "classification" else "squared"

    @property
    def drift_loss(self) -> Loss:
        """Where concept drift is told from: absolute, as one large error weighs less in it."""
        return "error" if self.signature.task == "classification" else "absolute"

    @property
    def promised(self) -> float | None:
        """The metric on the reference rows; None if it was not measured."""
        if self.metric is None:
            return None
        if self.metric in self.metrics or self.estimator is None:
            return self.metrics.get(self.metric)
        known = estimate(self.estimator, None, self.estimator.model.reference)
        return known[self.metric].value if self.metric in known else None

    @property
    def reference(self) -> float | None:
        """The mean loss that was promised; None if the metric was not measured."""
        rows = self.rows or (self.estimator.model.reference.rows if self.estimator else 0)
        if self.promised is None or not rows:
            return None
        return reference_loss(self.promised, rows, self.loss)


@dataclass(frozen=True, slots=True)
class Part:
    """What some rows add up to.

    Args:
        answered: rows.
        delays_s: of the labelled ones.
        tally: None without an estimator.
        latest: losses by the latest labels, by kind.
        first: losses by the first labels, by kind.
        duplicates: labels beyond the first of their prediction.
        contradicted: predictions with labels that are not the same.
        gains: what goals are worth.
        slices: the same rows by the values of fields.
    """

    answered: int = 0
    delays_s: Numbers = field(default_factory=lambda: np.empty(0))
    tally: Tally | None = None
    latest: dict[str, Moments] = field(default_factory=dict)
    first: dict[str, Moments] = field(default_factory=dict)
    duplicates: int = 0
    contradicted: int = 0
    gains: Gains = field(default_factory=Gains)
    slices: Sliced = field(default_factory=dict)


def columns_of(signature: Signature) -> set[str]:
    """The columns of the log that are needed of a version."""
    asked = {f"in.{one.name}" for one in signature.inputs if one.kind in TABULAR}
    return asked | {f"out.{one.name}" for one in signature.outputs}


def seen(signature: Signature, columns: Collection[str]) -> Signature:
    """The signature with those inputs that are in the log: some may be kept out of it."""
    inputs = tuple(one for one in signature.inputs if f"in.{one.name}" in columns)
    return with_fields(signature, inputs=inputs)


def estimates(model: Model, signature: Signature) -> Estimator | None:
    """The estimator, if the log has all that it needs."""
    if model.estimator is None:
        return None
    there = {one.name for one in (*signature.inputs, *signature.outputs)}
    return model.estimator if all(c.name in there for c in model.estimator.columns) else None


def beside_labels(rows: pl.DataFrame, labels: pl.DataFrame | None) -> pl.DataFrame:
    """Rows of the log with the columns of `gather.resolve`, null where there is no label."""
    if labels is not None:
        return rows.join(labels, on="id", how="left", maintain_order="left")
    return rows.with_columns(pl.lit(None, dtype).alias(name) for name, dtype in LABELS.items())


def reckon(
    model: Model,
    rows: pl.DataFrame,
    labels: pl.DataFrame | None,
    asked: Asked | None = None,
    divisions: Sequence[Division] = (),
) -> Part:
    """Add rows up.

    Args:
        model: of the version that answered.
        rows: of the log.
        labels: as `gather.resolve` gives them; None if there are none.
        asked: goals that are to be found beside, if there are any.
        divisions: how the rows are divided into slices.
    """
    signature = seen(model.signature, rows.columns)
    one = answered(beside_labels(rows, labels), signature)
    if one is None:
        return Part()
    estimator, truth = estimates(model, signature), truth_of(one, signature)
    labelled = one.rows["count"].is_not_null()
    given, repeated = one.rows.filter(labelled), one.rows["kinds"].fill_null(0) > 1
    part = Part(
        answered=one.rows.height,
        tally=None if estimator is None else tally(estimator, signature, one),
        duplicates=int(given["count"].sum()) - given.height,
        contradicted=int(repeated.sum()),
        gains=Gains() if asked is None else appraise(asked, signature, one, truth),
        slices=_slices(model, divisions, one, truth),
    )
    if truth is None:
        return part
    latest = losses_of(model, truth)
    first = latest if not part.contradicted else _first_losses(model, signature, one)
    delays_s = delays_of(one.rows.filter(truth.labelled))
    return replace(part, delays_s=delays_s, latest=latest, first=first)


def losses_of(model: Model, truth: Truth) -> dict[str, Moments]:
    """Losses of labelled rows, by kind."""
    return {kind: moments(losses) for kind, losses in row_losses_of(model, truth).items()}


def row_losses_of(model: Model, truth: Truth) -> dict[Loss, Numbers]:
    """The losses of each labelled row, by kind."""
    if isinstance(truth.answers, Labels):
        return {"error": row_losses(truth.answers, "error")}
    absolute = row_losses(truth.answers, "absolute")
    if model.promised:
        absolute = np.minimum(absolute, ERROR_MAX * model.promised)
    return {"squared": row_losses(truth.answers, "squared"), "absolute": absolute}


def add_parts(a: Part, b: Part) -> Part:
    """What the rows of both add up to."""
    tallies = [one.tally for one in (a, b) if one.tally is not None]
    return Part(
        answered=a.answered + b.answered,
        delays_s=np.concatenate([a.delays_s, b.delays_s]),
        tally=merge_tallies(*tallies) if len(tallies) == 2 else next(iter(tallies), None),
        latest=add_losses(a.latest, b.latest),
        first=add_losses(a.first, b.first),
        duplicates=a.duplicates + b.duplicates,
        contradicted=a.contradicted + b.contradicted,
        gains=add_gains(a.gains, b.gains),
        slices=add_slices(a.slices, b.slices),
    )


def realise(losses: Mapping[str, Moments]) -> dict[str, Estimate]:
    """Accuracy or rmse of labelled rows, with Wilson's or the mean's normal interval."""
    found: dict[str, Estimate] = {}
    error, squared = losses.get("error", Moments()), losses.get("squared", Moments())
    if error.rows:
        found["accuracy"] = wilson(error.rows - round(error.total), error.rows)
    if squared.rows:
        half = normal_quantile(CONFIDENCE) * np.sqrt(squared.variance / squared.rows)
        ends = (squared.mean, max(squared.mean - half, 0.0), squared.mean + half)
        found["rmse"] = Estimate(*(float(np.sqrt(end)) for end in ends))
    return found


def _slices(
    model: Model, divisions: Sequence[Division], one: Answered, truth: Truth | None
) -> Sliced:
    """Rows by slice, with the losses that `realise` makes the metric of."""
    if truth is None or not divisions:
        return divide(divisions, one.inputs, np.zeros(one.rows.height, np.bool_), {})
    losses = row_losses_of(model, truth)
    losses.pop("absolute", None)
    return divide(divisions, one.inputs, truth.labelled, losses)


def _first_losses(model: Model, signature: Signature, one: Answered) -> dict[str, Moments]:
    column = "first_number" if signature.task == "regression" else "first"
    earlier = Answered(one.rows, one.inputs, one.outputs, one.rows[column].to_list())
    truth = truth_of(earlier, signature)
    assert truth is not None, "its answers were held against other labels"
    return losses_of(model, truth)


def moments(losses: Numbers) -> Moments:
    """Losses added up."""
    return Moments(len(losses), float(losses.sum()), float(np.square(losses).sum()))
