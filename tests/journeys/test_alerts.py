"""Alerts in a running platform: its control plane looks after them and delivers, killed or not."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from fairlead.alerts import ALERTS, NOTIFICATIONS, Alert, Notification
from fairlead.alerts.compose import compose
from fairlead.app.workspace import Workspace
from fairlead.store import ABSENT, Put
from support.alerts import alert
from support.models import package_churn
from support.platform import Platform, children
from support.receivers import HttpReceiver
from support.waiting import until


def hand_over(workspace: Workspace, notification_id: str, about: Alert) -> None:
    """Leave a notification where the control plane finds it."""
    now_us = workspace.clock.now_us()
    made = Notification(
        id=notification_id, channel="ops", message=compose("crm", [about], ()),
        created_us=now_us, next_us=now_us,
    )  # fmt: skip
    key = NOTIFICATIONS.key(notification_id)
    workspace.store.commit(Put(NOTIFICATIONS, key, made, ABSENT))


def controller_of(platform: Platform) -> int:
    """The process that is no worker."""
    workers = {worker["pid"] for worker in platform.workers()}
    (pid,) = set(children(platform.process.pid)) - workers
    return pid


def ids_of(receiver: HttpReceiver) -> set[str]:
    """What it got, by the ids that stay the same at every attempt."""
    return {got.headers["webhook-id"] for got in receiver.received}


@pytest.mark.slow
def test_the_control_plane_delivers_and_goes_on_after_it_was_killed(tmp_path: Path) -> None:
    home = tmp_path / ".fairlead"
    package_churn(home)
    workspace = Workspace(home)
    fired = alert("firing", rule="of-old", subject="age")
    workspace.store.commit(Put(ALERTS, fired.key, fired, ABSENT))
    with HttpReceiver() as receiver:
        table = f'[alerts.channel.ops]\nurl = "{receiver.url}"\nallow_private = true\n'
        (tmp_path / "fairlead.toml").write_text(table)
        with Platform(home, "churn:1", "--workers=1") as running:
            hand_over(workspace, "n1", fired)
            until(lambda: "n1" in ids_of(receiver), "the first delivery")
            until(lambda: not workspace.store.scan(NOTIFICATIONS), "its record")
            (told,) = running.control("/v1/alerts").json["alerts"]
            assert (told["name"], told["state"]) == ("churn/of-old/age", "resolved")
            assert "switched off" in told["steps"][-1]["reason"], "no such rule is in force here"

            as_json = {"content-type": "application/json"}
            path = "/v1/endpoints/churn/silences"
            made = running.control(path, {"for_s": 60}, headers=as_json).json
            listed = running.control("/v1/silences?endpoint=churn").json["silences"]
            assert [each["id"] for each in listed] == [made["id"]]

            os.kill(controller_of(running), signal.SIGKILL)
            hand_over(workspace, "n2", fired)
            until(lambda: "n2" in ids_of(receiver), "the delivery after the kill")
    workspace.close()
