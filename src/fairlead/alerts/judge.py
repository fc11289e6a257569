"""What a rule says to one signal: it holds, it does not, or there is nothing to tell by."""

from __future__ import annotations

import math
from dataclasses import dataclass

from fairlead.alerts.types import Burn, Evidence, Objective, Pace, Rule, Signal
from fairlead.durations import write_duration

FAILURES_MIN = 5
"""Bad events over the long stretch below which no objective is said to be missed: one failure of
three at night is no reason to wake anybody."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rule says to a signal.

    Args:
        holds: whether it is reason to alert.
        reason: in words.
        evidence: its numbers.
    """

    holds: bool
    reason: str
    evidence: Evidence


def judge(rule: Rule, signal: Signal) -> Verdict | None:
    """Judge one signal.

    Args:
        rule: to judge by.
        signal: of the rule's metric.

    Returns:
        The verdict; None if the signal has no data to tell by.

    Example:
        >>> rule = Rule(endpoint="churn", name="slow", metric="latency_p99_s", above=0.5)
        >>> signal = Signal(endpoint="churn", name="latency_p99_s", time_us=1, value=0.75)
        >>> verdict = judge(rule, signal)
        >>> verdict.holds, verdict.reason
        (True, 'latency_p99_s is 0.75, above 0.5.')
    """
    if rule.objective is not None:
        return _on_objective(rule, rule.objective, signal)
    if rule.above is not None or rule.below is not None:
        return _on_limit(rule, signal)
    return _on_proof(rule, signal)


def _on_limit(rule: Rule, signal: Signal) -> Verdict | None:
    over, under = signal.value, signal.value
    if rule.proven:
        over, under = signal.low, signal.high
    told = _evidence(signal)
    shown = f"{rule.metric} is {_number(signal.value)}{_interval(signal)}"
    for limit, word, end in ((rule.above, "above", over), (rule.below, "below", under)):
        if limit is None:
            continue
        if not _is_number(end) or not _is_number(signal.value):
            return None
        assert end is not None
        if end > limit if word == "above" else end < limit:
            proof = "proven " if rule.proven else ""
            told[f"limit_{word}"] = limit
            return Verdict(True, f"{shown}, {proof}{word} {_number(limit)}.", told)
    return Verdict(False, f"{shown}, within its limits.", told)


def _on_proof(rule: Rule, signal: Signal) -> Verdict | None:
    if signal.proven is None:
        return None
    shown = f", now {_number(signal.value)}{_interval(signal)}" if _is_number(signal.value) else ""
    word = "is proven" if signal.proven else "is not proven"
    said = f"{rule.metric.replace('_', ' ').capitalize()} {word}{shown}."
    why = signal.evidence.get("why") if signal.proven else None
    return Verdict(signal.proven, f"{said} {why}" if why else said, _evidence(signal))


def _on_objective(rule: Rule, objective: Objective, signal: Signal) -> Verdict | None:
    judged = [_on_pace(rule, objective.target, pace, signal) for pace in objective.paces]
    told = [verdict for verdict in judged if verdict is not None]
    return max(told, key=lambda verdict: verdict.holds, default=None)


def _on_pace(rule: Rule, target: float, pace: Pace, signal: Signal) -> Verdict | None:
    long, short = (_find(signal, s) for s in (pace.long_s, pace.short_s))
    if long is None or short is None:
        return None
    budget = 1 - target
    rates = [_bad(burn) / burn.total / budget for burn in (long, short)]
    spans = [write_duration(burn.window_s) for burn in (long, short)]
    told = _evidence(signal)
    told |= {f"burn_{span}": rate for span, rate in zip(spans, rates, strict=True)}
    told |= {"failures": _bad(long), "total": long.total, "objective": target}
    holds = min(rates) > pace.factor and _bad(long) >= FAILURES_MIN
    shown = f"{rates[0]:.3g}x over {spans[0]} and {rates[1]:.3g}x over {spans[1]}"
    reason = (
        f"{rule.metric} uses up its budget of {_number(budget)} at {shown}"
        f" ({_bad(long)} of {long.total} failed), {'beyond' if holds else 'not beyond'}"
        f" {_number(pace.factor)}x."
    )
    return Verdict(holds, reason, told)


def _find(signal: Signal, window_s: float) -> Burn | None:
    """The counts over one stretch, if anything was counted."""
    for burn in signal.burn:
        if burn.window_s == window_s and burn.total > 0:
            return burn
    return None


def _bad(burn: Burn) -> int:
    return burn.total - burn.good


def _evidence(signal: Signal) -> Evidence:
    numbers = {"value": signal.value, "low": signal.low, "high": signal.high}
    shown: Evidence = {name: number for name, number in numbers.items() if _is_number(number)}
    return shown | signal.evidence


def _interval(signal: Signal) -> str:
    if not _is_number(signal.low) or not _is_number(signal.high):
        return ""
    return f" ({_number(signal.low)} to {_number(signal.high)})"


def _is_number(value: float | None) -> bool:
    return value is not None and not math.isnan(value)


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4g}"
