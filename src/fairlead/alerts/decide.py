"""How the alerts of a rule go on, from what the signals say: no clock, no I/O.

Durations are measured on the times of signals, not on the times of looks: whoever looks twice, or
late, or with a clock that was set, sees the same. Only the absence of signals is timed by looks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from msgspec.structs import replace

from fairlead.alerts.judge import Verdict, judge
from fairlead.alerts.types import Alert, Decision, Evidence, Rule, Signal, State, Step


def decide(rule: Rule, alerts: Iterable[Alert], signals: Iterable[Signal], now_us: int) -> Decision:
    """Decide what becomes of a rule's alerts.

    An alert is pending from the first signal that holds, fires when signals have held for
    `for_s`, and is resolved when they have been well for `keep_for_s`. When no signal comes any
    more it goes on firing for `keep_for_s`, and is then resolved with just these words. Of each
    subject the newest signal counts; one that is not newer than the last turn says nothing.
    Deciding twice about the same changes nothing.

    Args:
        rule: whose alerts.
        alerts: of this rule, as they are.
        signals: of any kind; those that the rule does not read are passed over.
        now_us: microseconds since 1970.

    Returns:
        What to write.
    """
    newest = _newest(rule, signals, now_us)
    known = {alert.subject: alert for alert in alerts}
    changed, dropped = [], []
    for subject in sorted(known.keys() | newest.keys()):
        before = known.get(subject)
        after = _after(rule, before, newest.get(subject), now_us)
        if after is None and before is not None:
            dropped.append(before)
        elif after is not None and after != before:
            changed.append(after)
    return Decision(tuple(changed), tuple(dropped))


def retire(alert: Alert, now_us: int) -> Alert | None:
    """End an alert whose rule is no more.

    Returns:
        The alert, resolved; None if it never fired.
    """
    if alert.state == "pending":
        return None
    if alert.state == "resolved":
        return alert
    return _to(alert, "resolved", now_us, "The rule was switched off.", {})


def _newest(
    rule: Rule, signals: Iterable[Signal], now_us: int
) -> dict[str, tuple[Signal, Verdict]]:
    """The newest signal of each subject that tells something now; of several, one that holds."""
    found: dict[str, tuple[Signal, Verdict]] = {}
    for signal in signals:
        if not _reads(rule, signal) or now_us - signal.time_us > signal.valid_s * 1e6:
            continue
        verdict = judge(rule, signal)
        if verdict is None:
            continue
        heard = replace(signal, time_us=min(signal.time_us, now_us))  # no word from the future
        other = found.get(signal.subject)
        if other is None or _rank(heard, verdict) > _rank(*other):
            found[signal.subject] = (heard, verdict)
    return found


def _reads(rule: Rule, signal: Signal) -> bool:
    return (
        signal.endpoint == rule.endpoint
        and signal.name == rule.metric
        and fnmatchcase(signal.subject, rule.subject)
    )


def _rank(signal: Signal, verdict: Verdict) -> tuple[int, bool]:
    return signal.time_us, verdict.holds


def _after(
    rule: Rule, alert: Alert | None, heard: tuple[Signal, Verdict] | None, now_us: int
) -> Alert | None:
    if alert is not None:
        alert = _not_later(alert, now_us)
    if heard is None:
        return alert and _unheard(rule, alert, now_us)
    if alert is None or alert.state == "resolved":
        return _begin(rule, alert, *heard)
    if alert.silent_us is not None:
        alert = replace(alert, silent_us=None)
    if heard[0].time_us <= alert.turn_us:
        return alert
    on = _wait if alert.state == "pending" else _watch
    return on(rule, alert, *heard)


def _not_later(alert: Alert, now_us: int) -> Alert:
    """An alert whose times are not in the future, where a clock that was set back left them."""
    if max(alert.since_us, alert.turn_us, alert.silent_us or 0) <= now_us:
        return alert
    return replace(
        alert,
        since_us=min(alert.since_us, now_us),
        turn_us=min(alert.turn_us, now_us),
        silent_us=None if alert.silent_us is None else min(alert.silent_us, now_us),
    )


def _begin(rule: Rule, resolved: Alert | None, signal: Signal, verdict: Verdict) -> Alert | None:
    if not verdict.holds or (resolved is not None and signal.time_us <= resolved.turn_us):
        return resolved
    state: State = "pending" if rule.for_s > 0 else "firing"
    return Alert(
        endpoint=rule.endpoint,
        rule=rule.name,
        metric=rule.metric,
        subject=signal.subject,
        version=signal.version,
        cause=signal.cause or signal.subject or signal.name,
        severity=rule.severity,
        look_at=rule.look_at or signal.look_at,
        since_us=signal.time_us,
        steps=(_step(state, signal.time_us, verdict.reason, verdict.evidence),),
        holds=True,
        turn_us=signal.time_us,
    )


def _wait(rule: Rule, alert: Alert, signal: Signal, verdict: Verdict) -> Alert | None:
    """Of a pending alert, as a newer signal comes."""
    if not verdict.holds:
        return None
    if signal.time_us - alert.since_us < rule.for_s * 1e6:
        return alert
    fired = _to(alert, "firing", signal.time_us, verdict.reason, verdict.evidence)
    return replace(fired, turn_us=signal.time_us)


def _watch(rule: Rule, alert: Alert, signal: Signal, verdict: Verdict) -> Alert:
    """Of a firing alert, as a newer signal comes."""
    if verdict.holds != alert.holds:
        alert = replace(alert, holds=verdict.holds, turn_us=signal.time_us)
    if alert.holds or signal.time_us - alert.turn_us < rule.keep_for_s * 1e6:
        return alert
    resolved = _to(alert, "resolved", signal.time_us, verdict.reason, verdict.evidence)
    return replace(resolved, turn_us=signal.time_us)


def _unheard(rule: Rule, alert: Alert, now_us: int) -> Alert | None:
    """Of an alert that no signal speaks of any more."""
    if alert.state == "resolved":
        return alert
    if alert.silent_us is None:
        return replace(alert, silent_us=now_us)
    if now_us == alert.silent_us or now_us - alert.silent_us < rule.keep_for_s * 1e6:
        return alert
    if alert.state == "pending":
        return None
    reason = (
        "No data: nothing was heard of it any more, so it is not known whether all is well again."
    )
    evidence: Evidence = {"no_data": True, "silent_s": (now_us - alert.silent_us) / 1e6}
    return replace(_to(alert, "resolved", now_us, reason, evidence), turn_us=now_us)


def _to(alert: Alert, state: State, time_us: int, reason: str, evidence: Evidence) -> Alert:
    steps: Sequence[Step] = (*alert.steps, _step(state, time_us, reason, evidence))
    return replace(alert, steps=tuple(steps))


def _step(state: State, time_us: int, reason: str, evidence: Evidence) -> Step:
    return Step(state=state, time_us=time_us, reason=reason, evidence=evidence)
