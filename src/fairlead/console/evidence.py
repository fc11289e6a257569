"""The numbers behind an alert, with names that people know and units."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from fairlead.alerts import Evidence
from fairlead.console import format as write

SHARES = frozenset(
    ("error_rate", "missing", "out_of_range", "new_categories", "stuck", "schema", "duplicates")
)
"""Metrics that are shares of rows or requests."""
SECONDS = frozenset(("latency_p99_s",))

NAMES: Mapping[str, str] = {
    "value": "Measured",
    "limit_above": "Limit",
    "limit_below": "Lower limit",
    "objective": "Objective",
    "requests": "Requests",
    "failed": "Of these failed",
    "rows": "Rows",
    "psi": "PSI",
    "p_value": "p-value",
    "evidence": "Evidence against chance",
    "threshold": "Evidence needed",
    "share": "Share of the rows",
    "expected": "Expected",
    "run": "Run",
    "output": "Answers in",
    "windows": "Windows",
    "units": "Units",
    "silent_s": "Silent for",
    "no_data": "No data",
}
_HIDDEN = ("low", "high", "why", "total")
"""Parts of another line, or of the reason."""


def evidence_rows(metric: str, evidence: Evidence) -> list[tuple[str, str]]:
    """Each number's name and the number, as people read them.

    Args:
        metric: of the rule.
        evidence: of a step of the alert.

    Example:
        >>> evidence_rows("error_rate", {"value": 0.5, "low": 0.4, "high": 0.6})
        [('Measured', '50 % (40 % to 60 %)')]
        >>> evidence_rows("error_rate", {"burn_1h": 20.0})
        [('Budget used over 1h', '20 times as fast as allowed')]
    """
    return list(_rows(metric, evidence))


def _rows(metric: str, evidence: Evidence) -> Iterator[tuple[str, str]]:
    unit = _unit(metric)
    for name, value in evidence.items():
        if name in _HIDDEN or value is None:
            continue
        if name == "value":
            yield NAMES[name], f"{_written(value, unit)}{_interval(evidence, unit)}"
        elif name.startswith("burn_"):
            yield f"Budget used over {name[5:]}", f"{_written(value)} times as fast as allowed"
        elif name.startswith("drop_"):
            yield f"Found less well without {name[5:]}, by", _written(value)
        elif name == "failures":
            yield "Failed", f"{_written(value)} of {_written(evidence.get('total'))}"
        elif name in ("limit_above", "limit_below"):
            yield NAMES[name], _written(value, unit)
        else:
            yield (
                NAMES.get(name, name.replace("_", " ").capitalize()),
                _written(value, _UNITS.get(name, write.number)),
            )


def _unit(metric: str) -> Callable[[float], str]:
    if metric in SHARES:
        return write.percent
    return write.span if metric in SECONDS else write.number


_UNITS: Mapping[str, Callable[[float], str]] = {
    "share": write.percent,
    "objective": write.percent,
    "silent_s": write.span,
}


def _interval(evidence: Evidence, unit: Callable[[float], str]) -> str:
    low, high = evidence.get("low"), evidence.get("high")
    return (
        "" if low is None or high is None else f" ({_written(low, unit)} to {_written(high, unit)})"
    )


def _written(value: str | float | bool | None, unit: Callable[[float], str] = write.number) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return unit(value) if isinstance(value, int | float) else str(value)
