"""The demo's drift: a sender changes the unit of one field, and monitoring says so."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any

import polars as pl

from fairlead.alerts import Alert
from fairlead.app.workspace import Workspace
from fairlead.monitoring.records import FINDINGS

DRIFTING = "mean radius"
PER_INCH = 1 / 25.4
"""Millimetres until then."""
QUIET_WINDOWS = 10
REQUEST_ROWS = 60
PACE_S = 0.1
WAIT_S_MAX = 60.0
SETTINGS = """\
# Written by `fairlead demo`: windows of half a second instead of an hour, so that seconds show
# what else takes days, and an alert of drift at once instead of in the digest of the day.
[monitoring]
window_s = 0.5
grace_s = 0.5
rows_min = 50
learn_windows = 8
alarms_per_month = 100

[endpoint.tumour]
slices = ["mean radius", "mean texture", "mean smoothness"]

[endpoint.wine]
slices = ["alcohol", "hue"]

[endpoint.progression]
slices = ["age", "sex", "bmi"]

[endpoint.tumour.alert.drift]
severity = "ticket"
"""

Send = Callable[[list[dict[str, Any]]], object]


def watch_quiet(workspace: Workspace, send: Send, traffic: pl.DataFrame) -> int:
    """Send rows as they are until monitoring has a past.

    Returns:
        How many windows it looked at.
    """

    def seen() -> int:
        return len(workspace.store.scan(FINDINGS))

    _send_until(lambda: seen() >= QUIET_WINDOWS, send, traffic)
    return seen()


def watch_drift(workspace: Workspace, send: Send, traffic: pl.DataFrame) -> list[Alert]:
    """Send rows of which one field comes in inches, until the alert of it fires.

    Returns:
        The alerts that fire then; none if that of the drift did not come in time.
    """
    changed = traffic.with_columns(pl.col(DRIFTING) * PER_INCH)

    def firing() -> list[Alert]:
        return [alert for alert in workspace.alert_book.alerts() if alert.state == "firing"]

    def told() -> bool:
        return any(a.rule == "drift" and a.subject == DRIFTING for a in firing())

    return firing() if _send_until(told, send, changed) else []


def _send_until(reached: Callable[[], bool], send: Send, traffic: pl.DataFrame) -> bool:
    """Send rows at an even pace, over and over, until something is so; or for a minute."""
    deadline_s = time.monotonic() + WAIT_S_MAX
    for part in _over_and_over(traffic):
        send(part.to_dicts())
        if reached():
            return True
        if time.monotonic() > deadline_s:
            return False
        time.sleep(PACE_S)
    return False


def _over_and_over(traffic: pl.DataFrame) -> Iterator[pl.DataFrame]:
    for turn in itertools.count():
        yield from traffic.sample(fraction=1.0, shuffle=True, seed=turn).iter_slices(REQUEST_ROWS)
