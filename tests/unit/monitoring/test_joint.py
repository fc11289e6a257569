"""Days are compared with the first week over all fields together, once, within bounds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from fairlead.errors import StorageError
from fairlead.monitoring import Domain, tell_apart
from fairlead.monitoring.comparer import Comparer
from fairlead.monitoring.joint import (
    AUC_MIN,
    JOINTS,
    LEARN_DAYS,
    Joint,
    day_due,
    judge_day,
)
from fairlead.monitoring.recall import DAY_US
from fairlead.monitoring.reckon import Model
from fairlead.monitoring.records import Stream
from fairlead.signature import Batch
from fairlead.stats import Estimate
from support.answers import INPUTS, Made, classified
from support.bookkeeping import Desk, classifier
from support.log import START_US, open_log

STREAM = Stream(endpoint="churn", version="churn:1", role="stable")
NAMES = ("age", "plan")


def said(auc: float, p_value: float = 0.5) -> Domain:
    return Domain(Estimate(auc, auc - 0.02, auc + 0.02), p_value, 4000, (0.2, 0.001))


def days(*found: Domain) -> Joint:
    joint = Joint(stream=STREAM, start_us=0)
    for place, one in enumerate(found):
        joint = judge_day(joint, (7 + place) * DAY_US, one, NAMES, 1.0)
    return joint


def test_what_is_neither_chance_nor_small_is_harm() -> None:
    quiet = [said(0.51)] * LEARN_DAYS
    last = days(*quiet, said(0.7, 1e-20)).days[-1]
    assert last.proven
    assert [one.field for one in last.fields] == ["age"]
    assert "'age'" in last.why
    assert not days(*quiet, said(AUC_MIN - 0.01, 1e-20)).days[-1].proven, "too small"
    assert not days(*quiet, said(0.7, 0.2)).days[-1].proven, "chance"
    assert not days(*quiet[1:], said(0.7, 1e-20)).days[-1].proven, "still learning"
    again = days(*quiet, said(0.7, 1e-20), said(0.7, 1e-20), said(0.52))
    assert [day.proven for day in again.days] == [False] * 7 + [True, True, False]


def test_days_that_always_differ_are_no_harm() -> None:
    """Such as Sundays: what a week shows is how this endpoint is."""
    week = [said(0.52), said(0.51), said(0.53), said(0.51), said(0.52), said(0.66, 1e-30),
            said(0.67, 1e-32)]  # fmt: skip
    found = days(*week, *week, *week)
    assert not any(day.proven for day in found.days)
    assert days(*week, said(0.9, 1e-300)).days[-1].proven


def test_days_that_vary_by_themselves_stay_within_the_budget() -> None:
    """A hundred months of days that all are told from the first week, by more or less."""
    random, raised = np.random.default_rng(1), 0
    for _ in range(100):
        areas = random.normal(0.7, 0.04, 37)
        raised += sum(day.proven for day in days(*(said(auc, 1e-9) for auc in areas)).days)
    assert raised <= 100 * 1.0


def test_a_day_is_due_once_it_is_over_and_only_the_last_one() -> None:
    joint = Joint(stream=STREAM, start_us=DAY_US // 2)
    assert day_due(joint, 8 * DAY_US, 0) is None, "its morning is of the first week"
    assert day_due(joint, 9 * DAY_US - 1, 0) is None
    assert day_due(joint, 9 * DAY_US, 1) is None
    assert day_due(joint, 9 * DAY_US, 0) == 8 * DAY_US
    assert day_due(joint, 20 * DAY_US, 0) == 19 * DAY_US
    assert day_due(replace(joint, until_us=20 * DAY_US), 20 * DAY_US, 0) is None


@pytest.fixture(scope="module")
def churn() -> Model:
    return classifier()


@pytest.fixture
def desk(tmp_path: Path, churn: Model) -> Iterator[Desk]:
    with open_log(tmp_path) as log:
        log.clock.advance(3600.0)
        yield Desk(log, churn)


class Seen:
    """Tells samples apart, and keeps them."""

    def __init__(self) -> None:
        self.pairs: list[tuple[np.ndarray, np.ndarray]] = []

    def __call__(self, reference: np.ndarray, current: np.ndarray) -> Domain:
        self.pairs.append((reference, current))
        return said(0.5)


def comparer(desk: Desk, tell: object) -> Comparer:
    models = {"churn:1": desk.model}
    return Comparer(
        desk.log.store, desk.log.blobs, models.get, lambda: [STREAM], lambda _: 1.0,
        tell, desk.log.clock,  # type: ignore[arg-type]
    )  # fmt: skip


def live(desk: Desk, count: int, made: Made, *, units: list[str] | None = None) -> None:
    """Days of traffic in an hour at noon, each up to an hour after midnight."""
    for _ in range(count):
        desk.hours(12)
        desk.answer(made, units=units)
        desk.hours(12)
    desk.keeper().tick()


def test_each_day_is_compared_with_the_first_week_once(desk: Desk) -> None:
    seen, made = Seen(), classified(400, 1)
    live(desk, 7, made)
    comparer(desk, seen).tick()
    assert seen.pairs == []
    live(desk, 2, classified(300, 2))
    for _ in range(2):
        comparer(desk, seen).tick()
    ((reference, current),) = seen.pairs
    assert (reference.shape, current.shape) == ((2000, 2), (300, 2))
    assert set(reference[:, 0]) <= set(made.inputs.numbers[:, 0])
    assert set(np.unique(reference[:, 1])) == {0.0, 1.0, 2.0}
    (stored,) = desk.log.store.scan(JOINTS)
    assert [(day.start_us - START_US) // DAY_US for day in stored.value.days] == [8]


def test_of_a_units_many_rows_one_is_taken(desk: Desk) -> None:
    seen, made = Seen(), classified(400, 1)
    live(desk, 9, made, units=[f"u{n % 80}" for n in range(400)])
    comparer(desk, seen).tick()
    ((reference, current),) = seen.pairs
    assert (len(reference), len(current)) == (80, 80)


def test_few_rows_and_failures_are_no_finding(desk: Desk) -> None:
    def fails(*_: object) -> Domain:
        raise RuntimeError

    seen = Seen()
    live(desk, 9, classified(40, 1))
    comparer(desk, seen).tick()
    assert seen.pairs == []
    live(desk, 1, classified(400, 1))
    failing = comparer(desk, fails)
    with pytest.raises(StorageError, match="churn/churn:1/stable"):
        failing.tick()
    failing.tick()  # not before an hour is over
    (stored,) = desk.log.store.scan(JOINTS)
    assert stored.value.days == ()
    comparer(desk, seen).tick()
    assert len(seen.pairs) == 1


def test_fields_that_drift_only_together_are_found_and_named(desk: Desk) -> None:
    """Each alone is as it was: ages of one plan and of another are exchanged."""

    def linked(seed: int, *, turned: bool) -> Made:
        made = classified(400, seed)
        ages = np.sort(made.inputs.numbers[:, 0])
        order = np.argsort(made.inputs.columns["plan"].astype(str), kind="stable")
        linked = np.empty_like(made.inputs.numbers)
        linked[order, 0] = ages[::-1] if turned else ages
        inputs = Batch(400, made.inputs.names, linked, made.inputs.columns)
        return Made(inputs, made.outputs, made.truth)

    def tell(reference: np.ndarray, current: np.ndarray) -> Domain:
        return tell_apart(reference, current, seed=1)

    last = 8 + LEARN_DAYS
    for day in range(last + 1):
        live(desk, 1, linked(day, turned=day == last))
        comparer(desk, tell if day >= last - 1 else lambda *_: said(0.5)).tick()
    (stored,) = desk.log.store.scan(JOINTS)
    assert [day.proven for day in stored.value.days] == [False] * LEARN_DAYS + [True]
    assert {one.field for one in stored.value.days[-1].fields} == {f.name for f in INPUTS}
