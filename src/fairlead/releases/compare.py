"""From rows of the prediction log to the comparison of a shadow with what callers were given."""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from typing import TYPE_CHECKING

from msgspec.structs import replace

from fairlead.releases.comparison import CLASSES_MAX, VALUES_MAX, Agreement, Comparison, Table
from fairlead.releases.latency import WIDER, bucket_of
from fairlead.releases.types import Release
from fairlead.signature import Field, Signature

if TYPE_CHECKING:
    import polars as pl

LATE_US = 600_000_000
"""A shadow's row and the one that it belongs to lie less than ten minutes apart."""

LEAST, MOST = 1e-9, 1e12
"""Differences that are told apart; what lies beyond counts as these."""

_NAMED = {"classification": "label", "regression": "prediction"}


def answer_of(signature: Signature) -> Field | None:
    """The output that is compared: one value a row; None where there is none."""
    single = [field for field in signature.outputs if field.kind != "tensor"]
    named = [field for field in single if field.name == _NAMED.get(signature.task)]
    return next(iter(named or single), None)


def is_number(signature: Signature) -> bool:
    """Whether answers are numbers, whose differences mean something."""
    field = answer_of(signature)
    return (
        field is not None
        and signature.task != "classification"
        and (field.kind in ("number", "integer"))
    )


def compare(
    release: Release, rows: pl.DataFrame, near: Sequence[pl.LazyFrame] = (), unmatched: int = 0
) -> Comparison:
    """Compare what a file of the log adds: each row of the shadow once, with its parent.

    A row and its parent may be sealed into two files. With all files that were compared before
    and lie near in time, every pair is found when the later of its two files is: also where that
    holds the parent.

    Args:
        release: whose candidate is the shadow.
        rows: of the file.
        near: the files that were compared before it, as far as they may hold the other half.
        unmatched: rows of the shadow in these whose parent was in none.

    Returns:
        What is to be added; what is unmatched falls by those whose parent this file has.
    """
    import polars as pl

    field = answer_of(release.signature)
    if field is None:
        return Comparison()
    answer = f"out.{field.name}"
    shadows = _shadows(rows.lazy(), release, answer).collect()
    given = _given(rows.lazy(), release, answer)
    both = _joined(shadows.lazy(), given).collect()
    late = [_joined(_shadows(other, release, answer), given) for other in near if unmatched]
    alone = shadows.join(both, on="id", how="anti")
    early = [_joined(alone.lazy(), _given(other, release, answer)) for other in near if len(alone)]
    apart = pl.collect_all([*late, *early])
    pairs = pl.concat([both, *apart], how="diagonal_relaxed").sort("id")
    found = _count(pairs.filter(pl.col("answer").is_not_null()), release)
    return replace(
        found,
        failed=shadows["answer"].null_count(),
        unmatched=alone.height - sum(part.height for part in apart),
    )


def _answer(table: pl.LazyFrame, release: Release, answer: str) -> pl.Expr:
    """What was answered; a file in which nobody answered lacks the column."""
    import polars as pl

    given = _text(table, answer)
    if is_number(release.signature) and answer in table.collect_schema():
        given = pl.col(answer).cast(pl.Float64, strict=False)
    return pl.when(pl.col("outcome") == "ok").then(given)


def _shadows(table: pl.LazyFrame, release: Release, answer: str) -> pl.LazyFrame:
    """What the candidate answered unseen; where it had no answer, that is null."""
    import polars as pl

    ours = (
        (pl.col("role") == "shadow")
        & (pl.col("version") == release.version.name)
        & pl.col("revision").is_in([*release.shares])
    )
    return table.filter(ours).select(
        "id",
        "parent_id",
        *(_text(table, f"in.{name}").alias(f"in.{name}") for name in release.plan.slices),
        answer=_answer(table, release, answer),
        took_us=_took(),
    )


def _given(table: pl.LazyFrame, release: Release, answer: str) -> pl.LazyFrame:
    """What callers were given while the candidate was a shadow."""
    import polars as pl

    shown = (pl.col("role") != "shadow") & pl.col("revision").is_in([*release.shares])
    return table.filter(shown).select(
        pl.col("id").alias("parent_id"), given=_answer(table, release, answer), given_us=_took()
    )


def _took() -> pl.Expr:
    import polars as pl

    return pl.col("queue_us") + pl.col("model_us")


def _text(table: pl.LazyFrame, column: str) -> pl.Expr:
    """A column such that equal values are equal, whatever type the file has them in."""
    import polars as pl

    dtype = table.collect_schema().get(column, pl.Null())
    if dtype == pl.Null():
        return pl.lit(None, pl.String)
    text = pl.col(column).cast(pl.String)
    return text.str.replace(r"\.0$", "") if dtype.is_float() else text


def _joined(shadows: pl.LazyFrame, given: pl.LazyFrame) -> pl.LazyFrame:
    """One row for each that both have."""
    import polars as pl

    return shadows.join(given, on="parent_id").filter(pl.col("given").is_not_null())


def _count(pairs: pl.DataFrame, release: Release) -> Comparison:
    """What is kept of rows that both answered."""
    numeric = is_number(release.signature)
    told = _differing(pairs) if numeric else _labelled(pairs)
    slices = {name: _by_value(told, f"in.{name}") for name in release.plan.slices}
    same, opposite = _order(told) if numeric else (0, 0)
    return Comparison(
        numeric=numeric,
        whole=_agreements(told)[""] if told.height else Agreement(),
        slices=slices,
        labels={} if numeric else _table(told),
        differences=_buckets(told) if numeric else {},
        ordered=same,
        reversed=opposite,
        latency={"given": _times(told, "given_us"), "shadow": _times(told, "took_us")},
    )


def _differing(pairs: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    far = (pl.col("answer") - pl.col("given")).abs().fill_nan(0.0).clip(0.0, MOST)
    return pairs.with_columns(apart=pl.lit(0), far=far)


def _labelled(pairs: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    apart = (pl.col("answer") != pl.col("given")).cast(pl.Int64)
    return pairs.with_columns(apart=apart, far=pl.lit(0.0))


def _agreements(told: pl.DataFrame, column: str | None = None) -> dict[str, Agreement]:
    """By value of a column, most rows first; of all rows under an empty name."""
    import polars as pl

    by = pl.lit("") if column is None else pl.col(column)
    counted = (
        told.group_by(by.alias("value"))
        .agg(
            pl.len(),
            pl.col("apart").sum(),
            pl.col("far").sum(),
            (pl.col("far") ** 2).sum().alias("squares"),
        )
        .sort(pl.col("len"), pl.col("value"), descending=[True, False], nulls_last=True)
    )
    return {
        "missing" if value is None else value: Agreement(rows, apart, far, squares)
        for value, rows, apart, far, squares in counted.iter_rows()
    }


def _by_value(told: pl.DataFrame, column: str) -> dict[str, Agreement]:
    return dict([*_agreements(told, column).items()][:VALUES_MAX])


def _table(told: pl.DataFrame) -> Table:
    import polars as pl

    known = pl.concat([told["given"], told["answer"]]).value_counts(sort=True, name="rows")
    frequent = known[:, 0].head(CLASSES_MAX).implode()
    cells = (
        told.filter(pl.col("given").is_in(frequent), pl.col("answer").is_in(frequent))
        .group_by("given", "answer")
        .len()
        .sort("given", "answer")
    )
    found: Table = {}
    for given, answer, rows in cells.iter_rows():
        found.setdefault(given, {})[answer] = rows
    return found


def bucket(difference: float) -> int:
    """The bucket of an absolute difference, each 2 % wider than the one before.

    Example:
        >>> bucket(0.0), bucket(1.0) == bucket(1.001), bucket(1.0) < bucket(1.1)
        (0, True, True)
    """
    return int(log(min(max(difference, LEAST), MOST) / LEAST) / log(WIDER))


def upper_edge(place: int) -> float:
    """The largest difference in a bucket; nothing in the first."""
    return 0.0 if place == 0 else float(LEAST * WIDER ** (place + 1))


def _buckets(told: pl.DataFrame) -> dict[int, int]:
    import polars as pl

    place = ((pl.col("far").clip(LEAST, MOST) / LEAST).log() / log(WIDER)).floor().cast(pl.Int64)
    return dict(told.group_by(place.alias("place")).len().sort("place").iter_rows())


def _times(told: pl.DataFrame, column: str) -> dict[int, int]:
    import polars as pl

    place = bucket_of(pl.col(column)).cast(pl.Int64)
    return dict(told.group_by(place.alias("place")).len().sort("place").iter_rows())


def _order(told: pl.DataFrame) -> tuple[int, int]:
    """Of rows two and two, each row in one pair: in how many both rise or fall, and do not."""
    import polars as pl

    pairs = told.head(told.height // 2 * 2)
    one, other = pairs.gather_every(2), pairs.gather_every(2, offset=1)
    rises = [(one[name] - other[name]).sign() for name in ("given", "answer")]
    found = pl.DataFrame({"product": rises[0] * rises[1]})["product"]
    return int((found > 0).sum()), int((found < 0).sum())
