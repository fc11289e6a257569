"""What goes on while the demo stays up: three endpoints that are asked, one of them in trouble.

Rows come in bursts of some tens, so that each falls into one of the demo's short windows and
there is enough in it to test, and few windows are kept however long the demo stays.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from fairlead.app.automating import automate
from fairlead.app.demo.drift import DRIFTING, PER_INCH
from fairlead.app.platform import deploy
from fairlead.app.public import package
from fairlead.app.workspace import Workspace
from fairlead.client import Client
from fairlead.releases import PlanSettings, plan_of
from fairlead.routing import Automation

WINE, PROGRESSION = "wine", "progression"
BURST_S = 4.0
BURST_REQUESTS = 20
REQUEST_ROWS = 4
SURE = Automation("partial", auto_if="confidence >= 0.8", audit=0.02)
LABELLED = 0.6
"""Of the rows; of the others the truth never comes."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who asks an endpoint.

    Args:
        endpoint: its name.
        rows: that are asked about, over and over.
        truth: what turns out to be right of each.
    """

    endpoint: str
    rows: pl.DataFrame
    truth: Sequence[Any]


def bring_up(workspace: Workspace, client: Client) -> list[Caller]:
    """Two more endpoints: one whose next version waits for a person, and one that is well.

    Of the rows of that one people decide those of which the model is not sure.

    Args:
        workspace: whose platform.
        client: asks it.
    """
    wine, flowed = _wine(), _progression()
    callers = []
    for name, models, frame, truth in (wine, flowed):
        half = frame.height // 2
        fit, labels = frame[:half], truth[:half]
        versions = [
            package(
                model.fit(fit.to_numpy(), labels), fit, labels, name=name, home=workspace.home.path
            )
            for model in models
        ]
        deploy(workspace, versions[0].name, actor="demo")
        caller = Caller(name, frame[half:], truth[half:].tolist())
        if name == WINE:
            automate(
                workspace, name, SURE, "demo", "What the model is not sure of, a person tells."
            )
        ask(client, caller, np.random.default_rng(0))
        callers.append(caller)
        if len(versions) > 1:
            told = PlanSettings(steps=["10% for 2s", "approve", "50% for 10m", "100%"], bake="1m")
            deploy(workspace, versions[1].name, actor="demo", plan=plan_of(told))
    return callers


def in_inches(rows: pl.DataFrame, truth: Sequence[Any], endpoint: str) -> Caller:
    """The caller whose sensor has changed its unit."""
    return Caller(endpoint, rows.with_columns(pl.col(DRIFTING) * PER_INCH), truth)


def keep_asking(client: Client, callers: Sequence[Caller], goes_on: Callable[[], bool]) -> None:
    """Ask all endpoints in bursts until it is over.

    Args:
        client: asks them.
        callers: who asks.
        goes_on: whether there is still somebody to ask.
    """
    random = np.random.default_rng(0)
    while True:
        for caller in callers:
            ask(client, caller, random)
        until_s = time.time() // BURST_S * BURST_S + BURST_S
        while time.time() < until_s:
            if not goes_on():
                return
            time.sleep(min(0.5, max(until_s - time.time(), 0.0)))


def ask(client: Client, caller: Caller, random: np.random.Generator) -> None:
    """One burst of requests, and what is known of them later."""
    for places in _bursts(caller, random):
        users = [f"user-{random.integers(10_000)}" for _ in places]
        answers = client.predict(caller.endpoint, caller.rows[places].to_dicts(), units=users)
        told = [
            {"id": answer["id"], "value": caller.truth[place]}
            for answer, place in zip(answers, places, strict=True)
            if random.random() < LABELLED and answer.get("decided_by") != "pending"
        ]
        if told:
            client.feedback(caller.endpoint, told)


def _bursts(caller: Caller, random: np.random.Generator) -> Iterator[list[int]]:
    for _ in range(BURST_REQUESTS):
        yield random.integers(caller.rows.height, size=REQUEST_ROWS).tolist()


def _wine() -> tuple[str, list[Any], pl.DataFrame, np.ndarray[Any, Any]]:
    """178 wines of three makers, told apart by a linear model."""
    from sklearn.datasets import load_wine
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    found = load_wine()
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    makers = np.array(["first", "second", "third"])[found.target]
    return WINE, [model], *_shuffled(found.data, list(found.feature_names), makers)


def _progression() -> tuple[str, list[Any], pl.DataFrame, np.ndarray[Any, Any]]:
    """442 patients with diabetes: how far it goes in a year, by a line and by trees."""
    from sklearn.datasets import load_diabetes
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.linear_model import Ridge

    found = load_diabetes(scaled=False)
    models = [Ridge(), HistGradientBoostingRegressor(max_iter=40, max_depth=2, random_state=0)]
    return PROGRESSION, models, *_shuffled(found.data, list(found.feature_names), found.target)


def _shuffled(
    data: np.ndarray[Any, Any], names: list[str], truth: np.ndarray[Any, Any]
) -> tuple[pl.DataFrame, np.ndarray[Any, Any]]:
    order = np.random.default_rng(0).permutation(len(data))
    return pl.DataFrame(data[order], schema=names), truth[order]
