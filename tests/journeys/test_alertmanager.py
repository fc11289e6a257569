"""A real Alertmanager takes what the channel of its kind sends, and knows when it is over."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fairlead.alerts import Alert, ChannelSettings, Notification
from fairlead.alerts.compose import compose
from fairlead.alerts.send import send
from fairlead.clock import SystemClock
from support.alerts import MINUTE_US, alert
from support.platform import ask
from support.waiting import until

PROGRAM = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
CONFIG = "route: {receiver: none}\nreceivers: [{name: none}]\n"

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="Alertmanager is not installed")


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """Of an Alertmanager that runs."""
    config = tmp_path / "alertmanager.yml"
    config.write_text(CONFIG)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert PROGRAM is not None
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [PROGRAM, f"--config.file={config}", f"--storage.path={tmp_path / 'data'}",
             f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="],
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        found = f"http://127.0.0.1:{port}"
        until(lambda: is_ready(found), "Alertmanager")
        yield found
    finally:
        process.kill()
        process.wait()


def is_ready(url: str) -> bool:
    try:
        return ask(url, "/-/ready").status == 200
    except OSError:
        return False


def active(url: str) -> list[dict[str, Any]]:
    """What it takes to fire."""
    found: list[dict[str, Any]] = ask(url, "/api/v2/alerts?active=true").json
    return found


def deliver(url: str, about: Alert) -> None:
    """Send one alert, as the courier does."""
    message = compose("crm", [about], ())
    notification = Notification(
        id="n1", channel="am", message=message, created_us=about.since_us, next_us=0
    )
    channel = ChannelSettings(kind="alertmanager", url=url, allow_private=True)
    send(channel, notification, about.since_us // 1_000_000)


def test_what_fires_and_is_resolved_does_so_there(url: str) -> None:
    start_us = SystemClock().now_us() - 2 * MINUTE_US
    deliver(url, alert("firing", start_us=start_us, subject="age", look_at="Ask the CRM."))
    (found,) = until(lambda: active(url), "the alert")
    assert found["labels"] == {
        "alertname": "errors", "endpoint": "churn", "severity": "page", "subject": "age",
        "metric": "error_rate", "cause": "error_rate",
    }  # fmt: skip
    assert found["annotations"] == {"summary": "It is firing.", "look_at": "Ask the CRM."}
    deliver(url, alert("firing", "resolved", start_us=start_us, subject="age"))
    until(lambda: not active(url), "its end")
