"""Rules and signals for tests, as short as they can be written."""

from __future__ import annotations

from typing import Any

from fairlead.alerts import Alert, Rule, Signal, Step

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US
START_US = 1_800_000_000 * SECOND_US


def rule(**changes: Any) -> Rule:
    """More than 0.5 of `error_rate` is an alert at once, until all was well for 10 minutes."""
    return Rule(
        **{"endpoint": "churn", "name": "errors", "metric": "error_rate", "above": 0.5, **changes}
    )


def signal(value: float | None = 0.9, after_us: int = 0, **changes: Any) -> Signal:
    """A signal of the rule's metric."""
    known = {"endpoint": "churn", "name": "error_rate"}
    return Signal(**{**known, "value": value, "time_us": START_US + after_us, **changes})


def alert(*states: str, start_us: int = START_US, **changes: Any) -> Alert:
    """An alert that went through these states, a minute each."""
    known = {
        "endpoint": "churn", "rule": "errors", "metric": "error_rate", "subject": "",
        "version": "", "cause": "error_rate", "severity": "page", "look_at": "", "holds": True,
        "since_us": start_us, "turn_us": start_us,
    }  # fmt: skip
    steps = tuple(
        Step(
            state=state,  # type: ignore[arg-type]
            time_us=start_us + place * MINUTE_US,
            reason=f"It is {state}.",
            evidence={"value": 0.9},
        )
        for place, state in enumerate(states)
    )
    return Alert(**{**known, "steps": steps, **changes})
