"""Whether answers have become worse than they may be, within a budget of false alarms.

Losses come in batches: of rows whose first labels were read in the same hour, or, for what is
estimated, of one window. Each batch is tested once against a limit,

    H0: in every batch, given those before it, the mean loss is at most the limit,

which is the reference made worse by the margin. So hours that are always somewhat harder than
others are no harm as long as they stay within the margin.

- Of a share of wrong labels: p = P(X >= k / f) with X binomial of n / f rows at the limit.
- Of a loss of a regressor: p = P(T >= (mean - limit) / sqrt(f s^2 / n)), Student's of n - 1
  degrees and s^2 of the batch itself, so that one enormous error proves nothing.

f >= 1 is for rows that are not independent, as those of one user. It is told from how much
batches differ from the one before, beyond chance: (sum of squared z + 12 * 2) / (batches + 12),
as if twelve batches of twice the variance had been seen before the first one. What is slow, as
harm that stays, is in one difference only and does not excuse itself. Against an own past of m
rows, f is multiplied by 1 + n / m.

p-values add up to evidence by an e-detector (see `fairlead.stats.evidence`): false alarms come
once in `budget.windows / budget.alarms` batches or less often, over all guards of a stream
together, each of which gets an equal part. No batch is trusted to be rarer than a tenth of one
in all that came before.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from typing import Literal

import msgspec
from msgspec.structs import replace

from fairlead.monitoring.detect import QUIET_WINDOWS, TRUST
from fairlead.monitoring.types import Terms
from fairlead.stats import (
    CONFIDENCE,
    Dispersion,
    Estimate,
    Evidence,
    add,
    dispersion,
    evidence,
    follow,
    threshold,
    wilson,
)
from fairlead.stats.intervals import normal_quantile

GUARDS = 3
"""Of one stream: realised, estimated, and of concept drift."""
DOUBLED = 12
SQUARE_MAX = 400.0

Loss = Literal["error", "squared", "absolute"]


class Moments(msgspec.Struct, frozen=True):
    """Losses of rows, added up; those of two sets of rows add up as well.

    Args:
        rows: how many there are.
        total: sum of the losses.
        squares: sum of their squares.
    """

    rows: int = 0
    total: float = 0.0
    squares: float = 0.0

    @property
    def mean(self) -> float:
        """Mean loss; 0 of no rows."""
        return self.total / self.rows if self.rows else 0.0

    @property
    def variance(self) -> float:
        """Of one row's loss, from at least two."""
        if self.rows < 2:
            return 0.0
        return max(self.squares - self.total * self.mean, 0.0) / (self.rows - 1)


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What one more batch said.

    Args:
        rows: of the batch.
        value: its mean loss, with its interval: the share of wrong labels, or the mean squared
            or absolute error.
        reference: mean loss that was expected.
        limit: mean loss that may not be exceeded.
        p_value: of this batch alone.
        evidence: over all batches since the last alarm, before an alarm set it back.
        threshold: of the evidence, at which harm is proven.
        factor: how much more batches vary than independent rows do.
        until_us: end of the last window of which the batch has rows, microseconds since 1970.
    """

    rows: int
    value: Estimate
    reference: float
    limit: float
    p_value: float
    evidence: float
    threshold: float
    factor: float
    until_us: int


class Guard(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered from batch to batch; `Guard()` before the first one.

    Args:
        evidence: of harm, over the batches since the last alarm.
        past: how much each batch differed from the one before.
        last: the batch before.
        own: all batches that were not under an alarm.
        proven: whether harm was proven and is not over.
        quiet: batches in a row that are not beyond the limit, while harm is proven.
        since_us: end of the last window of a batch that was not beyond the limit, so that harm
            came later; 0 if there was none.
        verdict: of the last batch; None before the first one that could be tested.
    """

    evidence: Evidence = Evidence()
    past: Dispersion = Dispersion()
    last: Moments = Moments()
    own: Moments = Moments()
    proven: bool = False
    quiet: int = 0
    since_us: int = 0
    verdict: Verdict | None = None


def add_moments(a: Moments, b: Moments) -> Moments:
    """The losses of the rows of both."""
    return Moments(a.rows + b.rows, a.total + b.total, a.squares + b.squares)


def add_losses(a: Mapping[str, Moments], b: Mapping[str, Moments]) -> dict[str, Moments]:
    """Losses of the rows of both, by kind."""
    none = Moments()
    return {kind: add_moments(a.get(kind, none), b.get(kind, none)) for kind in {**a, **b}}


def gained(before: Moments, after: Moments) -> Moments:
    """The losses of rows that came since; nothing if none did."""
    rows = after.rows - before.rows
    if rows <= 0:
        return Moments()
    total = max(after.total - before.total, 0.0)
    return Moments(rows, total, max(after.squares - before.squares, total * total / rows))


def expected(estimate: Estimate, rows: int, loss: Loss) -> Moments:
    """What an estimate of accuracy or rmse says of rows' losses.

    The deviation of the mean squared error is told from the interval; of the share of wrong
    labels it is that of a share, which an expected one has at most.

    Example:
        >>> expected(Estimate(0.9, 0.88, 0.92), 100, "error").total
        10.0
    """
    if loss == "error":
        wrong = round((1.0 - estimate.value) * rows, 9)
        return Moments(rows, wrong, wrong)
    mean = estimate.value**2
    deviation = (estimate.high**2 - mean) / normal_quantile(CONFIDENCE)
    return Moments(rows, rows * mean, rows * mean**2 + (rows - 1) * rows * deviation**2)


def reference_loss(metric: float, rows: int, loss: Loss) -> float:
    """The mean loss behind a version's own accuracy or rmse, at the upper end of its interval.

    So it is the metric itself that was measured too low, not the hours that came later, in one of
    forty versions at most. Of accuracy Wilson's interval; of a mean squared error of N rows
    value (1 + z sqrt(2 / N)), as of normal errors.

    Args:
        metric: accuracy, or root of the mean squared error.
        rows: it was measured on.
        loss: error or squared.
    """
    if loss == "error":
        wrong = min(max(round((1.0 - metric) * rows), 0), rows)
        return wilson(wrong, rows).high
    return metric**2 * (1.0 + normal_quantile(CONFIDENCE) * sqrt(2.0 / rows))


def limit_of(reference: float, loss: Loss, terms: Terms) -> float:
    """The mean loss that may not be exceeded: the reference made worse by the margin.

    Example:
        >>> round(limit_of(4.0, "squared", Terms(error_rise=0.1)), 3)
        4.84
    """
    if loss == "error":
        return min(reference + terms.accuracy_drop, 1.0)
    rise = 1.0 + terms.error_rise
    return reference * (rise * rise if loss == "squared" else rise)


def guard(
    state: Guard, batch: Moments, loss: Loss, terms: Terms, until_us: int,
    *, reference: float | None = None,
) -> Guard:  # fmt: skip
    """Test one more batch.

    Args:
        state: after the batches before it.
        batch: losses of rows that were in no batch before.
        loss: which it is.
        terms: margin and budget.
        until_us: end of the last window of which it has rows, microseconds since 1970.
        reference: mean loss that was promised; the own past if None, and a first batch is not
            tested then.

    Returns:
        The state after it; the same if the batch has too few rows to test.
    """
    if batch.rows < terms.rows_min:
        return state
    past = _varied(state, batch, loss)
    if reference is None and not state.own.rows:
        return replace(state, last=batch, own=batch, since_us=until_us)
    usual = state.own.mean if reference is None else reference
    limit, factor = limit_of(usual, loss, terms), _factor(state.past)
    doubt = 1.0 + batch.rows / state.own.rows if reference is None else 1.0
    p_value = p_worse(batch, loss, limit, factor * doubt)
    beyond = batch.mean > limit
    bar = GUARDS * threshold(terms.budget.windows, terms.budget.alarms)
    grown = state.evidence if state.proven else _grown(state, p_value)
    alarm = not state.proven and beyond and grown.value >= bar
    quiet = 0 if beyond or alarm else state.quiet + 1
    proven = alarm or (state.proven and quiet < QUIET_WINDOWS)
    verdict = Verdict(
        rows=batch.rows, value=_interval(batch, loss, factor), reference=usual, limit=limit,
        p_value=p_value, evidence=grown.value, threshold=bar, factor=factor, until_us=until_us,
    )  # fmt: skip
    return Guard(
        evidence=Evidence() if alarm else grown,
        past=past,
        last=batch,
        own=state.own if state.proven or alarm else add_moments(state.own, batch),
        proven=proven,
        quiet=quiet if proven else 0,
        since_us=state.since_us if beyond else until_us,
        verdict=verdict,
    )


def p_worse(batch: Moments, loss: Loss, limit: float, factor: float) -> float:
    """Chance of at least so large a mean loss, were it the limit.

    Args:
        batch: of at least one row.
        loss: which it is.
        limit: mean loss.
        factor: of the variance, over that of independent rows.

    Example:
        >>> round(p_worse(Moments(100, 10.0, 10.0), "error", 0.05, 1.0), 4)
        0.0282
    """
    from scipy.special import betainc, stdtr

    if batch.mean <= limit:
        return 1.0
    if loss == "error":
        hits, misses = batch.total / factor, (batch.rows - batch.total) / factor
        return float(betainc(hits, misses + 1.0, limit))
    deviation = sqrt(factor * batch.variance / batch.rows)
    if not deviation:
        return 0.0 if batch.rows > 1 else 1.0
    return float(stdtr(batch.rows - 1, (limit - batch.mean) / deviation))


def _grown(state: Guard, p_value: float) -> Evidence:
    least = 1.0 / (TRUST * (state.past.windows + 1))
    return follow(state.evidence, evidence(max(p_value, least)))


def _factor(past: Dispersion) -> float:
    return max(1.0, (past.total + 2.0 * DOUBLED) / (past.degrees + DOUBLED))


def _varied(state: Guard, batch: Moments, loss: Loss) -> Dispersion:
    """The past with how much this batch differs from the one before."""
    if not state.last.rows:
        return state.past
    apart = batch.mean - state.last.mean
    variance = sum(_mean_variance(one, batch, state.last, loss) for one in (batch, state.last))
    square = apart * apart / variance if variance else 0.0
    return add(state.past, dispersion(min(square, SQUARE_MAX), 1))


def _mean_variance(one: Moments, a: Moments, b: Moments, loss: Loss) -> float:
    if loss != "error":
        return one.variance / one.rows
    share = (a.total + b.total) / (a.rows + b.rows)
    return share * (1.0 - share) / one.rows


def _interval(batch: Moments, loss: Loss, factor: float) -> Estimate:
    """Of the mean loss, as wide as rows that depend on each other make it."""
    if loss == "error":
        rows = max(round(batch.rows / factor), 1)
        found = wilson(min(round(batch.total / factor), rows), rows)
        return Estimate(batch.mean, min(found.low, batch.mean), max(found.high, batch.mean))
    half = normal_quantile(CONFIDENCE) * sqrt(factor * batch.variance / batch.rows)
    return Estimate(batch.mean, max(batch.mean - half, 0.0), batch.mean + half)
