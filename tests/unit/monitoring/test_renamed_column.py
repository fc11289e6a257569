"""Upstream a column was renamed: whether its rows are refused or not, the field is named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from fairlead.alerts import Alert
from fairlead.alerts.decide import decide
from fairlead.alerts.rules import rules_of
from fairlead.app.refusals import refusal_signals
from fairlead.clock import ManualClock
from fairlead.monitoring.keeper import Keeper
from fairlead.monitoring.refusals import REFUSALS, refusals_of
from fairlead.signature import Batch, Field, Policy, Signature
from fairlead.store import Store, open_store
from fairlead.telemetry import read
from support.hours import PLANS, Hours
from support.log import START_US, open_log
from support.plane import PlaneInProcess


def signature(missing: Policy, extra: Literal["error", "ignore"] = "error") -> Signature:
    return Signature(
        inputs=(
            Field(name="age", kind="number", missing=missing),
            Field(name="plan", kind="category", categories=tuple(PLANS)),
        ),
        outputs=(Field(name="y", kind="number"),),
        extra=extra,
    )


def answer(batch: Batch) -> Batch:
    return Batch(batch.rows, ("y",), np.ones((batch.rows, 1)), {})


@dataclass
class Door:
    """An endpoint, who asks it, and who reads what was refused."""

    plane: PlaneInProcess
    store: Store
    folder: Path
    clock: ManualClock = field(default_factory=lambda: ManualClock(START_US))
    alert: Alert | None = None

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self.keeper = Keeper(
            self.store, lambda: read(self.folder), self.clock, REFUSALS, refusals_of
        )

    def ask(self, requests: int, **row: object) -> set[int]:
        """Send a row so many times; gives the statuses of the replies."""
        known = {"plan": "pro"} | row
        return {self.plane.predict({"rows": [known]}).status for _ in range(requests)}

    def fired(self) -> list[str]:
        """The states that the alert was in."""
        return [] if self.alert is None else [step.state for step in self.alert.steps]

    def minutes(self, count: int) -> None:
        """Let time pass, and look each minute."""
        (rule,) = (each for each in rules_of("m", {}) if each.name == "schema")
        for _ in range(count):
            self.clock.advance(60)
            self.keeper.tick()
            known = [] if self.alert is None else [self.alert]
            signals = refusal_signals(self.keeper)
            decision = decide(rule, known, signals, self.clock.now_us())
            self.alert = next(iter(decision.changed), self.alert)


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    store = open_store(f"sqlite://{tmp_path}/store.db")
    with PlaneInProcess(tmp_path) as plane:
        plane.serve("m", signature("error"), answer)
        door = Door(plane, store, tmp_path)
        door.ask(1, age=40)
        door.minutes(1)
        yield door
    store.close()


def test_rows_that_are_refused_for_a_field_raise_an_alert_that_names_it(door: Door) -> None:
    assert door.ask(300, age=40) == {200}
    door.minutes(90)
    assert door.ask(40, age_years=40) == {400}
    assert door.ask(200, age=40) == {200}
    door.minutes(2)
    assert door.alert is not None
    assert (door.alert.state, door.alert.subject, door.alert.cause) == ("firing", "age", "age")
    step = door.alert.steps[-1]
    assert "16.7% of the last hour's requests were refused because of 'age'" in step.reason
    assert (step.evidence["refused"], step.evidence["requests"]) == (40, 240)


def test_a_caller_who_always_sends_bad_rows_is_no_change(door: Door) -> None:
    for _ in range(6):
        door.ask(30, age="forty")
        door.ask(50, age=40)
        door.minutes(40)
    assert door.fired() == []


def test_the_alert_ends_an_hour_after_the_column_has_its_name_again(door: Door) -> None:
    door.ask(300, age=40)
    door.minutes(70)
    door.ask(50, age_years=40)
    door.minutes(2)
    door.restart()
    for _ in range(4):
        door.ask(50, age=40)
        door.minutes(30)
    assert door.fired() == ["firing", "resolved"]


def test_what_was_refused_from_the_first_request_on_has_not_changed(door: Door) -> None:
    door.ask(200, age_years=40)
    door.minutes(30)
    assert door.fired() == []


def test_names_that_callers_make_up_are_not_counted(door: Door) -> None:
    for place in range(30):
        door.ask(1, **{f"made-up-{place}": 1})
    fields = {
        dict(sample.series.labels)["field"]
        for sample in read(door.folder)
        if sample.series.name == "fairlead_refused_fields_total"
    }
    assert fields == {"age"}, "which is missing"


def test_an_unknown_name_is_told_where_nothing_is_missing(tmp_path: Path, door: Door) -> None:
    door.plane.serve("m", signature("allow"), answer)
    door.ask(300, age=40)
    door.minutes(70)
    door.ask(50, zip_code=1)
    door.minutes(2)
    assert door.alert is not None
    assert door.alert.steps[0].reason.endswith(
        "100.0% of the last hour's requests were refused because of fields that the signature "
        "does not have, 0.0% before."
    )


def test_a_field_that_may_be_missing_is_found_missing_in_its_window(tmp_path: Path) -> None:
    """The request is answered: nothing but the window tells that the field is gone."""
    with open_log(tmp_path) as log, PlaneInProcess(tmp_path) as plane:
        plane.serve("m", signature("allow", "ignore"), answer)
        hours = Hours(log)
        hours.watch(0, 2, {0: 200, 1: 200})
        rows = [{"age_years": 40 + n % 9, "plan": str(PLANS[n % 3])} for n in range(200)]
        assert plane.predict({"rows": rows}).status == 200
        hours.answer({2: 200}, inputs=plane.frames[-1].inputs)
        hours.reach(3)
        hours.look()
        faults = {hour: found.comparison.broken for hour, found in hours.findings().items()}
        assert (faults[0], faults[1]) == ((), ())
        assert [(fault.field, fault.kind) for fault in faults[2]] == [("age", "missing")]
        assert "100.0% of 'age': values are missing" in faults[2][0].why
