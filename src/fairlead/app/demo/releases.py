"""The demo's releases: a version as good as the one before takes over, a careless one does not."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence

import polars as pl

from fairlead.app.platform import deploy
from fairlead.app.workspace import Workspace
from fairlead.client import Client
from fairlead.errors import UnavailableError
from fairlead.releases import OPEN, Plan, PlanSettings, Release, plan_of

REQUEST_ROWS = 30
PACE_S = 0.05
WAIT_S_MAX = 90.0


def trial_plan() -> Plan:
    """Half of the traffic, for seconds instead of hours, until labels that come at once prove it.

    Without the proof a busy machine might send too few rows in these seconds to tell who fails.
    """
    told = PlanSettings(
        steps=["50% for 2s", "100%"],
        guard={"failures": "ratio <= 1.5", "accuracy": "difference >= -0.1"},
        prove=["accuracy"],
        bake="1s",
    )
    return plan_of(told)


def let_in(
    workspace: Workspace,
    client: Client,
    version: str,
    traffic: pl.DataFrame,
    truth: Sequence[str],
) -> Release:
    """Release a version while rows and, at once, their labels are sent, until the release ends.

    Args:
        workspace: whose platform.
        client: asks it.
        version: that shall answer.
        traffic: rows, over and over.
        truth: their labels.

    Raises:
        UnavailableError: the release does not end in time.
    """
    release = deploy(workspace, version, actor="demo", plan=trial_plan())
    deadline_s = time.monotonic() + WAIT_S_MAX
    rows = traffic.with_columns(truth=pl.Series(truth))
    for turn in itertools.count():
        for part in rows.sample(fraction=1.0, shuffle=True, seed=turn).iter_slices(REQUEST_ROWS):
            _send(client, release, part)
            release = workspace.releases.get(release)
            if release.state not in OPEN:
                return release
            if time.monotonic() > deadline_s:
                raise UnavailableError(f"The release is still {release.state}: {release.reason}")
            time.sleep(PACE_S)
    return release


def _send(client: Client, release: Release, part: pl.DataFrame) -> None:
    """Ask for patients nobody asked for before, and send what the laboratory found."""
    patients = [f"patient-{time.monotonic_ns()}-{place}" for place in range(part.height)]
    answers = client.predict(release.endpoint, part.drop("truth").to_dicts(), units=patients)
    told = zip(answers, part["truth"], strict=True)
    client.feedback(
        release.endpoint, [{"id": answer["id"], "value": label} for answer, label in told]
    )
