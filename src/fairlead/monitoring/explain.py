"""Which field x segment a change of the loss points at, for those who are told of it."""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from typing import Literal

import msgspec

from fairlead.monitoring.attribute import (
    Part,
    Segments,
    Share,
    attribute,
    name_segments,
    sum_segments,
)
from fairlead.monitoring.guard import Moments, add_moments
from fairlead.profiles import Categorical, Numeric, Profile
from fairlead.signature import Batch, Numbers

SCORE_MIN = 3.5
CULPRITS_MAX = 3


class Culprit(msgspec.Struct, frozen=True, kw_only=True):
    """One segment of one field that a change points at.

    Args:
        field: its name.
        segment: its name.
        how: whether more rows moved into where answers were worse all along, or answers within
            became worse by more than elsewhere.
        part: of the change that the segment adds.
        before: its share of the rows.
        after: its share of the rows now.
        score: how far beyond chance, in standard deviations.
    """

    field: str
    segment: str
    how: Literal["moved", "worse"]
    part: float
    before: float
    after: float
    score: float


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """A change of the mean loss, looked into.

    Args:
        before: mean loss of rows before it.
        after: mean loss of rows since.
        rows_before: how many were looked at.
        rows_after: how many were looked at.
        culprits: what it points at, strongest first; none if it is alike everywhere.
        adwin: whether ADWIN, a detector of another kind, finds that the rows' losses changed, in
            the order in which labels came; None where there are no labels.
    """

    before: float
    after: float
    rows_before: int
    rows_after: int
    culprits: tuple[Culprit, ...] = ()
    adwin: bool | None = None


def segments_of(profile: Profile, inputs: Batch, losses: Numbers) -> dict[str, Segments]:
    """Rows and losses by field and segment.

    Args:
        profile: the version's reference, whose edges and categories name the segments.
        inputs: of the rows.
        losses: of the rows, shape (rows,).
    """
    named = [*inputs.names, *inputs.columns]
    return {
        name: sum_segments(name_segments(summary, inputs.column(name)), losses)
        for name, summary in profile.inputs.items()
        if name in named and isinstance(summary, Numeric | Categorical)
    }


def explain(
    before: Mapping[str, Segments],
    after: Mapping[str, Segments],
    losses: tuple[Moments, Moments],
    *,
    adwin: bool | None = None,
) -> Explanation:
    """Look into a change.

    A field has two claims, and makes the stronger one: its movement (`attribute.Share.mix`, in
    units of its chance), and the segment whose loss rose by more than all rows' did, in
    deviations of that difference, w_b (d_b - d) beside w_b s sqrt(1 / m_b + 1 / n_b) for the
    segment's share w_b, its rows m_b and n_b before and after, and s of all losses.

    Args:
        before: by field, of rows before the change.
        after: by field, of rows since.
        losses: of all these rows, before and since.
        adwin: what ADWIN says of the losses.
    """
    m, n = (one.rows for one in losses)
    culprits: tuple[Culprit, ...] = ()
    if m and n and any(name in after for name in before):
        deviation = sqrt(add_moments(*losses).variance)
        found = [_culprit(share, m, n, deviation) for share in attribute(before, after).fields]
        listed = sorted(found, key=lambda culprit: -culprit.score)
        culprits = tuple(one for one in listed if one.score >= SCORE_MIN)[:CULPRITS_MAX]
    return Explanation(
        before=losses[0].mean,
        after=losses[1].mean,
        rows_before=m,
        rows_after=n,
        culprits=culprits,
        adwin=adwin,
    )


def _culprit(share: Share, m: int, n: int, deviation: float) -> Culprit:
    moved = share.mix / share.chance if share.chance else 0.0
    scores = {part.segment: _worse(part, share, m, n, deviation) for part in share.parts}
    worst = max(share.parts, key=lambda part: scores[part.segment])
    if moved >= scores[worst.segment]:
        part = max(share.parts, key=lambda part: part.mix)
        return _named(share.field, part, "moved", part.mix, moved)
    return _named(share.field, worst, "worse", worst.rate, scores[worst.segment])


def _worse(part: Part, share: Share, m: int, n: int, deviation: float) -> float:
    """How much more than elsewhere the losses of a segment rose, in deviations."""
    rows_before, rows_after = part.before * m, part.after * n
    if not rows_before or not rows_after or not deviation:
        return 0.0
    weight = (part.before + part.after) / 2.0
    chance = weight * deviation * sqrt(1.0 / rows_before + 1.0 / rows_after)
    return (part.rate - weight * share.rate) / chance


def _named(
    field: str, part: Part, how: Literal["moved", "worse"], size: float, score: float
) -> Culprit:
    return Culprit(
        field=field,
        segment=part.segment,
        how=how,
        part=size,
        before=part.before,
        after=part.after,
        score=score,
    )
