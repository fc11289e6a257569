"""Without any settings an endpoint that stays slow is a ticket; one slow for once is not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fairlead.alerts import ALERTS, AlertController
from fairlead.alerts.rules import rules_of
from fairlead.app.monitoring import Monitor
from fairlead.app.workspace import Workspace
from fairlead.clock import ManualClock
from fairlead.serving.counters import ArmCounters, Counters
from fairlead.telemetry import MetricsFile
from support.alerts import START_US

LOOK_S = 5.0


class Endpoint:
    """An endpoint whose answers take as long as they are said to.

    Args:
        home: of its platform.
    """

    def __init__(self, home: Path) -> None:
        self.clock = ManualClock(START_US)
        self.workspace = Workspace(home, self.clock)
        folder = self.workspace.home.metrics
        folder.mkdir(parents=True, exist_ok=True)
        self._counters = Counters(MetricsFile(folder / "worker.metrics"))
        self._arm: ArmCounters = self._counters.arm("churn", "churn:1", "stable")
        self._monitor = Monitor(self.workspace)
        store = self.workspace.store
        self._alerts = AlertController(store, self.clock, lambda name: rules_of(name, {}), {}, 7)

    def close(self) -> None:
        self._counters.close()
        self.workspace.close()

    def answer(self, minutes: float, *latencies_s: float) -> None:
        """Answer such requests every five seconds, and look at them."""
        for _ in range(round(minutes * 60 / LOOK_S)):
            if latencies_s:
                self._arm.run("ok", len(latencies_s), 0.001, latencies_s, 0.0)
            self.clock.advance(LOOK_S)
            self._monitor.keeper.tick()
            self._alerts.tick(self._monitor.signals())

    def alerts(self) -> dict[str, tuple[str, str]]:
        """Severity and state by rule."""
        found = [stored.value for stored in self.workspace.store.scan(ALERTS)]
        return {alert.rule: (alert.severity, alert.state) for alert in found}


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[Endpoint]:
    endpoint = Endpoint(tmp_path / ".fairlead")
    yield endpoint
    endpoint.close()


QUICK = (0.02,) * 10


def test_an_endpoint_that_stays_slow_is_a_ticket_until_it_recovers(endpoint: Endpoint) -> None:
    endpoint.answer(6, *QUICK)
    assert endpoint.alerts() == {}
    endpoint.answer(6, *QUICK, 3.0, 3.0)
    assert endpoint.alerts() == {"latency": ("ticket", "pending")}
    endpoint.answer(6, *QUICK, 3.0, 3.0)
    assert endpoint.alerts() == {"latency": ("ticket", "firing")}
    endpoint.answer(18, *QUICK)
    assert endpoint.alerts() == {"latency": ("ticket", "resolved")}


def test_slow_minutes_are_no_ticket(endpoint: Endpoint) -> None:
    endpoint.answer(6, *QUICK)
    endpoint.answer(3, *QUICK, 20.0)
    endpoint.answer(12, *QUICK)
    assert endpoint.alerts() == {}


def test_an_answer_in_a_thousand_that_is_slow_is_no_ticket(endpoint: Endpoint) -> None:
    for _ in range(20):
        endpoint.answer(0.9, *QUICK * 10)
        endpoint.answer(LOOK_S / 60, *QUICK * 10, 20.0)
    assert endpoint.alerts() == {}


def test_few_requests_at_night_are_no_ticket_however_slow(endpoint: Endpoint) -> None:
    for _ in range(6):
        endpoint.answer(LOOK_S / 60, 20.0, 0.02, 20.0)
        endpoint.answer(5)
    assert endpoint.alerts() == {}
