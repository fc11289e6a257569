"""A home with much to look at: three versions, alerts in every state, jobs; names that hurt."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pandas as pd
import polars as pl

import fairlead
from fairlead.alerts import ALERTS, NOTIFICATIONS, Notification
from fairlead.alerts.compose import compose
from fairlead.app.evaluate import evaluate_version
from fairlead.app.workspace import Workspace
from fairlead.registry.types import MODELS, VERSIONS
from fairlead.routing import ROUTES, Arm, Route
from fairlead.schedules import RUNS, STANDINGS, Run, Standing
from fairlead.schedules.narrate import narrate
from fairlead.store import ABSENT, Put
from support.alerts import HOUR_US, alert
from support.models import churn_model, customers, package_churn

EVIL = "<img src=x onerror=alert(1)>"
BACKWARDS = "\u202eevil\u202c \u05d0"
LONG = "x" * 200
SETTINGS = """
[endpoint.churn.batch.nightly]
cron = "0 3 * * *"
input = "in/*.csv"
output = "out/{run}"

[endpoint.churn.batch.hourly]
every = "1h"
input = "in/*.csv"
output = "hourly/{run}"
"""


def fill(folder: Path) -> Path:
    """Make the home; nothing runs in it."""
    home = folder / ".fairlead"
    (folder / "fairlead.toml").write_text(SETTINGS)
    package_churn(home)
    frame, left = customers(seed=8)
    frame["plan"] = frame["plan"].replace({"pro": EVIL, "team": BACKWARDS})
    fairlead.package(
        churn_model(frame, left), frame, left, name="churn", parent="churn:1", home=home
    )
    workspace = Workspace(home)
    _versions(workspace)
    _alerts(workspace)
    _jobs(workspace)
    workspace.close()
    return home


def _versions(workspace: Workspace) -> None:
    """Evaluations of both on the same rows, tags, an alias, and a third one that is a pickle."""
    registry = workspace.registry
    frame, left = customers(rows=200, seed=11)
    rows = pl.DataFrame(
        {
            "age": frame["age"].tolist(),
            "visits": frame["visits"].tolist(),
            "plan": [None if pd.isna(one) else one for one in frame["plan"]],
            "left": left.tolist(),
        }
    )
    evaluate_version(workspace, "churn:1", rows, label="left")
    evaluate_version(workspace, "churn:2", rows, label="left", against="churn:1", slices=["plan"])
    registry.tag("churn:1", {"team": "growth", "note": EVIL, "way": BACKWARDS, "long": LONG})
    registry.set_alias("churn", "next", 2)
    one, two = registry.resolve("churn:1"), registry.resolve("churn:2")
    pickled = msgspec.structs.replace(two, number=3, pickle=True, proof=None, digest="0" * 64)
    arms = (
        Arm("stable", workspace.ref(one), "stable", ((0, 9500),)),
        Arm("candidate", workspace.ref(two), "candidate", ((9500, 10_000),)),
    )
    route = Route("churn", 1, one.signature, arms, salt="s")
    model = msgspec.structs.replace(registry.models()[0], latest=3)
    workspace.store.commit(
        Put(MODELS, MODELS.key("churn"), model, None),
        Put(VERSIONS, VERSIONS.key("churn", "00000003"), pickled,
            ABSENT),
        Put(ROUTES, ROUTES.key("churn"), route, ABSENT),
    )  # fmt: skip


def _alerts(workspace: Workspace) -> None:
    now_us = workspace.clock.now_us()
    found = [
        alert("firing", start_us=now_us - HOUR_US, look_at="Read what failed."),
        alert("pending", "firing", start_us=now_us - HOUR_US, rule="missing", metric="missing",
              subject=EVIL, severity="ticket", cause=EVIL),
        alert("firing", start_us=now_us - HOUR_US, rule="drift", metric="drift",
              subject=BACKWARDS, severity="digest"),
        alert("firing", start_us=now_us - HOUR_US, rule="drift", metric="drift", subject=LONG,
              severity="digest"),
        alert("pending", start_us=now_us - HOUR_US, rule="latency", metric="latency_p99_s",
              severity="ticket"),
        alert("firing", "resolved", start_us=now_us - 30 * HOUR_US, rule="accuracy",
              metric="accuracy", subject="churn:1"),
    ]  # fmt: skip
    stuck = Notification(
        id="n1", channel="ops", message=compose("crm", [found[1]], ()), created_us=now_us,
        next_us=now_us, attempts=3, problem=f"It answered with status 500. {EVIL}",
    )  # fmt: skip
    workspace.store.commit(
        *[Put(ALERTS, one.key, one, ABSENT) for one in found],
        Put(NOTIFICATIONS, NOTIFICATIONS.key(stuck.id), stuck, ABSENT),
    )


def _jobs(workspace: Workspace) -> None:
    now_us = workspace.clock.now_us()
    done = Run(
        id="2026-11-21T030000Z", slot_us=now_us - 3 * HOUR_US, due_us=now_us, state="completed",
        begun_us=now_us - 3 * HOUR_US, ended_us=now_us - 2 * HOUR_US, version="churn:1",
        output=f"/out/{EVIL}", total=120_000, rows=119_990, rejected=10, drifted=(EVIL, LONG),
        notes=(f"People decide every row. {EVIL}",),
    )  # fmt: skip
    done = narrate(done, now_us, "It begins: churn:1 answers.", EVIL, BACKWARDS, LONG * 2)
    going = msgspec.structs.replace(
        done, id="2026-11-22T030000Z", state="running", rows=48_000, rejected=0, ended_us=None
    )
    standing = Standing(
        endpoint="churn", name="nightly", taken_us=now_us, run=going, last=done, completed=done
    )
    workspace.store.commit(
        Put(STANDINGS, STANDINGS.key("churn/nightly"), standing, ABSENT),
        Put(RUNS, RUNS.key("churn/nightly", done.id), done, None),
    )
