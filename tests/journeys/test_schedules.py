"""Scheduled jobs in a running platform: they run, are killed, go on, and are told of."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from support.batch import answers, digests, logged, rows_of, run
from support.models import package_churn
from support.platform import Platform, children, lives
from support.receivers import HttpReceiver
from support.waiting import until

FILES, ROWS = 40, 200
SETTINGS = """
[server]
jobs_at_once = 3

[endpoint.churn.batch.often]
every = "2s"
input = "few.parquet"
output = "few/{{run}}"
workers = 1
retries = 0
announce = ["ops"]

[endpoint.churn.batch.nightly]
cron = "0 3 * * *"
timezone = "Europe/Berlin"
input = "in"
output = "out/{{date}}"
keep = ["customer_id"]
workers = 1
announce = ["ops"]

[endpoint.churn.batch.ahead]
every = "1d"
input = "few.parquet"
key = "customer_id"
workers = 1
announce = ["ops"]

[endpoint.churn.batch.broken]
every = "1d"
input = "postgresql://me:hunter2@127.0.0.1:1/shop"
query = "select 1"
output = "never/{{run}}"
retries = 0
announce = ["ops"]

[alerts.channel.ops]
url = "{url}"
allow_private = true
"""


def prepare(folder: Path, url: str) -> Path:
    """A home with a model, files to score, and what is scheduled."""
    home = folder / ".fairlead"
    package_churn(home)
    rows_of(50, seed=9).write_parquet(folder / "few.parquet")
    (folder / "in").mkdir()
    for place in range(FILES):
        rows_of(ROWS, seed=place + 1).write_parquet(folder / "in" / f"{place:02d}.parquet")
    (folder / "fairlead.toml").write_text(SETTINGS.format(url=url))
    return home


def told_of(receiver: HttpReceiver, schedule: str) -> list[dict[str, Any]]:
    """What was announced of a schedule's runs."""
    bodies = [got.json for got in receiver.received]
    return [body for body in bodies if body["detail"].get("schedule") == schedule]


def job_child(platform: Platform) -> int | None:
    """The process of the nightly job, and its parent the controller."""
    for pid in children(platform.process.pid):
        for child in children(pid):
            if b"job_child" in Path(f"/proc/{child}/cmdline").read_bytes():
                return pid
    return None


@pytest.mark.slow
def test_what_is_scheduled_is_run_killed_gone_on_with_and_told_of(tmp_path: Path) -> None:
    with HttpReceiver() as receiver:
        home = prepare(tmp_path, receiver.url)
        with Platform(home, "churn:1", "--workers=1") as running:
            goes_by_its_clock(running, receiver)
            goes_on_after_a_kill(running, receiver, tmp_path)
            tells_of_a_failure(running, receiver)
            publishes_for_look_up(running, receiver)
            log = running.log
    assert "hunter2" not in log
    assert all(b"hunter2" not in path.read_bytes() for path in home.rglob("store.db*"))


def goes_by_its_clock(running: Platform, receiver: HttpReceiver) -> None:
    until(lambda: len(told_of(receiver, "churn/often")) >= 2, "two runs of each second")
    first, second = (told_of(receiver, "churn/often")[place] for place in (0, 1))
    assert first["event"] == second["event"] == "job completed", (first, second)
    assert first["detail"]["run"] < second["detail"]["run"]
    assert first["detail"]["rows"] == 50
    assert answers(Path(first["detail"]["output"])).height == 50
    assert first["detail"]["version"] == "churn:1"


def goes_on_after_a_kill(running: Platform, receiver: HttpReceiver, folder: Path) -> None:
    asked = running.control(
        "/v1/jobs/churn/nightly/runs", {}, headers={"content-type": "application/json"}
    )
    assert asked.status == 202
    manifests = until(lambda: [*folder.glob("out/*/_job/manifest")], "the job was begun")
    until(lambda: manifests[0].read_bytes().count(b"\n") > 3, "some chunks")
    controller = until(lambda: job_child(running), "its process")
    processes = [controller, *children(controller)]
    os.kill(controller, signal.SIGKILL)
    until(lambda: not any(map(lives, processes)), "their end")
    assert manifests[0].read_bytes().count(b"\n") < FILES + 1
    assert not told_of(receiver, "churn/nightly")
    (told,) = until(lambda: told_of(receiver, "churn/nightly"), "the end of the job")
    assert told["event"] == "job completed"
    assert told["detail"]["rows"] == FILES * ROWS
    output = Path(told["detail"]["output"])
    assert output.name in manifests[0].parts[-3]
    run(running.home, folder / "in", folder / "again", keep=("customer_id",),
        name=f"nightly-{output.name}")  # fmt: skip
    assert digests(output) == digests(folder / "again")
    ids = logged(running.home)["id"]
    assert ids.n_unique() == len(ids)
    assert set(answers(output)["prediction_id"]) <= set(ids)
    listed = json.loads(running.run("jobs", "list", "churn/nightly", "--json"))
    assert [(one["state"], one["interruptions"]) for one in listed] == [("completed", 1)]
    assert "churn/nightly" in running.run("jobs", "list")
    assert 'fairlead_job_rows{endpoint="churn",job="nightly"} 8000' in metrics(running)


def tells_of_a_failure(running: Platform, receiver: HttpReceiver) -> None:
    assert "is run now" in running.run("jobs", "run", "churn/broken")
    (told,) = until(lambda: told_of(receiver, "churn/broken"), "the failure")
    assert told["event"] == "job failed"
    assert "127.0.0.1" in told["detail"]["error"]
    assert "hunter2" not in json.dumps(told)
    alert = until(lambda: alerts_of(running), "the alert")[0]
    assert (alert["name"], alert["state"]) == ("churn/jobs/broken", "firing")
    shown = running.control("/v1/jobs/churn/broken").json
    assert shown["last"]["state"] == "failed"
    assert "hunter2" not in running.run("config", "show")
    assert 'fairlead_job_failed{endpoint="churn",job="broken"} 1' in metrics(running)


def publishes_for_look_up(running: Platform, receiver: HttpReceiver) -> None:
    key = rows_of(50, seed=9)["customer_id"][0]
    assert running.api(f"/v1/endpoints/churn/lookup/{key}").status == 404
    assert "is run now" in running.run("jobs", "run", "churn/ahead")
    (told,) = until(lambda: told_of(receiver, "churn/ahead"), "the end of the job")
    assert (told["event"], told["detail"]["rows"]) == ("job completed", 50)
    found = until(lambda: looked_up(running, key), "the prediction")
    assert (found["source"], found["version"]) == ("precomputed", "churn:1")
    (listed,) = json.loads(running.run("jobs", "list", "churn/ahead", "--json"))
    assert listed["output"] == told["detail"]["output"]
    assert 'fairlead_job_rows{endpoint="churn",job="ahead"} 50' in metrics(running)


def looked_up(running: Platform, key: object) -> dict[str, Any] | None:
    reply = running.api(f"/v1/endpoints/churn/lookup/{key}")
    return None if reply.status == 404 else dict(reply.json["predictions"][0])


def alerts_of(running: Platform) -> list[dict[str, Any]]:
    found = running.control("/v1/alerts").json["alerts"]
    return [alert for alert in found if alert["rule"] == "jobs"]


def metrics(running: Platform) -> str:
    return running.control("/metrics").body.decode()
