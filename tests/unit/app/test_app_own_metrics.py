"""Metrics that an endpoint's settings declare: measured, shown, alerted on, or refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from fairlead.alerts.judge import judge
from fairlead.app.control_process import alert_controller
from fairlead.app.feedback import send_feedback
from fairlead.app.gauges import gauges
from fairlead.app.monitoring import Monitor
from fairlead.app.own_functions import OwnFunction
from fairlead.app.report import write_report
from fairlead.app.settings import load_settings, rules
from fairlead.app.watching import Watching
from fairlead.cli.main import cli
from fairlead.clock import ManualClock
from fairlead.errors import ConfigError, DeadlineError
from fairlead.telemetry import expose
from support.metrics import Exposed
from support.watched import HOUR_US, Watched

START_US = 1_772_000_000_000_000
SETTINGS = """
[endpoint.churn.metric.revenue]
sum = "paid"

[endpoint.churn.metric.basket]
ratio = ["paid", "items"]

[endpoint.churn.metric.loss]
cost = { left = { stayed = 100.0 }, stayed = { left = 5.0 } }

[endpoint.churn.metric.surprise]
function = "my_metrics:surprise"

[endpoint.churn.metric.crash]
function = "my_metrics:crash"

[endpoint.churn.metric.absent]
function = "my_metrics:absent"

[endpoint.churn.alert.poor]
metric = "basket"
below = 2.0
proven = true

[endpoint.churn.alert.costly]
metric = "loss"
above = 1000.0
"""
CODE = """
import os
import numpy as np

def surprise(truth, predicted, probabilities):
    assert set(truth) <= {"left", "stayed"} and probabilities.shape == (len(truth), 2)
    print("printed by a user's code")
    return (truth != predicted) * 2.0

def crash(truth):
    os._exit(1)
"""


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    (tmp_path / "my_metrics.py").write_text(CODE)
    found = Watched(tmp_path / ".fairlead", START_US, SETTINGS)
    yield found
    found.close()


def feed(watched: Watched, hour: int) -> pl.DataFrame:
    """Send what became of all rows of an hour: half pay 1.0 an item; gives the rows."""
    space, start = watched.workspace, watched.start_us + hour * 3_600_000_000
    rows = space.read("churn").filter(pl.col("time").dt.epoch("us") >= start).collect()
    paid = pl.int_range(pl.len()) % 2
    table = rows.select("id", paid=paid * 3.0, items=paid * 3.0, label=pl.lit("left"))
    for name in ("paid", "items", "label"):
        send_feedback(space, "churn", table, value=name, name=name)
    return rows


def shown(watched: Watched, *options: str) -> str:
    """What `fairlead monitor` prints."""
    command = ["--home", str(watched.home), "monitor", "churn", "--since", "99999d", *options]
    return CliRunner().invoke(cli, command).stdout


def test_declared_metrics_are_measured_shown_and_alerted_on(watched: Watched) -> None:
    watched.pass_hours(1)
    rows = feed(watched, 0)
    watched.look()
    watched.clock.set(watched.clock.now_us() + HOUR_US)  # settled once more
    monitor = Monitor(watched.workspace)
    monitor.bookkeeper.tick()
    signals = {signal.name: signal for signal in monitor.signals()}
    stayed = float((rows["out.label"].to_numpy() == "stayed").mean())
    assert {name: signals[name].value for name in ("revenue", "basket", "loss", "surprise")} == {
        "revenue": 300.0, "basket": 1.0, "loss": pytest.approx(100 * stayed),
        "surprise": pytest.approx(2 * stayed),
    }  # fmt: skip
    exposed = Exposed(expose(gauges(monitor.seen, watched.clock.now_us())))
    assert exposed.total("fairlead_own_metric", metric="revenue") == 300.0
    low, high = (
        exposed.total(f"fairlead_own_metric_{end}", metric="loss") for end in ("low", "high")
    )
    assert low < 100 * stayed < high
    assert exposed.label("fairlead_own_metric", "metric").isdisjoint({"crash", "absent"})
    assert "crash" not in signals
    assert "absent" not in signals

    settings = watched.workspace.settings
    verdicts = {
        rule.name: judge(rule, signals[rule.metric])
        for rule in rules(settings, "churn")
        if rule.metric in {"basket", "loss"}
    }
    assert {name: verdict and verdict.holds for name, verdict in verdicts.items()} == {
        "poor": True, "costly": False,
    }  # fmt: skip
    controller = alert_controller(watched.workspace.store, watched.clock, settings)
    controller.tick(monitor.signals())
    monitor.close()

    found = msgspec.json.decode(shown(watched, "--json"), type=Watching)
    goals = {goal.name: goal for goal in found.goals}
    assert [alert.name for alert in found.alerts] == ["churn/poor/churn:1"]
    assert goals["revenue"].whole is not None
    assert goals["revenue"].whole.low < 300.0 < goals["revenue"].whole.high
    assert goals["surprise"].groups == 200
    told = shown(watched)
    assert "revenue" in told
    assert "crash could not be had of the last window" in told
    assert "has no function 'absent'" in told
    assert re.search(r"accuracy +churn:1 \(stable\) +(quiet|harm) +0\.\d", told)
    page = watched.home.parent / "report.html"
    write_report(watched.workspace, "churn", page, since_s=99_999 * 86_400.0)
    assert "revenue in each window" in page.read_text()
    assert "has no function" in page.read_text()


def test_windows_that_are_too_young_raise_nothing(tmp_path: Path) -> None:
    settings = SETTINGS.replace('sum = "paid"', 'sum = "paid"\nafter = "2h"')
    watched = Watched(tmp_path / ".fairlead", START_US, settings)
    values = []
    for _ in range(4):
        watched.pass_hours(1)
        feed(watched, watched.hour - 1)
        watched.look()
        monitor = Monitor(watched.workspace)
        monitor.bookkeeper.tick()
        values.append({s.name: s.value for s in monitor.signals()}.get("revenue"))
        monitor.close()
    watched.close()
    assert values == [None, None, 300.0, 600.0]


def test_signals_follow_the_statements(watched: Watched) -> None:
    watched.pass_hours(1)
    watched.look()
    monitor, found = Monitor(watched.workspace), []
    for _ in range(2):
        monitor.bookkeeper.tick()
        found.append({signal.name: signal.value for signal in monitor.signals()}["revenue"])
        feed(watched, 0)
        watched.look()
        monitor.bookkeeper.tick()
        watched.clock.advance(1800)
    monitor.close()
    assert found == [0.0, 300.0]


def test_a_function_that_hangs_is_ended_and_left_alone_for_a_while(tmp_path: Path) -> None:
    (tmp_path / "my_metrics.py").write_text(
        "import pathlib, time\n"
        "def hang(truth):\n"
        "    tries = pathlib.Path(__file__).with_name('tries')\n"
        "    with tries.open('a') as file: file.write('x')\n"
        "    time.sleep(60)\n"
    )
    clock, columns = ManualClock(START_US), {"truth": np.ones(3)}
    hangs = OwnFunction(tmp_path, "my_metrics:hang", 0.3, clock)
    for tries in (1, 1, 2):
        with pytest.raises(DeadlineError, match="'my_metrics:hang' took longer"):
            hangs(columns)
        assert len((tmp_path / "tries").read_text()) == tries
        clock.advance(31.0)
    hangs.close()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[endpoint.churn.metric.x]\nspan = "1d"', "must be one of"),
        ('[endpoint.churn.metric.x]\nsum = "a"\nmean = "a"', "sum and mean"),
        ('[endpoint.churn.metric.x]\nsum = "label"', "no label"),
        ('[endpoint.churn.metric.x]\nratio = ["a", "b", "c"]', "metric.x.ratio"),
        ("[endpoint.churn.metric.x]\ncost = { a = { b = inf } }", "a number"),
        ("[endpoint.churn.metric.x]\ncost = {}", "a number"),
        ("[endpoint.churn.metric.x]\ncost = { a = { b = 1e300 } }", "at most"),
        ('[endpoint.churn.metric.x]\nfunction = "/etc/passwd"', "names no function"),
        ('[endpoint.churn.metric.x]\nsum = "a"\nspan = "0h"', "longer than nothing"),
        ('[endpoint.churn.metric.accuracy]\nsum = "a"', "another metric"),
        ('[endpoint.churn.metric."A b"]\nsum = "a"', "cannot be called"),
        ('[endpoint.churn.metric.x]\nsums = "a"', "no setting 'endpoint.churn.metric.x.sums'"),
        (
            '[endpoint.churn.metric.x]\nsum = "a"\n[endpoint.churn.alert.y]\nguard = "x"',
            "needs a limit",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "fairlead.toml").write_text(text)
    with pytest.raises(ConfigError, match=said):
        load_settings(tmp_path / "fairlead.toml")
