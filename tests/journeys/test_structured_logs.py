"""What the processes of a platform tell, as programs read it: lines of JSON and nothing else."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

import fairlead
from support.platform import Platform
from support.platform import fairlead as command
from support.waiting import until

pytestmark = pytest.mark.slow

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACED = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
CODE = """
class Model:
    def load(self):
        pass

    def predict(self, batch):
        if (batch["x"] > 100).any():
            raise ValueError("too much")
        return batch["x"] * 2
"""


def events(platform: Platform) -> list[dict[str, Any]]:
    """All that was told, each line of it JSON."""
    whole = platform.log.rpartition("\n")[0]
    return [json.loads(line) for line in whole.splitlines()]


def found(platform: Platform, event: str, **fields: object) -> dict[str, Any]:
    """The first event of a kind with these fields; waits for it."""
    wanted = {"event": event, **fields}
    return until(
        lambda: next((e for e in events(platform) if e.items() >= wanted.items()), None),
        f"{wanted}",
    )


def test_every_process_tells_in_json(tmp_path: Path) -> None:
    home, code = tmp_path / "home", tmp_path / "code"
    code.mkdir()
    (code / "model.py").write_text(CODE)
    fairlead.package(code, [{"x": 1.0}, {"x": 2.0}], name="doubling", home=home)
    options = ("doubling:1", "--workers=1", "--log-format=json", "--log-level=debug")
    with Platform(home, *options) as platform:
        ready = found(platform, "ready", process="supervisor")
        assert ready["api"] == platform.addresses.api
        bad = platform.api(
            "/v1/endpoints/doubling/predict", {"rows": [{"x": 101.0}]}, headers=TRACED
        )
        assert bad.status == 500
        told = found(platform, "model_failed", process="worker-0")
        assert told["endpoint"] == "doubling"
        assert told["version"] == "doubling:1"
        assert told["trace_ids"] == [TRACE]
        assert len(told["request_ids"]) == 1
        model = found(platform, "model_failed", process="model")
        assert 'raise ValueError("too much")' in model["traceback"]
        assert platform.api("/v1/endpoints/none/predict", {}, headers=TRACED).status == 404
        refused = found(platform, "request_refused")
        assert (refused["code"], refused["trace_id"]) == ("not_found", TRACE)
        (worker,) = platform.workers()
        os.kill(worker["pid"], signal.SIGKILL)
        died = found(platform, "process_died", child="worker-0")
        assert died["level"] == "error"
        until(platform.ready, "the next worker")
    names = {(e["process"], e["event"]) for e in events(platform)}
    assert {("worker-0", "process_ended"), ("controller", "process_ended")} <= names
    assert ("supervisor", "stopped") in names
    for event in events(platform):
        assert event.keys() >= {"time", "level", "process", "pid", "event", "message"}


def test_a_detached_platform_keeps_json_in_its_log(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "fairlead.toml").write_text('[server]\nlog_format = "json"\nworkers = 1\n')
    said = command(home, "up", "--detach", "--port=0", "--control-port=0")
    assert "API " in said, "the command itself speaks to people"
    command(home, "stop")
    lines = (home / "run" / "fairlead.log").read_text().splitlines()
    told = [json.loads(line)["event"] for line in lines]
    assert told[0] == "process_started"
    assert told[-1] == "stopped"
