"""A rule in words: when it calls, whom, and when it is over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fairlead.alerts.judge import FAILURES_MIN
from fairlead.alerts.types import Objective, Rule, Severity
from fairlead.durations import write_duration

METRICS: Mapping[str, str] = {
    "error_rate": "the share of requests that fail",
    "latency_p99_s": "the time within which 99 of 100 requests are answered, in seconds,",
    "failed_runs": "the number of runs in a row that failed",
    "stopped_learning": "whether the model stopped to learn online",
    "failed_updates": "the number of updates in a row that failed",
    "accuracy": "accuracy by labels",
    "rmse": "RMSE by labels",
    "estimated_accuracy": "estimated accuracy",
    "estimated_rmse": "estimated RMSE",
    "missing": "the share of missing values",
    "out_of_range": "the share of values out of range",
    "new_categories": "the share of unknown categories",
    "volume": "the number of requests",
}
"""What a metric measures, where its name does not say it."""

BAD: Mapping[str, str] = {"error_rate": "failed requests"}
"""What uses up the budget of an objective."""

HARM: Mapping[str, str] = {
    "accuracy": "accuracy by labels has become worse",
    "rmse": "RMSE by labels has become worse",
    "concept_drift": "the model is wrong more often than it was",
    "estimated_accuracy": "accuracy, estimated without labels, has become worse",
    "estimated_rmse": "RMSE, estimated without labels, has become worse",
    "schema": "requests are refused because of a field",
    "missing": "values are missing that were not",
    "out_of_range": "values are out of the range that was seen",
    "new_categories": "categories come that were not seen",
    "stuck": "a field has the same value again and again",
    "duplicates": "the same rows come again and again",
    "volume": "fewer or more requests come than at such a time",
    "drift": "the distribution of a field has moved",
    "joint_drift": "all fields together have moved",
    "prediction_drift": "the distribution of the answers has moved",
}
"""What a guard has proven when it alerts."""

CALLS: Mapping[Severity, str] = {
    "page": "It calls somebody at once.",
    "ticket": "It is for the next working day.",
    "digest": "It is a line in the digest of the day.",
}


def explain(rule: Rule) -> str:
    """Say a rule in words.

    Args:
        rule: of any form.

    Example:
        >>> explain(Rule(endpoint="churn", name="slow", metric="queue_s", above=0.5, for_s=600))
        'Alerts when queue s is above 0.5 for 10m. It is for the next working day. \
Resolved when all was well for 10m.'
        >>> explain(Rule(endpoint="churn", name="drift", metric="drift", severity="digest"))
        'Alerts when it is proven that the distribution of a field has moved. \
It is a line in the digest of the day. Resolved when all was well for 10m.'
    """
    held = f" for {write_duration(rule.for_s)}" if rule.for_s else ""
    return " ".join(
        (
            f"Alerts when {_condition(rule)}{held}.{_subjects(rule)}",
            CALLS[rule.severity],
            f"Resolved when all was well for {write_duration(rule.keep_for_s)}.",
        )
    )


def measured(metric: str) -> str:
    """What a metric measures, in words.

    Example:
        >>> measured("failed_runs"), measured("revenue_per_call")
        ('the number of runs in a row that failed', 'revenue per call')
    """
    return METRICS.get(metric, metric.replace("_", " "))


def _condition(rule: Rule) -> str:
    if rule.objective is not None:
        return _budget(rule, rule.objective)
    limits = " or ".join(_limits(rule))
    if not limits:
        return f"it is proven that {HARM.get(rule.metric, measured(rule.metric) + ' does harm')}"
    what = measured(rule.metric)
    return f"{what} is {limits}" if not rule.proven else f"it is proven that {what} is {limits}"


def _limits(rule: Rule) -> Iterator[str]:
    for word, limit in (("above", rule.above), ("below", rule.below)):
        if limit is not None:
            yield f"{word} {limit:.6g}"


def _budget(rule: Rule, objective: Objective) -> str:
    paces = "; or ".join(
        f"{_faster(pace.factor)}, over {write_duration(pace.long_s)} and still over "
        f"{write_duration(pace.short_s)}"
        for pace in objective.paces
    )
    budget = f"{100 * (1 - objective.target):.4g} %"
    return (
        f"{BAD.get(rule.metric, f'bad events of {rule.metric}')} use up their budget of {budget} "
        f"{paces}; from {FAILURES_MIN} of them on"
    )


def _faster(factor: float) -> str:
    return "faster than allowed" if factor == 1 else f"{factor:.4g} times as fast as allowed"


def _subjects(rule: Rule) -> str:
    return "" if rule.subject == "*" else f" Only of '{rule.subject}'."
