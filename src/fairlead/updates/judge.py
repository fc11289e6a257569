"""What the gate says of a challenger, from evidence: promote, reject, or not enough data.

One finding decides, whether the metric has proven to be better by more than the margin; the others
can only refuse. All ends of intervals are one-sided at the gate's alpha.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, inf

import msgspec

from fairlead.monitoring.evaluate import LESS_IS_BETTER
from fairlead.stats import Contrast, Estimate, units_needed
from fairlead.updates.types import Finding, Gate, Judgement, Verdict

SLICE_ROWS_MIN = 30
"""Of a part, below which nothing is said of it."""
DIFFERING_MIN = 10
"""Rows on which the two versions must differ, before a resampled interval is believed."""


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One metric of both versions on the same rows.

    Args:
        metric: its name.
        rows: of both.
        champion: its value; None where it is undefined.
        challenger: its value; None where it is undefined.
        difference: challenger - champion, with the interval that the finding is to be made on.
        differing: rows on which the two do not answer the same.
        exact: whether the interval also holds where they differ on few rows.
    """

    metric: str
    rows: int
    champion: float | None = None
    challenger: float | None = None
    difference: Estimate | None = None
    differing: int = 0
    exact: bool = False


def judge(
    gain: Finding, guards: Sequence[Finding] = (), *, needed: int | None = None, seed: int = 0
) -> Judgement:
    """The word of all findings together.

    Args:
        gain: whether it is better.
        guards: what else was looked at; each can refuse, none can promote.
        needed: about how many more rows would decide the gain.
        seed: of what was drawn.

    Example:
        >>> better = Finding(name="accuracy", verdict="promote", reason="It is better.")
        >>> slow = Finding(name="latency", verdict="reject", reason="It takes too long.")
        >>> judge(better).verdict, judge(better, [slow]).verdict, judge(better, [slow]).reason
        ('promote', 'reject', 'It takes too long.')
    """
    refused = [each for each in (*guards, gain) if each.verdict == "reject"]
    verdict = "reject" if refused else gain.verdict
    return Judgement(
        verdict=verdict,
        reason=" ".join(each.reason for each in refused) or gain.reason,
        findings=(gain, *guards),
        needed=needed if verdict == "not enough data" else None,
        seed=seed,
    )


def judge_gain(gate: Gate, seen: Seen, notes: Sequence[str] = ()) -> Finding:
    """Whether the metric has proven to be better by more than the margin.

    A margin below 0 asks for less, that it is not worse by as much: non-inferiority.

    Args:
        gate: what it must prove.
        seen: the metric that decides.
        notes: what a reader should know beside.

    Example:
        >>> one = Seen(metric="mae", rows=900, champion=2.0, challenger=1.5, differing=900,
        ...            difference=Estimate(-0.5, -0.7, -0.3))
        >>> judge_gain(Gate(), one).verdict, judge_gain(Gate(margin=0.4), one).verdict
        ('promote', 'not enough data')
    """
    verdict, reason = _undecided(gate, seen) or _decided(gate, seen)
    return Finding(
        name=seen.metric,
        verdict=verdict,
        reason=" ".join([reason, *notes]),
        champion=seen.champion,
        challenger=seen.challenger,
        difference=seen.difference,
        limit=gate.margin,
        rows=seen.rows,
    )


def judge_slice(gate: Gate, seen: Seen, part: str) -> Finding:
    """Whether a part has proven to be worse by more than the slices' margin.

    Args:
        gate: what it must prove.
        seen: of the part's rows; its interval is one of all parts together.
        part: the field and its value, `plan=pro`.
    """
    verdict, reason = _of_part(gate, seen)
    return Finding(
        name=f"{seen.metric} of {part}",
        verdict=verdict,
        reason=f"Of {part} ({seen.rows} rows) {reason}",
        champion=seen.champion,
        challenger=seen.challenger,
        difference=seen.difference,
        limit=gate.slice_margin,
        rows=seen.rows,
    )


def judge_calibration(seen: Seen, margin: float) -> list[Finding]:
    """Whether the calibration error has proven to have risen by more than its margin.

    Args:
        seen: of the calibration error.
        margin: by which it may rise.

    Returns:
        None at all of answers without probabilities.
    """
    apart = seen.difference
    if apart is None:
        return []
    risen = apart.low > margin
    said = "proven" if risen else "not proven"
    return [
        Finding(
            name="calibration",
            verdict="reject" if risen else "promote",
            reason=f"{_beside(seen)}: a rise by {_between(apart)}; {said} to be more than the "
            f"{margin:g} allowed.",
            champion=seen.champion,
            challenger=seen.challenger,
            difference=apart,
            limit=margin,
            rows=seen.rows,
        )
    ]


def rows_needed(gate: Gate, seen: Seen) -> int | None:
    """About how many more rows would decide, should the difference stay as it is.

    Returns:
        None where nobody knows: the difference lies at the margin, or there is none.

    Example:
        >>> rows_needed(Gate(), Seen(metric="mae", rows=100, difference=Estimate(-0.1, -0.3, 0.1),
        ...                          differing=100))
        300
    """
    least = max(gate.rows_min - seen.rows, 0)
    if seen.difference is None:
        return least or None
    gain = oriented(seen.metric, seen.difference)
    contrast = Contrast(gain.value, 0.0, inf, seen.rows, seen.rows)
    more = units_needed(contrast, gain, gate.margin, more_is_worse=True)
    return least or None if more is None else max(ceil(more), least)


def oriented(metric: str, apart: Estimate) -> Estimate:
    """A difference as a gain: above 0 is better, whichever way the metric counts.

    Example:
        >>> oriented("mae", Estimate(-0.5, -0.75, -0.25))
        Estimate(value=0.5, low=0.25, high=0.75)
    """
    if metric not in LESS_IS_BETTER:
        return apart
    return Estimate(-apart.value, -apart.high, -apart.low)


def _undecided(gate: Gate, seen: Seen) -> tuple[Verdict, str] | None:
    """What is said where an interval decides nothing."""
    if seen.rows < gate.rows_min:
        few = f"The holdout has {seen.rows} rows; {gate.rows_min} are asked for."
        return "not enough data", few
    if seen.challenger is None and seen.champion is not None:
        why = f"{seen.metric} of its answers is no number; the champion's is {seen.champion:.4g}."
        return "reject", why
    if seen.champion is None:
        whose = "both versions'" if seen.challenger is None else "the champion's"
        return "not enough data", f"{seen.metric} of {whose} answers is undefined on these rows."
    if not seen.differing:
        same = f"Its answers are the champion's on all {seen.rows} rows: nothing would be gained."
        return "reject", same
    if seen.difference is None or _sparse(seen):
        rare = f"The two differ on {seen.differing} of {seen.rows} rows only, too few to tell."
        return "not enough data", rare
    return None


def _decided(gate: Gate, seen: Seen) -> tuple[Verdict, str]:
    assert seen.difference is not None
    gain = oriented(seen.metric, seen.difference)
    sure = f"{100.0 * (1.0 - gate.alpha):g} % certainty"
    begun = f"{_beside(seen)}: a gain of {gain.value:.4g}"
    if gain.low > gate.margin:
        proven = f"at {sure} more than {gain.low:.4g}; asked is more than {gate.margin:g}."
        return "promote", f"{begun}, {proven}"
    if gain.high <= gate.margin:
        refuted = f"at {sure} at most {gain.high:.4g}; asked is more than {gate.margin:g}."
        return "reject", f"{begun}, {refuted}"
    open_ = f"of {_between(gain)}: whether it is more than {gate.margin:g} is not proven."
    return "not enough data", f"{_beside(seen)}: a gain {open_}"


def _of_part(gate: Gate, seen: Seen) -> tuple[Verdict, str]:
    if seen.rows < SLICE_ROWS_MIN:
        return "not enough data", "nothing is said: they are too few."
    if seen.difference is None:
        return "not enough data", f"{seen.metric} is undefined."
    if seen.differing and _sparse(seen):
        return "not enough data", f"the two differ on {seen.differing} only, too few to tell."
    gain = oriented(seen.metric, seen.difference)
    worse = gain.high < -gate.slice_margin
    said = "proven" if worse else "not proven"
    return "reject" if worse else "promote", (
        f"{_beside(seen)}: a gain of {_between(gain)}; {said} to be worse by more than the "
        f"{gate.slice_margin:g} allowed."
    )


def _sparse(seen: Seen) -> bool:
    return not seen.exact and seen.differing < DIFFERING_MIN


def _beside(seen: Seen) -> str:
    return f"{seen.metric} is {seen.challenger:.4g}, the champion's {seen.champion:.4g}"


def _between(apart: Estimate) -> str:
    return f"{apart.value:.4g} ({apart.low:.4g} to {apart.high:.4g})"
