"""Schedules in a world of its own: a clock that is turned by hand, and processes that are none."""

from __future__ import annotations

from typing import Any

from fairlead.batch import Job
from fairlead.clock import ManualClock
from fairlead.errors import NotFoundError
from fairlead.schedules import (
    RUNS,
    STANDINGS,
    Completed,
    Failed,
    Run,
    Schedule,
    ScheduleController,
    Standing,
    Timing,
)
from fairlead.schedules.attempts import LEASE_US
from fairlead.store.memory import MemoryStore
from support.attempts import FakeProcess

HOUR_US = 3_600_000_000


def schedule(name: str = "hourly", **changes: Any) -> Schedule:
    """Each hour, announced to nobody."""
    job = Job(version="", inputs=("in.csv",), output="out/{run}", endpoint="churn")
    known = {"endpoint": "churn", "timing": Timing(every_us=HOUR_US), "job": job}
    return Schedule(**{**known, "name": name, **changes})


class World:
    """What controllers share."""

    def __init__(self, *schedules: Schedule, at_once: int = 1) -> None:
        self.schedules = schedules or (schedule(),)
        self.at_once = at_once
        self.clock = ManualClock()
        self.store = MemoryStore()
        self.alive: list[FakeProcess] = []
        self.started: list[FakeProcess] = []
        self.served: str | None = "churn:1"
        self.controllers: list[tuple[ScheduleController, list[FakeProcess]]] = []

    def controller(self) -> ScheduleController:
        """Another one; what it starts dies with it."""
        mine: list[FakeProcess] = []

        def start(job: Job, lease: str, holder: str) -> FakeProcess:
            process = FakeProcess(self.alive, self.store, job, lease, holder, (Completed, Failed))
            mine.append(process)
            self.started.append(process)
            return process

        made = ScheduleController(
            self.store, self.clock, self.schedules, start, self.resolve, self.at_once
        )
        self.controllers.append((made, mine))
        return made

    def resolve(self, version: str, endpoint: str) -> str:
        if self.served is None:
            raise NotFoundError(f"No version answers the endpoint {endpoint}.")
        return version or self.served

    def kill(self, controller: ScheduleController) -> None:
        """What it started ends with it, without a word."""
        for made, mine in self.controllers:
            if made is controller:
                for process in mine:
                    process.end()

    def renew(self) -> None:
        """Those that live hold on to their leases."""
        for process in self.alive:
            self.store.acquire(process.lease, process.holder, self.clock.now_us(), LEASE_US)

    def standing(self, place: str = "churn/hourly") -> Standing:
        stored = self.store.get(STANDINGS, STANDINGS.key(place))
        assert stored is not None
        return stored.value

    def runs(self, place: str = "churn/hourly") -> list[Run]:
        return [stored.value for stored in self.store.scan(RUNS, f"{place}/")]
