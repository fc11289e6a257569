"""Updates in a world of its own: a clock turned by hand, processes and releases that are none."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from fairlead.alerts.types import ALERTS
from fairlead.clock import ManualClock
from fairlead.registry import Registry
from fairlead.registry.types import MODELS, VERSIONS, Model, Version
from fairlead.releases import NOW, RELEASES, Release, ReleaseController
from fairlead.routing import ROUTES
from fairlead.schedules import Line, Timing
from fairlead.schedules.attempts import LEASE_US
from fairlead.schedules.slots import run_id
from fairlead.signature import Field, Signature
from fairlead.stats import Estimate
from fairlead.store import Put
from fairlead.store.memory import MemoryStore
from fairlead.updates import (
    UPDATES,
    UPDATING,
    Broken,
    DataSpec,
    Done,
    Judgement,
    Learnt,
    Made,
    Standing,
    Update,
    UpdateBook,
    UpdateController,
    UpdateSpec,
)
from fairlead.updates.types import Cause, Condition, Finding, RowRange
from support.alerts import alert
from support.attempts import FakeProcess
from support.routes import route, version

HOUR_US = 3_600_000_000
HOUR_S = 3_600.0
SIGNATURE = Signature(
    inputs=(Field(name="x", kind="number"),),
    outputs=(Field(name="label", kind="category", categories=("no", "yes")),),
    task="classification",
)


def spec(**changes: Any) -> UpdateSpec:
    """Each day, or on drift, or after 100 labels."""
    known = {
        "endpoint": "m", "train": "own:train", "folder": "/home", "data": DataSpec(log="m"),
        "timing": Timing(every_us=24 * HOUR_US),
        "when": (Condition(kind="drift"), Condition(kind="labels", count=100)),
    }  # fmt: skip
    return UpdateSpec(**{**known, **changes})


def made(verdict: Any = "promote", as_of_us: int = 0, **changes: Any) -> Made:
    """What an attempt made, as the gate found it."""
    learnt = Learnt(log="m", as_of_us=as_of_us, train=RowRange(rows=80), holdout=RowRange(rows=20))
    judgement = Judgement(verdict=verdict, reason=f"It is to {verdict}.")
    known = {
        "champion": "m:1", "candidate": "m:2", "change": "data", "learnt": learnt,
        "judgement": judgement,
    }  # fmt: skip
    return Made(**{**known, **changes})


class World:
    """What controllers share: one endpoint `m` that `m:1` answers."""

    def __init__(self, *specs: UpdateSpec) -> None:
        self.specs = specs or (spec(),)
        self.clock = ManualClock()
        self.clock.set(20_000 * 24 * HOUR_US + HOUR_US)
        self.store = MemoryStore()
        self.alive: list[FakeProcess] = []
        self.started: list[FakeProcess] = []
        self.new_labels = 0
        self.releases = ReleaseController(self.store, self.clock)
        self.controllers: list[tuple[UpdateController, list[FakeProcess]]] = []
        for number in (1, 2):
            self.register(number)
        self.answer(1)

    def register(self, number: int) -> None:
        """A version there is."""
        one = Version(
            model="m", number=number, digest=f"{number}" * 64, blob="b", signature=SIGNATURE,
            task="classification", framework="f", runner="onnx", pickle=False, trainable=None,
            size_bytes=1, created_us=self.clock.now_us(),
        )  # fmt: skip
        self.store.commit(
            Put(VERSIONS, VERSIONS.key("m", f"{number:08d}"), one, None),
            Put(MODELS, MODELS.key("m"), Model(name="m", latest=number), None),
        )

    def answer(self, number: int, endpoint: str = "m") -> None:
        """Let a version answer."""
        one = route(endpoint, number, version(number))
        self.store.commit(Put(ROUTES, ROUTES.key(endpoint), one, None))

    def controller(self) -> UpdateController:
        """Another one; what it starts dies with it."""
        mine: list[FakeProcess] = []

        def start(spec: UpdateSpec, update: Update, lease: str, holder: str) -> FakeProcess:
            process = FakeProcess(self.alive, self.store, update, lease, holder, (Done, Broken))
            mine.append(process)
            self.started.append(process)
            return process

        registry = Registry(self.store, None, self.clock)  # type: ignore[arg-type]  # no bundles
        made = UpdateController(
            self.store, self.clock, registry, self.specs, start, self.publish,
            lambda log, since_us: self.new_labels,
        )  # fmt: skip
        self.controllers.append((made, mine))
        return made

    def publish(self, spec: UpdateSpec, update: Update, actor: str) -> Release:
        return self.releases.request("m", version(2), SIGNATURE, actor, NOW)

    def kill(self, controller: UpdateController) -> None:
        """What it started ends with it, without a word."""
        for one, mine in self.controllers:
            if one is controller:
                for process in mine:
                    process.end()

    def renew(self) -> None:
        """Those that live hold on to their leases."""
        for process in self.alive:
            self.store.acquire(process.lease, process.holder, self.clock.now_us(), LEASE_US)

    def fire(self, rule: str = "drift", since_us: int | None = None, **changes: Any) -> None:
        """An alert fires."""
        start_us = self.clock.now_us() if since_us is None else since_us
        known = {"endpoint": "m", "rule": rule, "metric": rule, "subject": "x"}
        one = alert("firing", start_us=start_us, **{**known, **changes})
        self.store.commit(Put(ALERTS, one.key, one, None))

    def finish(self, state: Any) -> None:
        """The release that is under way ends."""
        (release,) = self.releases.all_under_way()
        key = RELEASES.key(release.endpoint, release.id)
        if state == "done":
            self.answer(2)
        self.store.commit(Put(RELEASES, key, replace(release, state=state, reason="So."), None))

    def standing(self) -> Standing:
        stored = self.store.get(UPDATING, UPDATING.key("m"))
        assert stored is not None
        return stored.value

    def updates(self) -> list[Update]:
        return [stored.value for stored in self.store.scan(UPDATES, "m/")]

    def actions(self) -> list[str]:
        """What the audit tells of updates and releases, in order."""
        return [event.action for event in self.store.events()]


DAY_S = 24 * HOUR_S
EVERY_SCOPE = ("view", "review", "operate", "admin")


def begun(world: World) -> FakeProcess:
    """A controller with its first update under way, of its schedule."""
    first = world.controller()
    first.tick()
    world.clock.advance(DAY_S)
    ticks(first)
    (process,) = world.alive
    return process


def ticks(controller: Any, count: int = 3) -> None:
    for _ in range(count):
        controller.tick()


def only(world: World) -> Update:
    (update,) = world.updates()
    return update


def book(world: World) -> UpdateBook:
    return UpdateBook(world.store, world.clock, world.specs)


HOSTILE = "<img onerror='window.hit=1' src=x>\u202e" + "x" * 120
FINDINGS = (
    Finding(
        name="roc_auc", verdict="promote", reason="It is better.", champion=0.812, challenger=0.871,
        difference=Estimate(0.059, 0.031, 0.088), limit=0.0, rows=400,
    ),
    Finding(
        name=f"roc_auc of plan={HOSTILE}", verdict="not enough data", reason="They are too few.",
        rows=12,
    ),
    Finding(name="latency", verdict="promote", reason="As fast.", champion=9.1, challenger=9.4),
)  # fmt: skip


def ended(outcome: Any, number: int = 0, **changes: Any) -> Update:
    """An update that ended so."""
    start_us = 1_795_000_000_000_000 + number * 24 * HOUR_US
    judgement = Judgement(verdict="promote", reason="It is better.", findings=FINDINGS, needed=None)
    known = {
        "id": run_id(start_us), "endpoint": "churn", "created_us": start_us, "due_us": start_us,
        "begun_us": start_us, "ended_us": start_us + HOUR_US // 6, "state": "ended",
        "outcome": outcome, "made": made(champion="churn:1", candidate="churn:2",
                                         judgement=judgement, train_us=42_000_000),
        "causes": (
            Cause(kind="accuracy", time_us=start_us, name="churn/accuracy", reason=HOSTILE),
        ),
        "log": (Line(time_us=start_us, text=f"It begins. {HOSTILE}"),),
    }  # fmt: skip
    return Update(**{**known, **changes})
