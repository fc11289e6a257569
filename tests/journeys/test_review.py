"""A row waits, is decided by one person, and is told: within seconds, once, whatever dies."""

from __future__ import annotations

import base64
import hashlib
import hmac
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import fairlead
from fairlead.app.workspace import Workspace
from fairlead.predictionlog.segments import SEGMENTS
from support.models import ROW, package_churn
from support.platform import Platform
from support.receivers import HttpReceiver
from support.waiting import until

pytestmark = pytest.mark.slow

JSON = {"content-type": "application/json"}
SECRET = "of-those-who-call"
SETTINGS = """
[endpoint.churn]
decisions = ["callers"]

[alerts.channel.callers]
url = "{url}"
secret_env = "CALLERS_SECRET"
severities = []
allow_private = true
"""


def queue(platform: Platform) -> dict[str, Any]:
    told: dict[str, Any] = platform.control("/v1/review/churn").json
    return told


def ask(platform: Platform, count: int) -> list[str]:
    reply = platform.predict("churn", {"rows": [{**ROW, "age": 20 + n} for n in range(count)]})
    assert reply.status == 202
    return [row["id"] for row in reply.json["predictions"]]


def decided(platform: Platform, prediction: str) -> bool:
    reply = platform.api(f"/v1/predictions/{prediction}")
    return reply.status == 200 and reply.json["decided_by"] == "person"


def said(home: Path, ids: list[str]) -> list[tuple[str, str]]:
    log = fairlead.read("churn", home=home).filter(pl.col("id").is_in(ids))
    return sorted(log.select("id", "label").collect().rows())


def test_a_row_is_decided_once_and_told_whatever_dies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / ".fairlead"
    package_churn(home)
    monkeypatch.setenv("CALLERS_SECRET", SECRET)
    with HttpReceiver(500, 200) as receiver:
        (tmp_path / "fairlead.toml").write_text(SETTINGS.format(url=receiver.url))
        platform = Platform(home, "churn:1", "--workers=1")
        try:
            platform.run("automation", "churn", "shadow")
            ids = ask(platform, 3)
            until(lambda: queue(platform)["waiting"] == 3, "the queue")
            assert not [*(home / "blobs").rglob("log/**/*.parquet")], "before the log is sealed"
            first = platform.control("/v1/review/churn/take", {}, headers=JSON).json["task"]
            assert (first["id"], first["guess"], first["inputs"]["plan"]) == (ids[0], None, "pro")
            told = platform.control(f"/v1/tasks/{ids[0]}/decide", {"decision": "left"},
                                    headers=JSON).json  # fmt: skip
            assert told["state"] == "decided"
            assert not decided(platform, ids[0])  # it may still be undone
        finally:
            platform.process.kill()  # and all that it started dies with it
            platform.process.wait()
        with Platform(home, "--workers=1") as platform:
            until(lambda: decided(platform, ids[0]), "the decision")
            until(lambda: len(receiver.received) >= 2, "the second attempt")
            assert queue(platform)["waiting"] == 2
            (line,) = queue(platform)["reviewers"]
            assert (line["decided"], line["compared"]) == (1, 1)
            rungs = platform.control("/v1/endpoints/churn/rungs").json["rungs"]
            assert [(rung["mode"], rung["judged"], rung["next"]) for rung in rungs] == [
                ("shadow", 1, "assist")
            ]
            assert "2 wait in 'churn'" in platform.run("review", "churn", "--status")
    assert said(home, ids) == [(ids[0], "left"), (ids[1], None), (ids[2], None)]
    _once_and_signed(receiver, ids[0])
    workspace = Workspace(home)
    sealed = [s.value for s in workspace.store.scan(SEGMENTS, "feedback/")]
    rows = pl.concat([pl.read_parquet(workspace.blobs.locate(one.blob)) for one in sealed])
    workspace.close()
    assert sorted(rows["name"]) == ["decision", "label"]


def _once_and_signed(receiver: HttpReceiver, prediction: str) -> None:
    assert len({one.headers["webhook-id"] for one in receiver.received}) == 1
    for got in receiver.received:
        assert (got.json["event"], got.json["detail"]["id"]) == ("decision", prediction)
        assert got.json["detail"]["decision"] == "left"
        signed = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode()
        digest = hmac.new(SECRET.encode(), signed + got.body, hashlib.sha256).digest()
        assert got.headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"
