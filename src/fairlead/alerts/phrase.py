"""An alert in a few plain words, for who has never seen its rule."""

from __future__ import annotations

from fairlead.alerts.types import Alert

_PHRASES = {
    "errors": "requests fail",
    "errors-budget": "too many requests failed in the last days",
    "latency": "answers are slow",
    "accuracy": "labels prove that its answers got worse",
    "rmse": "labels prove that its answers got worse",
    "concept-drift": "what is right has changed: it errs where it did not",
    "estimated-accuracy": "its answers got worse, as far as is known without labels",
    "estimated-rmse": "its answers got worse, as far as is known without labels",
    "schema": "values of {} are not of their kind",
    "missing": "values of {} are missing",
    "out-of-range": "values of {} are out of range",
    "new-categories": "{} has values never seen before",
    "stuck": "{} is stuck on one value",
    "duplicates": "the same rows come again and again",
    "volume": "it is asked much less or much more than usual",
    "jobs": "the job {} has failed",
    "updates": "its last update failed",
    "drift": "values of {} have moved",
    "joint-drift": "its fields have moved together",
    "prediction-drift": "its answers have moved",
}


def phrase(alert: Alert) -> str:
    """Say what an alert is about, to be read after the endpoint's name and a colon.

    Args:
        alert: of a default rule, or of one's own, which is told by its name.

    Example:
        >>> from fairlead.alerts.types import Step
        >>> step = Step(state="firing", time_us=0, reason="", evidence={})
        >>> phrase(Alert(endpoint="churn", rule="missing", metric="missing", subject="age",
        ...     version="", cause="age", severity="ticket", look_at="", since_us=0,
        ...     steps=(step,), holds=True, turn_us=0))
        'values of age are missing'
    """
    subject = alert.subject or "it"
    known = _PHRASES.get(alert.rule)
    if known is not None:
        return known.format(subject)
    return f"the rule {alert.rule} holds" + (f" for {alert.subject}" if alert.subject else "")
