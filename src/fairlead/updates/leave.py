"""Which rows of the log nothing is learnt from, and why."""

from __future__ import annotations

from typing import Literal

import polars as pl

Labels = Literal["required", "optional"]
SHADOW = "answered nobody"
REPLAYED = "replayed"
UNLABELLED = "without a label"
UNREADABLE = "with a label of another type"
UNANSWERED = "neither answered nor labelled"
AGAIN = "asked again"
UNFIT = "not fitting the signature"
LATE = "unlabelled beside the holdout"
FILE_UNLABELLED = "without a label, of the file"
FILE_LATE = "later than all that is known, of the file"
BATCH = "batch"


def reason(labels: Labels) -> pl.Expr:
    """Why a row is left out, whatever the others are; null if it is not.

    What a row was answered by, and whether at all, does not matter where it has a label: its
    inputs were asked for as they are. So answers from a cache, a table or a step below count as
    those of a model; copies for a shadow, or of older rows, were asked by nobody.

    Args:
        labels: whether rows without a label count.
    """
    unlabelled = pl.col("label_text").is_null()
    unreadable = ~unlabelled & pl.col("label").is_null()
    left = (
        pl.when(pl.col("role") == "shadow")
        .then(pl.lit(SHADOW))
        .when(pl.col("source") == "replay")
        .then(pl.lit(REPLAYED))
        .when(unreadable)
        .then(pl.lit(UNREADABLE))
    )
    if labels == "required":
        return left.when(unlabelled).then(pl.lit(UNLABELLED))
    return left.when(unlabelled & (pl.col("outcome") != "ok")).then(pl.lit(UNANSWERED))


def without_doubles(rows: pl.LazyFrame, labels: Labels) -> pl.LazyFrame:
    """Rows in the order of their time, each once.

    Of one id the first; of those that a caller gave the same id of their own the last, or the
    last with a label. Batch jobs ask about the same keys again and again: within one, as all its
    rows have one time, the last of a key counts.

    Args:
        rows: of the log.
        labels: whether all of them have one.
    """
    own = pl.concat_str(
        pl.when(pl.col("source") == BATCH).then(pl.col("time").dt.epoch("us").cast(pl.String))
        .otherwise(pl.lit("")), pl.lit("/"), pl.col("caller_id"),
    )  # fmt: skip
    asked = rows.with_columns(pl.coalesce(own, pl.col("id")).alias("asked"))
    order = [pl.col(name) for name in ("time", "id", "version")]
    first = order if labels == "required" else [pl.col("label").is_not_null(), *order]
    once = asked.sort(first).unique("id", keep="first", maintain_order=True)
    last = once.unique("asked", keep="last", maintain_order=True)
    return last if labels == "required" else last.sort(order)
