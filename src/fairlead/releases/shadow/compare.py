"""Pairs of answers become the comparison of a shadow with what callers were given."""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from typing import TYPE_CHECKING

from msgspec.structs import replace

from fairlead.releases.answer import answer_of, is_number
from fairlead.releases.fold import Folded
from fairlead.releases.known import add, first, hashed
from fairlead.releases.latency import WIDER, bucket_of
from fairlead.releases.shadow.comparison import (
    CLASSES_MAX,
    TEXT_MAX,
    VALUES_MAX,
    WORST_MAX,
    Agreement,
    Comparison,
    Differing,
    Table,
    merge,
)
from fairlead.releases.shadow.pairs import pair
from fairlead.releases.types import Release

if TYPE_CHECKING:
    import polars as pl

LEAST, MOST = 1e-9, 1e12
"""Differences that are told apart; what lies beyond counts as these."""


def compare(
    before: Folded, release: Release, rows: pl.DataFrame, near: Sequence[pl.LazyFrame] = ()
) -> Folded:
    """Add what a file of the log lets be compared to the evidence of a release.

    Of a person's decisions under one id the first counts.

    Args:
        before: the evidence so far.
        release: whose candidate is the shadow.
        rows: of the file: of predictions or of feedback.
        near: the files that are in the evidence, as far as they may hold the other half of pairs.
    """
    import polars as pl

    if answer_of(release.signature) is None:
        return before
    evidence, decisions = before.evidence, before.decisions
    found = pair(release, rows, near, evidence.compared.unmatched)
    pairs = found.rows
    if release.plan.decided_by:
        ids = hashed(pairs["id"])
        pairs = pairs.filter(pl.Series(first(decisions, ids)))
        decisions = add(decisions, ids)
    told = _count(pairs.filter(pl.col("answer").is_not_null()), release)
    told = replace(
        told,
        failed=found.shadows["answer"].null_count(),
        unmatched=found.shadows.height - pairs.height,
    )
    newest = pl.concat([found.shadows["time"], found.rows["said"].rename("time")])
    newest_us = newest.dt.epoch("us").max() or 0
    assert isinstance(newest_us, int)
    until_us = max(evidence.until_us, newest_us)
    evidence = replace(evidence, compared=merge(evidence.compared, told), until_us=until_us)
    return replace(before, evidence=evidence, decisions=decisions)


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
        span=_span(told) if numeric and told.height else None,
        differences=_buckets(told) if numeric else {},
        ordered=same,
        reversed=opposite,
        latency={"given": _times(told, "given_us"), "shadow": _times(told, "took_us")},
        worst=_worst(told),
    )


def _worst(told: pl.DataFrame) -> tuple[Differing, ...]:
    """The rows that differ most; of labels, which either differ or do not, the newest."""
    import polars as pl

    far = pl.when(pl.col("far") > 0).then("far").otherwise(1.0).alias("far")
    said = (pl.col(name).cast(pl.String).str.slice(0, TEXT_MAX) for name in ("given", "answer"))
    differing = told.filter(pl.col("apart") > 0).sort("far", "parent_id", descending=True)
    rows = differing.head(WORST_MAX).select(pl.col("parent_id"), *said, far)
    return tuple(Differing(*row) for row in rows.iter_rows())


def _differing(pairs: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    answers = pl.col("answer", "given").clip(-MOST / 2, MOST / 2)
    far = (pl.col("answer") - pl.col("given")).abs()
    pairs = pairs.with_columns(answers).with_columns(far=far)
    return pairs.with_columns(apart=(pl.col("far") > 0).cast(pl.Int64))


def _span(told: pl.DataFrame) -> tuple[float, float]:
    import polars as pl

    both = pl.concat([told["answer"], told["given"].rename("answer")])
    return float(both.min()), float(both.max())  # type: ignore[arg-type]  # polars knows no type


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


def place_of(difference: pl.Expr) -> pl.Expr:
    """The bucket of each absolute difference, each 2 % wider than the one before.

    Example:
        >>> import polars as pl
        >>> table = pl.DataFrame({"far": [0.0, 1.0, 1.001, 1.1]})
        >>> table.select(place_of(pl.col("far")))["far"].to_list()
        [0, 1046, 1046, 1051]
    """
    within = difference.clip(LEAST, MOST)
    return ((within / LEAST).log() / log(WIDER)).floor().clip(0).cast(int)


def upper_edge(place: int) -> float:
    """The largest difference in a bucket; nothing in the first."""
    return 0.0 if place == 0 else float(LEAST * WIDER ** (place + 1))


def _buckets(told: pl.DataFrame) -> dict[int, int]:
    import polars as pl

    place = place_of(pl.col("far")).alias("place")
    return dict(told.group_by(place).len().sort("place").iter_rows())


def _times(told: pl.DataFrame, column: str) -> dict[int, int]:
    import polars as pl

    place = bucket_of(pl.col(column)).cast(pl.Int64)
    return dict(
        told.drop_nulls(column).group_by(place.alias("place")).len().sort("place").iter_rows()
    )


def _order(told: pl.DataFrame) -> tuple[int, int]:
    """Of rows two and two, each row in one pair: in how many both rise or fall, and do not."""
    import polars as pl

    pairs = told.head(told.height // 2 * 2)
    one, other = pairs.gather_every(2), pairs.gather_every(2, offset=1)
    rises = [(one[name] - other[name]).sign() for name in ("given", "answer")]
    found = pl.DataFrame({"product": rises[0] * rises[1]})["product"]
    return int((found > 0).sum()), int((found < 0).sum())
