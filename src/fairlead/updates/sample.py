"""Which rows are worth a label: those that a model is least sure of, and some at random.

Rows that were chosen because they are hard tell nothing of how good a model is on all. Those of
the random part do: each candidate had the same chance to be in it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from itertools import zip_longest

import polars as pl

from fairlead.alerts import Alert
from fairlead.errors import ConfigError
from fairlead.nearest import nearest
from fairlead.signature import NUMERIC, Signature

RANDOM_SHARE = 0.25
"""Of the rows that are chosen."""
BINS = 10
DRIFTED_MAX = 3
"""Fields that drifted last: of more the model's doubt would choose too few."""
COVERED = NUMERIC | {"category", "text"}
"""Kinds of fields whose values are covered."""
RANDOM = "random"
Chosen = dict[str, str]
"""Why each row was chosen, by the prediction's id."""


def order_of(prediction: str, seed: int) -> bytes:
    """Where a row stands in a random order, which depends on seed and id alone."""
    return hashlib.blake2b(f"{seed}/{prediction}".encode(), digest_size=8).digest()


def drifted_last(alerts: Iterable[Alert], signature: Signature) -> tuple[str, ...]:
    """The fields of which rows are wanted most: those of the newest alerts of drift that fire.

    Args:
        alerts: of the endpoint.
        signature: of the endpoint.
    """
    known = {each.name for each in signature.inputs if each.kind in COVERED}
    firing = [
        alert
        for alert in alerts
        if alert.metric == "drift" and alert.state == "firing" and alert.subject in known
    ]
    newest = sorted(firing, key=lambda alert: (-alert.since_us, alert.subject))
    return tuple(dict.fromkeys(alert.subject for alert in newest))[:DRIFTED_MAX]


def sample(
    rows: pl.DataFrame, signature: Signature, count: int, seed: int, drifted: Sequence[str] = ()
) -> Chosen:
    """Choose rows to be labelled.

    A quarter at random; the others in turn from those that the model is least sure of, those on
    which a shadow answers otherwise, and those of each field and slice that was named. What one
    of these lacks the others give.

    Args:
        rows: candidates, each once: `id`, `in.<field>`, `out.probabilities` if there are such;
            `answer` and `shadow`: what was answered, and what a shadow said, null where none did.
        signature: of the endpoint.
        count: of rows, at most.
        seed: of the random order.
        drifted: fields, whose values are all to be covered, and slices, as `plan=pro`.

    Raises:
        ConfigError: one of these is no field.

    Example:
        >>> rows = pl.DataFrame({"id": ["a", "b"], "out.probabilities": [[0.9, 0.1], [0.5, 0.5]]})
        >>> sample(rows, Signature(inputs=(), outputs=()), 1, seed=0)
        {'b': 'uncertain: 0.50'}
    """
    shuffled = rows.with_columns(
        pl.Series("order", [order_of(one, seed) for one in rows["id"]], dtype=pl.Binary)
    ).sort("order")
    kinds = [
        _uncertain(shuffled),
        _disputed(shuffled, signature),
        *(_covered(shuffled, signature, name) for name in drifted),
    ]
    at_random = [(one, RANDOM) for one in shuffled["id"]]
    chosen: Chosen = dict(at_random[: int(count * RANDOM_SHARE)])
    for one, why in (each for turn in zip_longest(*kinds) for each in turn if each is not None):
        if len(chosen) >= count:
            break
        chosen.setdefault(one, why)
    for one, why in at_random:
        if len(chosen) >= count:
            break
        chosen.setdefault(one, why)
    return chosen


def _uncertain(rows: pl.DataFrame) -> list[tuple[str, str]]:
    """By how little the likeliest class is ahead of the next."""
    if "out.probabilities" not in rows.columns:
        return []
    falling = pl.col("out.probabilities").cast(pl.List(pl.Float64)).list.sort(descending=True)
    found = (
        rows.select("id", "order", falling.alias("p"))
        .filter(pl.col("p").list.len() > 1)
        .with_columns((pl.col("p").list.get(0) - pl.col("p").list.get(1)).alias("margin"))
        .filter(pl.col("margin").is_finite())
        .sort("margin", "order")
    )
    told = found.select("id", pl.col("p").list.get(0))
    return [(one, f"uncertain: {chance:.2f}") for one, chance in told.iter_rows()]


def _disputed(rows: pl.DataFrame, signature: Signature) -> list[tuple[str, str]]:
    """Where a shadow says something else: of numbers those that lie furthest apart first."""
    if "answer" not in rows.columns:
        return []
    apart = rows.filter(pl.col("shadow").is_not_null() & (pl.col("answer") != pl.col("shadow")))
    if signature.task != "regression":
        return [(one, "shadow disagrees") for one in apart["id"]]
    number = (pl.col("answer").cast(pl.Float64) - pl.col("shadow").cast(pl.Float64)).abs()
    found = apart.with_columns(number.alias("by")).filter(pl.col("by").is_finite())
    told = found.sort("by", "order", descending=[True, False]).select("id", "by")
    return [(one, f"shadow differs by {by:.3g}") for one, by in told.iter_rows()]


def _covered(rows: pl.DataFrame, signature: Signature, name: str) -> list[tuple[str, str]]:
    """Rows of a slice; or of a field one of each part of its values in turn."""
    field, is_slice, value = name.partition("=")
    known = {each.name: each for each in signature.inputs}
    if field not in known or f"in.{field}" not in rows.columns:
        close = nearest(field, known)
        raise ConfigError(
            f"'{field}' is no field of the endpoint.",
            hint=f"Did you mean '{close}'?" if close else f"It has: {', '.join(known)}.",
        )
    column = pl.col(f"in.{field}")
    if is_slice:
        return [(one, name) for one in rows.filter(column.cast(pl.String) == value)["id"]]
    binned = (column.rank("min") - 1) * BINS // column.count()
    part = binned if known[field].kind in NUMERIC else column.cast(pl.String)
    turn = pl.int_range(pl.len()).over("part")
    spread = rows.select("id", "order", part.alias("part")).with_columns(turn.alias("turn"))
    return [(one, f"{field} has drifted") for one in spread.sort("turn", "order")["id"]]


def distinct(rows: pl.DataFrame, tasked: Collection[str]) -> pl.DataFrame:
    """Rows whose inputs are all different, and differ from those that people are asked about.

    Args:
        rows: by time; of those alike the latest stays, as of one caller's id.
        tasked: ids of rows that people are asked about.
    """
    inputs = [name for name in rows.columns if name.startswith("in.")]
    own = pl.coalesce(pl.concat_str(pl.lit("/"), pl.col("caller_id")), pl.col("id"))
    is_tasked = pl.col("id").is_in(list(tasked))
    once = rows.with_columns(own.alias("asked"), is_tasked.alias("tasked"))
    once = once.sort("tasked", maintain_order=True)  # so that of rows alike it is the last
    for alike in (inputs, ["asked"]):
        once = once.unique(alike, keep="last", maintain_order=True) if alike else once
    return once.filter(~pl.col("tasked")).drop("asked", "tasked")
