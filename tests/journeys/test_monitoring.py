"""Live traffic is watched: what moves is named and told, what recovers is told too."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import msgspec
import numpy as np
import pandas as pd
import pytest

from fairlead.app.watching import look
from fairlead.app.workspace import Workspace
from fairlead.monitoring.records import FINDINGS
from support.metrics import Exposed
from support.models import customers, package_churn
from support.platform import Platform
from support.receivers import HttpReceiver
from support.waiting import until

SETTINGS = """
[monitoring]
window_s = 0.5
grace_s = 0.5
rows_min = 50
learn_windows = 10
alarms_per_month = 4000

[endpoint.churn.alert.drift]
severity = "ticket"
keep_for = "2s"

[endpoint.churn.alert.missing]
keep_for = "2s"

[endpoint.churn.alert.accuracy]
keep_for = "2s"

[alerts.channel.ops]
url = "{url}"
allow_private = true
"""
OWN = """
[endpoint.churn.metric.loss]
cost = { left = { stayed = 2.0 }, stayed = { left = 2.0 } }
span = "5s"

[endpoint.churn.metric.wrong]
function = "my_metrics:wrong"
span = "5s"

[endpoint.churn.alert.costly]
metric = "loss"
above = 0.9
keep_for = "2s"
"""
CODE = """
def wrong(truth, predicted):
    return truth != predicted
"""
Change = Callable[[pd.DataFrame], pd.DataFrame]


class Traffic(threading.Thread):
    """Sends a hundred new customers a few times a second, changed as they are at the time.

    Args:
        platform: that they are sent to.
        labels: whether it is told at once what became of them.
    """

    def __init__(self, platform: Platform, *, labels: bool = False) -> None:
        super().__init__()
        self._platform = platform
        self._labels = labels
        self._enough = threading.Event()
        self.change: Change = lambda rows: rows
        self.wrong = 0.0
        """Share of customers who do the opposite of what they used to."""
        self.failed: list[int] = []

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self.join()

    def run(self) -> None:
        seed = 1000
        while not self._enough.wait(0.15):
            seed += 1
            customer, left = customers(100, seed)
            records = self.change(customer).replace({np.nan: None}).to_dict("records")
            reply = self._platform.predict("churn", {"rows": records})
            self.failed += [reply.status] if reply.status != 200 else []
            if self._labels and reply.status == 200:
                self._tell(reply.json["predictions"], left, np.random.default_rng(seed))

    def _tell(self, answers: list[Any], left: Any, random: np.random.Generator) -> None:
        turned = np.where(left == "left", "stayed", "left")
        truth = np.where(random.random(len(left)) < self.wrong, turned, left)
        items = [
            {"id": answer["id"], "value": str(label)}
            for answer, label in zip(answers, truth, strict=True)
        ]
        path = "/v1/endpoints/churn/feedback"
        status = self._platform.api(path, {"feedback": items}).status
        self.failed += [status] if status != 200 else []


def told(receiver: HttpReceiver) -> list[tuple[str, str]]:
    """The alerts that reached the webhook, and their states, in order."""
    found = []
    for got in receiver.received:
        body: dict[str, Any] = msgspec.json.decode(got.body)
        found += [(alert["name"], alert["state"]) for alert in body["alerts"]]
    return found


def scraped(platform: Platform) -> Exposed:
    """What the control plane tells Prometheus."""
    return Exposed(platform.control("/metrics").body.decode())


def windows(home: Path) -> int:
    workspace = Workspace(home)
    try:
        return len(workspace.store.scan(FINDINGS))
    finally:
        workspace.close()


def own(home: Path) -> dict[str, float]:
    """What the endpoint's own metrics are over all windows."""
    workspace = Workspace(home)
    try:
        goals = look(workspace, "churn", since_s=3600.0).goals
        return {goal.name: goal.whole.value for goal in goals if goal.whole is not None}
    finally:
        workspace.close()


def older(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(age=(rows["age"] + 25.0).clip(upper=90.0))


def unplanned(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(plan=None)


@pytest.mark.slow
def test_what_moves_is_told_by_its_name_and_what_recovers_too(tmp_path: Path) -> None:
    home = tmp_path / ".fairlead"
    package_churn(home)
    with HttpReceiver() as receiver:
        (tmp_path / "fairlead.toml").write_text(SETTINGS.format(url=receiver.url))
        with Platform(home, "churn:1", "--workers=1") as platform, Traffic(platform) as traffic:
            until(lambda: windows(home) >= 20, "a past to learn from")
            assert told(receiver) == [], "nothing moved"
            traffic.change = older
            until(lambda: ("churn/drift/age", "firing") in told(receiver), "the alert")
            assert scraped(platform).total("fairlead_field_drifting", field="age") == 1
            assert scraped(platform).total("fairlead_field_drifting", field="visits") == 0
            assert {name for name, _ in told(receiver)} <= {
                "churn/drift/age", "churn/out-of-range/age",
            }, "no other field is named"  # fmt: skip
            traffic.change = unplanned
            until(lambda: ("churn/missing/plan", "firing") in told(receiver), "missing")
            until(lambda: ("churn/drift/age", "resolved") in told(receiver), "the end of one")
            traffic.change = lambda rows: rows
            until(lambda: ("churn/missing/plan", "resolved") in told(receiver), "the end")
        assert traffic.failed == []


@pytest.mark.slow
def test_answers_that_turn_out_wrong_are_told_though_the_input_is_as_ever(tmp_path: Path) -> None:
    home = tmp_path / ".fairlead"
    package_churn(home)
    with HttpReceiver() as receiver:
        (tmp_path / "fairlead.toml").write_text(SETTINGS.format(url=receiver.url) + OWN)
        (tmp_path / "my_metrics.py").write_text(CODE)
        with (
            Platform(home, "churn:1", "--workers=1") as platform,
            Traffic(platform, labels=True) as traffic,
        ):
            until(lambda: windows(home) >= 25, "a past to learn from")
            assert told(receiver) == [], "nothing is wrong"
            traffic.wrong = 0.6
            raised = {("churn/accuracy/churn:1", "firing"), ("churn/costly/churn:1", "firing")}
            until(lambda: raised <= {*told(receiver)}, "the alerts")
            assert scraped(platform).total("fairlead_guard_harm", guard="accuracy") == 1
            assert 0 < scraped(platform).total("fairlead_labelled_rows_ratio") <= 1
            for kind in ("realised", "estimated"):
                value = scraped(platform).total(f"fairlead_{kind}_performance", metric="accuracy")
                assert 0 < value < 1, kind
            traffic.wrong = 0.0
            over = {(name, "resolved") for name, _ in raised}
            until(lambda: over <= {*told(receiver)}, "their end")
        assert traffic.failed == []
        assert {name for name, _ in told(receiver)} <= {
            "churn/accuracy/churn:1", "churn/concept-drift/churn:1", "churn/costly/churn:1",
        }, "the input did not move"  # fmt: skip
        goals = own(home)
        assert goals["wrong"] == pytest.approx(goals["loss"] / 2.0)
        assert 0.1 < goals["wrong"] < 0.6
