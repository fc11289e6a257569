"""Switches under load: nobody notices them, whatever dies or is away meanwhile."""

from __future__ import annotations

import http.client
import json
import os
import signal
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import fairlead
from support.platform import Platform
from support.waiting import until

pytestmark = pytest.mark.slow

SWITCHES, REQUESTS, CALLERS = 20, 10_000, 4
LOCKED_S = 12.0
"""Longer than a controller holds its lease for."""


class Caller(threading.Thread):
    """Asks on one connection, for a unit of its own, and notes every reply.

    Args:
        platform: that is asked.
        unit: for whom.
    """

    def __init__(self, platform: Platform, unit: str) -> None:
        super().__init__(daemon=True)
        self._address = urlsplit(platform.addresses.api).netloc
        self._unit = unit
        self._enough = threading.Event()
        self.statuses: Counter[int | str] = Counter()
        self.versions: list[str] = []
        self.wrong: list[Any] = []

    def run(self) -> None:
        connection = http.client.HTTPConnection(self._address, timeout=30)
        number = 0
        while not self._enough.is_set():
            number += 1
            x = float(number % 1000)
            body = json.dumps({"rows": [{"x": x}], "unit": self._unit})
            try:
                connection.request("POST", "/v1/endpoints/line/predict", body)
                reply = connection.getresponse()
                raw = reply.read()
            except OSError as error:
                self.statuses[type(error).__name__] += 1
                connection.close()
                continue
            self.statuses[reply.status] += 1
            if reply.status == 200:
                (row,) = json.loads(raw)["predictions"]
                self._note(x, row)
        connection.close()

    def _note(self, x: float, row: dict[str, Any]) -> None:
        """Each version multiplies by its own number: an answer must be of who it says it is of."""
        version = row["version"]
        if not self.versions or self.versions[-1] != version:
            self.versions.append(version)
        if abs(row["prediction"] - int(version.rpartition(":")[2]) * x) > 1e-6:
            self.wrong.append(row)

    def stop(self) -> Self:
        self._enough.set()
        self.join()
        return self


@contextmanager
def load(platform: Platform) -> Iterator[list[Caller]]:
    callers = [Caller(platform, f"user-{place}") for place in range(CALLERS)]
    for caller in callers:
        caller.start()
    try:
        yield callers
    finally:
        for caller in callers:
            caller.stop()


def statuses(callers: list[Caller]) -> Counter[int | str]:
    return sum((caller.statuses for caller in callers), Counter())


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    rows = pd.DataFrame({"x": np.arange(10.0)})
    for slope in (1, 2):
        model = LinearRegression().fit(rows, slope * rows["x"])
        fairlead.package(model, rows, slope * rows["x"], name="line", home=home)
    return home


@pytest.fixture
def platform(home: Path) -> Iterator[Platform]:
    with Platform(home, "line:1", "--workers=2") as platform:
        yield platform


def switch(platform: Platform, version: int) -> None:
    """Ask for a version, and wait until it answers."""
    wanted = {"version": f"line:{version}", "strategy": "now"}
    asked = platform.control(
        "/v1/endpoints/line/releases", wanted, headers={"content-type": "application/json"}
    )
    assert asked.status == 202, asked.body
    until(lambda: newest(platform)["state"] == "done", "the switch")


def all_hear(callers: list[Caller], version: int) -> None:
    """Wait until each caller's last answer is of a version."""
    until(lambda: all(one.versions[-1:] == [f"line:{version}"] for one in callers), "its answers")


def newest(platform: Platform) -> dict[str, Any]:
    releases: list[dict[str, Any]] = platform.control("/v1/endpoints/line/releases").json[
        "releases"
    ]
    return releases[-1]


def test_of_many_requests_across_many_switches_none_is_lost(platform: Platform) -> None:
    with load(platform) as callers:
        all_hear(callers, 1)
        for place in range(SWITCHES):
            switch(platform, 2 - place % 2)
            all_hear(callers, 2 - place % 2)
        until(lambda: statuses(callers).total() >= REQUESTS, "all requests")
    found = statuses(callers)
    assert set(found) == {200}
    assert found[200] >= REQUESTS
    for caller in callers:
        assert caller.wrong == []
        assert caller.versions == ["line:1", "line:2"] * (SWITCHES // 2) + ["line:1"]


def test_a_worker_that_dies_in_the_middle_of_a_switch_comes_back_to_what_is_in_force(
    platform: Platform,
) -> None:
    with load(platform) as callers:
        for version in (2, 1, 2):
            deploy = platform.start("deploy", f"line:{version}", "--strategy=now")
            os.kill(platform.workers()[0]["pid"], signal.SIGKILL)
            assert deploy.wait(60) == 0
        until(lambda: all(worker["ready"] for worker in platform.workers()), "both workers")
        asked = statuses(callers)[200]
        until(lambda: statuses(callers)[200] > asked + 100, "answers")
    for caller in callers:
        assert caller.wrong == []
        assert caller.versions[-1] == "line:2"
    failed = {what: n for what, n in statuses(callers).items() if what != 200}
    assert all(isinstance(what, str) for what in failed), "no reply says that anything is wrong"
    assert sum(failed.values()) <= 3 * CALLERS, "one for each connection to who was killed"


def test_while_the_store_cannot_be_written_all_is_answered_and_then_the_release_goes_on(
    platform: Platform, home: Path
) -> None:
    with load(platform) as callers:
        held = sqlite3.connect(home / "store.db", isolation_level=None)
        held.execute("BEGIN IMMEDIATE")
        end_s = time.monotonic() + LOCKED_S
        deploy = platform.start("deploy", "line:2", "--strategy=now")
        try:
            asked = statuses(callers)[200]
            until(lambda: time.monotonic() > end_s, "the end of the lock")
            assert statuses(callers)[200] > asked + 1000
        finally:
            held.execute("ROLLBACK")
            held.close()
        deploy.wait(60)
        platform.run("deploy", "line:2", "--strategy=now")
        until(lambda: all(c.versions[-1] == "line:2" for c in callers), "the switch")
    assert set(statuses(callers)) == {200}
