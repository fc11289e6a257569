"""From what settings say to rules; and the rules that are there without any settings."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from fairlead.alerts.settings import PaceSettings, RuleSettings
from fairlead.alerts.types import Objective, Pace, Rule, Severity
from fairlead.durations import read_duration
from fairlead.errors import ConfigError
from fairlead.names import check_name

_SINCE = "Compare the versions: 'fairlead endpoints' shows who answers, and since when."
_ERRORS = "Read what failed: 'fairlead predictions ENDPOINT --where outcome=model_error'."
_SLOW = (
    "Look where the time goes: queue and model apart, in the dashboard or /metrics. If the model "
    "is that slow by nature, state it: 'above' in [endpoint.ENDPOINT.alert.latency]."
)
_INPUT = "Ask whoever sends this field what changed, and when."
_TWICE = "Ask whoever calls the endpoint whether rows are sent twice, or a client is stuck on one."
_UPDATES = "Read why: 'fairlead updates show ENDPOINT'."
_JOBS = "Read why: 'fairlead jobs list ENDPOINT/JOB', with its name for JOB."
_ONLINE = "Read why: 'fairlead online ENDPOINT'; 'fairlead online ENDPOINT resume' lets it go on."
_DRIFT = "Movement alone is no harm: look whether performance suffers before acting."


def _burn(severity: Severity, *paces: PaceSettings) -> RuleSettings:
    """Of the error budget: see Google's SRE Workbook, chapter 5, for factors and windows."""
    return RuleSettings(
        metric="error_rate", objective=0.999, burn=[*paces], severity=severity, look_at=_ERRORS
    )


def _guard(metric: str, severity: Severity, look_at: str) -> RuleSettings:
    return RuleSettings(guard=metric, severity=severity, look_at=look_at)


DEFAULTS: Mapping[str, RuleSettings] = {
    "errors": _burn(
        "page",
        PaceSettings(factor=14.4, long="1h", short="5m"),
        PaceSettings(factor=6, long="6h", short="30m"),
    ),
    "errors-budget": _burn("ticket", PaceSettings(factor=1, long="3d", short="6h")),
    "latency": RuleSettings(
        metric="latency_p99_s",
        above=1.0,
        proven=True,
        hold="10m",
        severity="ticket",
        look_at=_SLOW,
    ),
    "accuracy": _guard("accuracy", "page", _SINCE),
    "rmse": _guard("rmse", "page", _SINCE),
    "concept-drift": _guard("concept_drift", "page", _SINCE),
    "estimated-accuracy": _guard("estimated_accuracy", "page", _SINCE),
    "estimated-rmse": _guard("estimated_rmse", "page", _SINCE),
    "schema": _guard("schema", "ticket", _INPUT),
    "missing": _guard("missing", "ticket", _INPUT),
    "out-of-range": _guard("out_of_range", "ticket", _INPUT),
    "new-categories": _guard("new_categories", "ticket", _INPUT),
    "stuck": _guard("stuck", "ticket", _INPUT),
    "duplicates": _guard("duplicates", "ticket", _TWICE),
    "volume": _guard("volume", "ticket", "Ask whoever calls the endpoint whether they still do."),
    "jobs": RuleSettings(metric="failed_runs", above=0.0, severity="ticket", look_at=_JOBS),
    "online": RuleSettings(
        metric="stopped_learning", above=0.0, severity="ticket", look_at=_ONLINE
    ),
    "updates": RuleSettings(
        metric="failed_updates", above=0.0, severity="ticket", look_at=_UPDATES
    ),
    "drift": _guard("drift", "digest", _DRIFT),
    "joint-drift": _guard("joint_drift", "digest", _DRIFT),
    "prediction-drift": _guard("prediction_drift", "digest", _DRIFT),
}
"""Pages are about harm: failing answers and worse ones. Answers that come after the caller stopped
waiting are failing ones; those that are merely slow are a ticket, as how slow is harm, the caller
knows. Bad input is a ticket, movement a line in the digest."""


def rules_of(endpoint: str, tables: Mapping[str, RuleSettings]) -> tuple[Rule, ...]:
    """The rules of an endpoint that are in force.

    Args:
        endpoint: whose.
        tables: its tables `alert.RULE`, by name of the rule.

    Returns:
        The default rules as its tables change them, and its own.

    Raises:
        ConfigError: a rule makes no sense; names it.
    """
    names = [*DEFAULTS, *(name for name in tables if name not in DEFAULTS)]
    rules = (_rule(endpoint, name, tables.get(name, RuleSettings())) for name in names)
    return tuple(rule for rule in rules if rule is not None)


def _rule(endpoint: str, name: str, own: RuleSettings) -> Rule | None:
    at = f"endpoint.{endpoint}.alert.{name}"
    check_name(name, "rule")
    if not own.enabled:
        return None
    said = {field: value for field in own.__struct_fields__ if (value := _said(own, field))}
    merged = replace(DEFAULTS.get(name, RuleSettings()), **{f: v[0] for f, v in said.items()})
    _check_form(at, merged)
    objective = _objective(at, merged) if merged.objective is not None else None
    rule = Rule(
        endpoint=endpoint,
        name=name,
        metric=merged.guard or merged.metric or "",
        above=merged.above,
        below=merged.below,
        proven=merged.proven or False,
        objective=objective,
        subject="*" if merged.subject is None else merged.subject,
        severity=merged.severity or "ticket",
        look_at=(merged.look_at or "").replace("ENDPOINT", endpoint),
    )
    return replace(
        rule,
        for_s=_seconds(merged.hold, rule.for_s),
        keep_for_s=_seconds(merged.keep_for, rule.keep_for_s),
    )


def _said(own: RuleSettings, field: str) -> tuple[object] | None:
    value = getattr(own, field)
    return None if value is None else (value,)


def _check_form(at: str, rule: RuleSettings) -> None:
    """Refuse a rule that is none of the three forms, or two of them."""
    limit = rule.above is not None or rule.below is not None
    budget = rule.objective is not None or rule.burn is not None
    if limit + budget + (rule.guard is not None) != 1:
        raise ConfigError(
            f"The rule '{at}' must have a limit, an objective or a guard, and only one of them.",
            hint="A limit is 'metric' with 'above' or 'below'; an objective is 'metric' with "
            "'objective' and 'burn'; a guard is 'guard' alone.",
        )
    if bool(rule.metric) == (rule.guard is not None):
        raise ConfigError(f"The rule '{at}' needs either 'metric' or 'guard'.")
    if rule.guard == "":
        raise ConfigError(f"The rule '{at}' has a guard without a name.")
    if budget and not (rule.objective and rule.burn):
        raise ConfigError(f"The rule '{at}' needs both 'objective' and 'burn'.")
    if rule.proven and not limit:
        raise ConfigError(
            f"The rule '{at}' says 'proven' without a limit.",
            hint="It is for 'above' and 'below'; a guard alerts on proof alone anyway.",
        )


def _objective(at: str, rule: RuleSettings) -> Objective:
    assert rule.objective is not None
    paces = [
        Pace(factor=p.factor, long_s=_seconds(p.long, 0), short_s=_seconds(p.short, 0))
        for p in rule.burn or ()
    ]
    if not all(0 < pace.short_s < pace.long_s for pace in paces):
        raise ConfigError(f"The rule '{at}' needs a 'long' stretch that is longer than 'short'.")
    return Objective(target=rule.objective, paces=tuple(paces))


def _seconds(text: str | None, otherwise_s: float) -> float:
    found = None if text is None else read_duration(text)
    return otherwise_s if found is None else found
