"""Alerts as people look at them, put together from their records and the settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fairlead.alerts import Alert, Rule, Silence, explain
from fairlead.alerts.tell import covers
from fairlead.api.board import ShownAlert
from fairlead.app.settings import Settings, rules
from fairlead.app.workspace import Workspace

SWITCHED_OFF = "The rule was switched off."


def board(workspace: Workspace, endpoint: str = "") -> list[ShownAlert]:
    """All alerts: what fires first, and the worst of it first.

    Args:
        workspace: whose.
        endpoint: of this one alone; of all if empty.
    """
    book = workspace.alert_book
    alerts, silences = book.alerts(endpoint), book.silences(endpoint)
    known = {name: _rules(workspace.settings, name) for name in {one.endpoint for one in alerts}}
    return [_shown(alert, known[alert.endpoint].get(alert.rule), silences) for alert in alerts]


def rule_in_words(settings: Settings, alert: Alert) -> str:
    """The rule of an alert, as the settings have it now."""
    return _words(_rules(settings, alert.endpoint).get(alert.rule))


def _rules(settings: Settings, endpoint: str) -> Mapping[str, Rule]:
    return {rule.name: rule for rule in rules(settings, endpoint)}


def _words(rule: Rule | None) -> str:
    return SWITCHED_OFF if rule is None else explain(rule)


def _shown(alert: Alert, rule: Rule | None, silences: Sequence[Silence]) -> ShownAlert:
    covering = [silence.until_us for silence in silences if covers(silence, alert)]
    is_over = alert.state == "resolved"
    until_us = None if is_over else max(covering, default=None)
    return ShownAlert(alert=alert, rule=_words(rule), silenced_until_us=until_us)
