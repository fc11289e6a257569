"""Alerts: rules over signals, the states of what they find, and the way to whom it concerns."""

from fairlead.alerts.book import AlertBook
from fairlead.alerts.controller import AlertController
from fairlead.alerts.decide import decide
from fairlead.alerts.explain import explain
from fairlead.alerts.rules import DEFAULTS, rules_of
from fairlead.alerts.settings import AlertsSettings, ChannelSettings, PaceSettings, RuleSettings
from fairlead.alerts.types import (
    ALERTS,
    NOTIFICATIONS,
    SEVERITIES,
    SILENCES,
    Acknowledged,
    Alert,
    Burn,
    Decision,
    Evidence,
    Message,
    Notification,
    Objective,
    Pace,
    Rule,
    Severity,
    Signal,
    Silence,
    State,
    Step,
)

__all__ = [
    "ALERTS",
    "DEFAULTS",
    "NOTIFICATIONS",
    "SEVERITIES",
    "SILENCES",
    "Acknowledged",
    "Alert",
    "AlertBook",
    "AlertController",
    "AlertsSettings",
    "Burn",
    "ChannelSettings",
    "Decision",
    "Evidence",
    "Message",
    "Notification",
    "Objective",
    "Pace",
    "PaceSettings",
    "Rule",
    "RuleSettings",
    "Severity",
    "Signal",
    "Silence",
    "State",
    "Step",
    "decide",
    "explain",
    "rules_of",
]
