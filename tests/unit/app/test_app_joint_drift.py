"""A day on which fields have moved is found by the controller, shown, and raises an alert."""

from __future__ import annotations

import threading
from pathlib import Path

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner

from fairlead.app.beside import Beside, TellingProcess
from fairlead.app.control_process import alert_controller
from fairlead.app.gauges import gauges
from fairlead.app.monitoring import Monitor
from fairlead.app.report import write_report
from fairlead.app.watching import Watching
from fairlead.cli.main import cli
from fairlead.errors import ModelError, StorageError
from fairlead.monitoring.joint import JOINTS, Day, Joint
from fairlead.monitoring.recall import DAY_US
from fairlead.monitoring.records import Stream
from fairlead.stats import Estimate
from fairlead.store import ABSENT, Put
from fairlead.telemetry import expose
from support.metrics import Exposed
from support.waiting import until
from support.watched import Watched, older

START_US = 20_500 * 86_400_000_000
STREAM = Stream(endpoint="churn", version="churn:1", role="stable")
SETTINGS = "[monitoring]\njoint_drift = true\n"


def quiet(start_us: int) -> Joint:
    """Seven days that were compared and are as they were."""
    days = tuple(
        Day(start_us=start_us + (7 + place) * DAY_US, rows=4000, p_value=0.5, fields=(),
            proven=False, why="", auc=Estimate(0.5 + place / 1000, 0.48, 0.52))
        for place in range(7)
    )  # fmt: skip
    until_us = start_us + 14 * DAY_US
    return Joint(stream=STREAM, start_us=start_us, until_us=until_us, days=days)


def test_a_day_that_differs_is_found_told_and_raised(tmp_path: Path) -> None:
    watched = Watched(tmp_path / ".fairlead", START_US, SETTINGS)
    space = watched.workspace
    watched.pass_hours(2)
    known = quiet(START_US)
    space.store.commit(Put(JOINTS, JOINTS.key(STREAM.place), known, ABSENT))
    watched.hour = 14 * 24
    watched.pass_hours(2, older)
    watched.clock.advance(24 * 3600.0)
    monitor = Monitor(space)
    assert [s for s in monitor.signals() if s.name == "joint_drift" and s.proven] == []
    monitor.comparer.tick()
    until(lambda: space.store.scan(JOINTS)[0].value != known, "the day was compared")
    monitor.signals()
    exposed = Exposed(expose(gauges(monitor.seen, watched.clock.now_us())))
    assert exposed.total("fairlead_joint_drifting") == 1
    assert exposed.total("fairlead_joint_drift_auc_low") > 0.7
    (signal,) = (each for each in monitor.signals() if each.name == "joint_drift")
    alert_controller(space.store, watched.clock, space.settings).tick(monitor.signals())
    monitor.close()
    assert signal.proven
    assert signal.cause == "age"
    assert signal.low is not None
    assert signal.low > 0.7

    command = ["--home", str(watched.home), "monitor", "churn", "--since", "99999d"]
    told = CliRunner().invoke(cli, [*command, "--json"])
    found = msgspec.json.decode(told.stdout, type=Watching)
    assert told.exit_code == 1
    assert [alert.name for alert in found.alerts] == ["churn/joint-drift/churn:1"]
    assert len(found.joint[0].days) == 8
    shown = CliRunner().invoke(cli, command).stdout
    page = tmp_path / "report.html"
    write_report(space, "churn", page, since_s=99_999 * 86_400.0)
    watched.close()
    assert "Area under the curve, day by day" in page.read_text()
    assert "all fields together: 8 days" in shown
    assert "drifting: A classifier tells" in shown
    assert "It goes by 'age'" in shown


def test_a_comparison_that_is_ended_answers_nothing() -> None:
    telling = TellingProcess()
    telling.close()
    with pytest.raises(ModelError):
        telling(np.zeros((50, 1)), np.zeros((50, 1)))


def test_work_beside_holds_nobody_up_and_its_failure_is_told() -> None:
    held, begun = threading.Event(), []

    def work() -> None:
        begun.append(1)
        held.wait(30)
        raise StorageError("It could not be done.")

    beside = Beside(work)
    for _ in range(3):
        beside.tick()  # returns at once
    until(lambda: bool(begun), "it begins")
    assert len(begun) == 1
    held.set()

    def fails() -> bool:
        try:
            beside.tick()
        except StorageError:
            return True
        return False

    until(fails, "its failure is told")
    beside.close()
