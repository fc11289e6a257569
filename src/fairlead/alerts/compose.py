"""What is said of alerts: what, where, since when, the evidence, and what to look at next."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime

from fairlead.alerts.types import SEVERITIES, Acknowledged, Alert, Evidence, Message

TITLE_LENGTH_MAX = 200
TEXT_ALERTS_MAX = 20


def compose(cause: str, changed: Sequence[Alert], others: Sequence[Alert]) -> Message:
    """Write the message about alerts of one endpoint that share a cause.

    Args:
        cause: that they share.
        changed: alerts that fire or are resolved now; at least one.
        others: that go on firing for the same cause.
    """
    first = sorted(changed, key=_rank)
    alerts = (*first, *sorted(others, key=_rank))
    shown = alerts[:TEXT_ALERTS_MAX]
    more = len(alerts) - len(shown)
    parts = [describe(alert) for alert in shown] + [f"And {more} more."] * bool(more)
    return Message(
        endpoint=first[0].endpoint,
        cause=cause,
        severity=first[0].severity,
        title=_title(cause, first),
        text="\n\n".join(parts),
        alerts=alerts,
    )


def _rank(alert: Alert) -> tuple[int, bool, str]:
    return SEVERITIES.index(alert.severity), alert.state != "firing", alert.key


def _title(cause: str, changed: Sequence[Alert]) -> str:
    lead = next((alert for alert in changed if alert.state == "firing"), changed[0])
    label = lead.severity if lead.state == "firing" else "resolved"
    where, what = lead.endpoint, f"{len(changed)} alerts about {cause}"
    if len(changed) == 1:
        where = f"{lead.endpoint}, {lead.subject}" if lead.subject else lead.endpoint
        what = lead.steps[-1].reason
    return clean(f"[{label}] {where}: {what}")[:TITLE_LENGTH_MAX]


def describe(alert: Alert) -> str:
    """All that is to say of one alert, in lines."""
    step = alert.steps[-1]
    lines = [
        f"{alert.state.upper()} {clean(alert.name)} ({alert.severity})",
        f"What: {clean(step.reason)}",
        f"Where: {_where(alert)}",
        f"Since: {moment(alert.since_us)}{_until(alert)}",
    ]
    if alert.acknowledged is not None and alert.state == "firing":
        lines.append(f"On it: {_on_it(alert.acknowledged)}")
    if step.evidence:
        lines.append(f"Evidence: {_numbers(step.evidence)}")
    if alert.look_at and alert.state == "firing":
        lines.append(f"Look at: {clean(alert.look_at)}")
    return "\n".join(lines)


def _on_it(known: Acknowledged) -> str:
    note = f": {known.note}" if known.note else ""
    return clean(f"{known.by}, since {moment(known.time_us)}{note}")


def _where(alert: Alert) -> str:
    places = [f"endpoint {alert.endpoint}"]
    places += [alert.subject] if alert.subject and alert.subject != alert.version else []
    places += [f"version {alert.version}"] if alert.version else []
    places += (
        [f"caused by {alert.cause}"] if alert.cause not in (alert.subject, alert.metric) else []
    )
    return clean(", ".join(places))


def _until(alert: Alert) -> str:
    step = alert.steps[-1]
    return f", until {moment(step.time_us)}" if step.state == "resolved" else ""


def _numbers(evidence: Evidence) -> str:
    return clean(", ".join(f"{name} {_number(value)}" for name, value in evidence.items()))


def _number(value: str | float | bool | None) -> str:
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:.4g}"
    return str(value)


def clean(text: str) -> str:
    """Text on one line, without control characters, whatever a field is called."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def moment(time_us: int) -> str:
    """A time as people read it, in UTC; of a clock far out of order, its number."""
    try:
        return datetime.fromtimestamp(time_us / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return f"{time_us} us"
