"""What each unit's predictions were worth by one metric, joined with what came for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from fairlead.monitoring.answer import answer_of
from fairlead.monitoring.labels import NUMBER_MAX, places_of
from fairlead.monitoring.measure import classes_of
from fairlead.releases.outcomes.metrics import OF_LABELS, Arrived, Metric
from fairlead.signature import Field, Signature

if TYPE_CHECKING:
    import polars as pl

UNIT = ("unit", "revision", "role")


def worth(
    metric: Metric,
    rows: pl.LazyFrame,
    feedback: pl.LazyFrame,
    signatures: Mapping[str, Signature],
) -> pl.DataFrame:
    """Add a metric up by unit.

    Args:
        metric: which.
        rows: predictions: `id`, `time`, `unit`, `revision`, `role` and what was answered.
        feedback: in the columns of its log; of these and other predictions.
        signatures: of the versions, by role.

    Returns:
        `unit`, `revision`, `role`, `above`, `below`: of units of which the metric knows something.
    """
    import polars as pl

    if metric.kind in OF_LABELS:
        held = _held(metric, _labelled(rows, feedback), signatures)
        return held.group_by(UNIT).agg(pl.col("above").sum(), below=pl.len().cast(pl.Float64))
    above = _totals(feedback, metric.value)
    values = rows.join(above.rename({"number": "above"}), on="id", how="left")
    if metric.over:
        below = _totals(feedback, metric.over).rename({"number": "below"})
        values = values.join(below, on="id", how="left")
    else:
        values = values.with_columns(below=pl.lit(1.0))
    summed = values.group_by(UNIT).agg(pl.col("above").sum(), pl.col("below").sum()).collect()
    if metric.kind == "share":
        return summed.with_columns((pl.col("above") > 0).cast(pl.Float64))
    return summed.filter((pl.col("above") != 0) | (pl.col("below") != 0))


def arrived(metric: Metric, rows: pl.LazyFrame, feedback: pl.LazyFrame) -> dict[str, Arrived]:
    """How much has come for the predictions of each role, and how late."""
    import polars as pl

    came = (
        feedback.filter(pl.col("name").is_in(list(metric.names)))
        .group_by(pl.col("prediction_id").alias("id"))
        .agg(pl.col("received").min())
    )
    delay = (pl.col("received") - pl.col("time")).dt.total_microseconds().clip(0) / 1e6
    counted = (
        rows.join(came, on="id", how="left")
        .group_by("role")
        .agg(pl.len(), pl.col("received").count().alias("came"), delay.median().alias("delay"))
        .collect()
    )
    return {role: Arrived(many, some, late) for role, many, some, late in counted.iter_rows()}


def _totals(feedback: pl.LazyFrame, name: str) -> pl.LazyFrame:
    """Each prediction's numbers of one name added up: entries of one name are several purchases."""
    import polars as pl

    mine = feedback.filter(pl.col("name") == name, pl.col("number").abs() < NUMBER_MAX)
    return mine.group_by(pl.col("prediction_id").alias("id")).agg(pl.col("number").sum())


def _labelled(rows: pl.LazyFrame, feedback: pl.LazyFrame) -> pl.DataFrame:
    """The rows that have a label, with the last one that came."""
    import polars as pl

    latest = (
        feedback.filter(pl.col("name") == "label")
        .sort("received", "time", maintain_order=True)
        .group_by(pl.col("prediction_id").alias("id"), maintain_order=True)
        .agg(pl.col("text").last(), pl.col("number").last())
    )
    return rows.join(latest, on="id").collect()


def _held(
    metric: Metric, labelled: pl.DataFrame, signatures: Mapping[str, Signature]
) -> pl.DataFrame:
    """Answers held against their labels: `above` is 1 where it is right, or how far it is off."""
    import polars as pl

    parts = [labelled.clear().with_columns(above=pl.lit(0.0))]
    for role, signature in signatures.items():
        field, mine = answer_of(signature), labelled.filter(pl.col("role") == role)
        if field is None or f"out.{field.name}" not in mine.columns:
            continue
        said = mine[f"out.{field.name}"]
        if metric.kind == "absolute_error":
            parts.append(_apart(mine, said))
            continue
        right = _right(said, mine["text"], signature, field)
        above = right if metric.kind == "accuracy" else ~right
        parts.append(mine.with_columns(above.cast(pl.Float64).alias("above")))
    return pl.concat(parts).select(*UNIT, "above")


def _apart(mine: pl.DataFrame, said: pl.Series) -> pl.DataFrame:
    import polars as pl

    if not said.dtype.is_numeric():
        return mine.clear().with_columns(above=pl.lit(0.0))
    off = (said.cast(pl.Float64) - mine["number"]).abs().alias("above")
    return mine.with_columns(off).filter(pl.col("above") < NUMBER_MAX)


def _right(said: pl.Series, text: pl.Series, signature: Signature, field: Field) -> pl.Series:
    """Whether answers meet their labels: a label that is none of the classes is met by none."""
    import polars as pl

    answers, labels = said.unique(), text.unique()
    plain = [_plain(one, field) for one in answers.to_list()]
    classes = classes_of(signature, field)
    if classes is None:
        classes = sorted({one for one in plain if one is not None}, key=str)
    ours, theirs = (
        series.replace_strict(
            known, places_of(read, classes).tolist(), default=-1, return_dtype=pl.Int64
        )
        for series, known, read in ((said, answers, plain), (text, labels, labels.to_list()))
    )
    return ((ours == theirs) & (ours >= 0)).alias("above")


def _plain(value: object, field: Field) -> object:
    return bool(value) if field.kind == "boolean" and value is not None else value
