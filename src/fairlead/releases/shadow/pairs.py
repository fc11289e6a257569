"""Rows of the log in pairs: what a shadow answered, and what was given or decided instead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fairlead.monitoring.answer import answer_of, is_number
from fairlead.releases.types import Release

if TYPE_CHECKING:
    import polars as pl

DECISION = "decision"
"""The name of the feedback by which a person decides."""

LATE_US = 600_000_000
"""A shadow's row and the one that a caller was given lie less than ten minutes apart."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """What a file of the log adds.

    Args:
        rows: with `id` of the shadow's row, its `answer`, what was `given`, how long each took as
            `took_us` and `given_us`, and `in.<field>` of each slice; by id. An answer is null
            where the shadow had none.
        shadows: the shadow's rows in the file, with the same columns as far as they are theirs.
    """

    rows: pl.DataFrame
    shadows: pl.DataFrame


def pair(
    release: Release, rows: pl.DataFrame, near: Sequence[pl.LazyFrame] = (), unmatched: int = 0
) -> Pairs:
    """Pair what a file of the log adds: each row of the shadow once, with its other half.

    That is the row which a caller was given, or a person's decision, of which the first counts.
    Both may be sealed into two files. With all files that were paired before and may hold other
    halves, every pair is found when the later of its two files is.

    Args:
        release: whose candidate is the shadow.
        rows: of the file: of predictions or of feedback.
        near: the files that were paired before it, as far as they may hold the other half.
        unmatched: rows of the shadow in these whose other half was in none.
    """
    import polars as pl

    shadows = _shadows(rows.lazy(), release).collect()
    given = _given(rows.lazy(), release)
    both = _joined(shadows.lazy(), given).collect()
    alone = shadows.join(both, on="id", how="anti")
    late = [_joined(_shadows(other, release), given) for other in near if unmatched]
    early = [_joined(alone.lazy(), _given(other, release)) for other in near if alone.height]
    found = pl.concat([both, *pl.collect_all([*late, *early])])
    found = found.sort("id", "said").unique("id", keep="first", maintain_order=True)
    return Pairs(found, shadows)


def asked_us(rows: pl.DataFrame) -> tuple[int, int] | None:
    """When the predictions were asked for that feedback is about: earliest and latest.

    Their ids tell it (UUIDv7). None where no id does.
    """
    import polars as pl

    digits = pl.col("prediction_id").str.replace_all("-", "", literal=True).str.slice(0, 12)
    times = digits.str.to_integer(base=16, strict=False) * 1000
    low_us, high_us = rows.select(low=times.min(), high=times.max()).row(0)
    return None if low_us is None else (low_us, high_us)


def _shadows(table: pl.LazyFrame, release: Release) -> pl.LazyFrame:
    """What the candidate answered unseen; where it had no answer, that is null.

    Who names it where a person decides, to try it, is no part of the comparison.
    """
    import polars as pl

    from fairlead.monitoring.gather import ROUTED

    slices = {f"in.{name}": pl.String for name in release.plan.slices}
    schema = table.collect_schema()
    if "role" not in schema:
        none: dict[str, Any] = {"id": pl.String, "parent_id": pl.String, **slices,
                                "answer": _dtype(release), "took_us": pl.Int64,
                                "time": pl.Datetime("us", "UTC")}  # fmt: skip
        return pl.LazyFrame(schema=none)
    ours = (
        ROUTED
        & (pl.col("role") == "shadow")
        & (pl.col("version") == release.version.name)
        & pl.col("revision").is_in([*release.shares])
    )
    under = "id" if release.plan.decided_by else "parent_id"
    return table.filter(ours).select(
        "id",
        pl.col(under).alias("parent_id"),
        *(_text(schema, name).alias(name) for name in slices),
        _answer(schema, release).alias("answer"),
        _took().alias("took_us"),
        "time",
    )


def _given(table: pl.LazyFrame, release: Release) -> pl.LazyFrame:
    """What callers were given while the candidate was a shadow, or what a person decided."""
    import polars as pl

    schema, told = table.collect_schema(), pl.col("id").alias("parent_id")
    if release.plan.decided_by and "prediction_id" in schema:
        value = "number" if is_number(release.signature) else "text"
        said = table.filter(pl.col("name") == DECISION).sort("received", "time")
        return said.unique("prediction_id", keep="first", maintain_order=True).select(
            pl.col("prediction_id").alias("parent_id"),
            pl.col(value).alias("given"),
            pl.lit(None, pl.Int64).alias("given_us"),
            pl.col("received").alias("said"),
        )
    if release.plan.decided_by:
        none: dict[str, Any] = {"parent_id": pl.String, "given": _dtype(release),
                                "given_us": pl.Int64, "said": pl.Datetime("us", "UTC")}  # fmt: skip
        return pl.LazyFrame(schema=none)
    shown = (pl.col("role") != "shadow") & pl.col("revision").is_in([*release.shares])
    answer = _answer(schema, release).alias("given")
    return table.filter(shown).select(
        told, answer, _took().alias("given_us"), pl.col("time").alias("said")
    )


def _answer(schema: pl.Schema, release: Release) -> pl.Expr:
    """What was answered; a file in which nobody answered lacks the column."""
    import polars as pl

    field = answer_of(release.signature)
    column = "" if field is None else f"out.{field.name}"
    given = _text(schema, column)
    if is_number(release.signature) and column in schema:
        given = pl.col(column).cast(pl.Float64, strict=False).fill_nan(None)
    given = given.cast(_dtype(release), strict=False)
    return pl.when(pl.col("outcome") == "ok").then(given)


def _dtype(release: Release) -> type[pl.DataType]:
    import polars as pl

    return pl.Float64 if is_number(release.signature) else pl.String


def _took() -> pl.Expr:
    import polars as pl

    return (pl.col("queue_us") + pl.col("model_us")).cast(pl.Int64)


def _text(schema: pl.Schema, column: str) -> pl.Expr:
    """A column such that equal values are equal, whatever type the file has them in."""
    import polars as pl

    dtype = schema.get(column, pl.Null())
    if dtype == pl.Null():
        return pl.lit(None, pl.String)
    text = pl.col(column).cast(pl.String)
    return text.str.replace(r"\.0$", "") if dtype.is_float() else text


def _joined(shadows: pl.LazyFrame, given: pl.LazyFrame) -> pl.LazyFrame:
    """One row for each that both have."""
    import polars as pl

    return shadows.join(given, on="parent_id").filter(pl.col("given").is_not_null())
