"""A model that learns as labels arrive, in a running platform: it follows a drift, and survives."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fairlead.app.workspace import Workspace
from fairlead.learning import LEARNERS, Standing
from fairlead.runners.sklearn import load_skops
from support.online import package_online, package_river, rows_and_labels
from support.platform import Platform, children
from support.waiting import until

ROWS = 128
SETTINGS = """
[monitoring]
window_s = 1

[endpoint.tide.online]
checkpoint = { labels = 128, every = "1h", least = "0s" }
guard = { fall = 0.95 }
on_worse = "roll back"

[endpoint.brook.online]
checkpoint = { labels = 128, every = "1h", least = "0s" }
"""


class Stream:
    """Rows that are asked for, and labelled at once.

    Args:
        running: the platform.
        endpoint: that is asked.
    """

    def __init__(self, running: Platform, endpoint: str = "tide") -> None:
        self.running = running
        self.endpoint = endpoint
        self.workspace = Workspace(running.home)
        self.taught: list[tuple[Any, Any]] = []

    def send(self, *, turned: bool = False) -> float:
        """Ask for rows and tell what is true of them; how often the answer was right."""
        X, y = rows_and_labels(ROWS, 100 + len(self.taught), turned=turned)
        rows = [dict(zip(("x0", "x1", "x2"), row, strict=True)) for row in X.tolist()]
        reply = self.running.predict(self.endpoint, {"rows": rows})
        assert reply.status == 200, reply.body
        answers = reply.json["predictions"]
        truth = (y == "yes").tolist() if self.endpoint == "brook" else y.tolist()
        told = [{"id": a["id"], "value": v} for a, v in zip(answers, truth, strict=True)]
        path = f"/v1/endpoints/{self.endpoint}/feedback"
        assert self.running.api(path, {"feedback": told}).status == 200
        self.taught.append((X, y))
        return float(np.mean([a["label"] == v for a, v in zip(answers, truth, strict=True)]))

    @property
    def standing(self) -> Standing:
        return self.workspace.online_book.learner(self.endpoint)

    def is_followed(self) -> bool:
        """Whether all that was sent is learnt, and what became of it answers."""
        one = self.standing
        assert one.state == "learning", one
        arms = self.workspace.route(self.endpoint).arms
        return (
            one.labels == ROWS * len(self.taught)
            and one.files == 0
            and one.version == one.answers == arms[0].version.name
            and self.workspace.releases.under_way(self.endpoint) is None
        )

    def follow(self) -> None:
        until(self.is_followed, "what was sent is learnt and answers")


def process(running: Platform, module: str) -> int | None:
    """A process below the supervisor, by what it runs."""
    below = children(running.process.pid)
    for pid in [*below, *(child for one in below for child in children(one))]:
        if module.encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
            return pid
    return None


@pytest.mark.slow
def test_a_model_learns_on_through_a_drift_and_kills(tmp_path: Path) -> None:
    home = tmp_path / ".fairlead"
    package_online(home)
    (tmp_path / "fairlead.toml").write_text(SETTINGS)
    with Platform(home, "tide:1", "--workers=1") as running:
        until(lambda: process(running, "learning.child"), "its process")
        stream = Stream(running)
        follows_a_drift(stream)
        survives_kills(stream)
        tells_of_itself(stream)
        if importlib.util.find_spec("river"):
            learns_by_river(running)
        log = running.log
    assert "Traceback" not in log


def follows_a_drift(stream: Stream) -> None:
    assert stream.send() > 0.9
    stream.follow()
    assert stream.send(turned=True) < 0.2
    for _ in range(3):
        stream.follow()
        right = stream.send(turned=True)
    assert right > 0.8
    stream.follow()
    one = stream.standing
    assert one.course[-1].base > 0.8  # in error: the base answers as it did
    assert one.gain is not None
    assert one.gain.low > 0.0
    version = stream.workspace.registry.resolve(one.version)
    parent = stream.workspace.registry.resolve(one.course[-2].version)
    assert version.lineage.parent == parent.digest
    assert version.registered_by == "online"
    assert any(f"{one.labels} labels of tide, from tide:1" in note for note in version.notes)


def survives_kills(stream: Stream) -> None:
    """Whoever is killed while labels come: none is lost, none is learnt twice."""
    for module in ("learning.child", "control_process"):
        stream.send(turned=True)
        victim = until(lambda: process(stream.running, module), module)  # noqa: B023
        os.kill(victim, signal.SIGKILL)
        stream.send(turned=True)
        until(stream.is_followed, f"after the end of {module}")
    stored = stream.workspace.store.get(LEARNERS, LEARNERS.key("tide"))
    assert stored is not None
    assert stored.value.now.again == stored.value.now.unknown == 0
    events = stream.workspace.store.events(subject="learner/")
    assert [e.action for e in events].count("online begun") == 1
    made = sum(point.labels for point in stream.standing.course)
    assert made == ROWS * len(stream.taught)


def learns_by_river(running: Platform) -> None:
    package_river(running.home)
    running.run("deploy", "brook:1")
    stream = Stream(running, "brook")
    until(lambda: stream.standing.state == "learning", "it learns")
    assert stream.send() > 0.9
    stream.follow()
    assert stream.send(turned=True) < 0.2
    for _ in range(2):
        stream.follow()
        right = stream.send(turned=True)
    assert right > 0.8
    version = stream.workspace.registry.resolve(stream.standing.version)
    assert (version.runner, version.trainable) == ("river", "river")


def tells_of_itself(stream: Stream) -> None:
    running, one = stream.running, stream.standing
    shown = running.control("/v1/endpoints/tide/online").json
    assert (shown["state"], shown["labels"]) == ("learning", one.labels)
    assert running.control("/v1/online").json["learners"][-1]["endpoint"] == "tide"
    told = running.run("online", "tide")
    assert f"newest {one.version}" in told
    assert "the newest received 20" in told
    assert f"{one.labels:,} labels of tide, from tide:1 on" in running.run("show", one.version)
    assert "tide" in running.run("online")
    headers = {"content-type": "application/json"}
    path = "/v1/endpoints/tide/online/freeze"
    frozen = running.control(path, {"reason": "a look"}, method="PUT", headers=headers)
    assert frozen.json["state"] == "frozen", frozen.body
    until(lambda: process(running, "learning.child") is None, "its end")
    assert "is not learning" not in running.run("online", "tide", "resume")
    until(lambda: stream.standing.state == "learning", "it learns again")
    again = json.loads(running.run("online", "tide", "--json"))
    assert (again["base"], again["labels"]) == (one.version, 0)
    bundle = stream.workspace.bundle(stream.workspace.registry.resolve(one.version))
    assert bundle.info.trainable is not None
    model: Any = load_skops((bundle.path / bundle.info.trainable.path).read_bytes())
    X, y = rows_and_labels(400, 999, turned=True)
    assert float(np.mean(model.predict(X) == y)) > 0.85
