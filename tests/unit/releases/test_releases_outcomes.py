"""Outcomes: what comes for predictions, however late, is summed up by unit and by arm."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fairlead.predictionlog.tables import FEEDBACK_SCHEMA, PREDICTION_SCHEMA
from fairlead.releases import PlanSettings, Release, plan_of
from fairlead.releases.outcomes.apart import outcomes_after
from fairlead.releases.outcomes.beside import columns_of, is_shared, outcomes, since_us
from fairlead.releases.outcomes.metrics import Arrived, Outcomes, Seen
from fairlead.routing import SLOTS
from fairlead.signature import Field, Signature
from fairlead.signature.types import FieldKind, Task
from fairlead.stats import SplitStep, difference, measure
from support.routes import route, version

CREATED = datetime(2026, 3, 1, tzinfo=UTC)
CREATED_US = int(CREATED.timestamp() * 1e6)
HOUR_S = 3_600
SPLIT = {2: 5_000, 3: SLOTS}


def signature(task: Task = "classification", answer: str = "label") -> Signature:
    classes = ("a", "b") if task == "classification" else None
    kind: FieldKind = "number" if classes is None else "category"
    return Signature(
        inputs=(Field(name="x", kind="number"),),
        outputs=(Field(name=answer, kind=kind, categories=classes),),
        task=task,
    )


def released(*metrics: str, task: Task = "classification", **more: Any) -> Release:
    answer = "label" if task == "classification" else "prediction"
    mine = signature(task, answer)
    guards = dict.fromkeys(metrics, "difference >= 0")
    release = Release(
        id="r1", endpoint="e", version=version(2), signature=mine, actor="cli",
        created_us=CREATED_US, changed_us=CREATED_US, state="holding",
        plan=plan_of(PlanSettings(guard=guards)),
        before=replace(route("e", 1, version(1)), signature=mine), shares=SPLIT,
    )  # fmt: skip
    return replace(release, **more)


def name_of(number: int) -> str:
    return f"01890000-0000-7000-{number:04x}-000000000000"


def asked(number: int, role: str = "stable", /, **more: Any) -> dict[str, Any]:
    """A prediction of a request of its own, a second after the one before."""
    told = {
        "id": name_of(number),
        "time": CREATED + timedelta(seconds=number),
        "revision": 2,
        "role": role,
        "assigned_by": "hash",
        "source": "live",
        "unit": None,
        "out.label": "a",
    }
    return told | more


def came(
    number: int, value: str | float, name: str = "label", after_s: float = 60.0
) -> dict[str, Any]:
    """What came for a prediction, so long after the release was asked for."""
    at = CREATED + timedelta(seconds=after_s)
    return {
        "prediction_id": name_of(number),
        "time": at,
        "received": at,
        "name": name,
        "text": str(value),
        "number": None if isinstance(value, str) else float(value),
    }


def summed(
    release: Release, rows: list[dict[str, Any]], later: list[dict[str, Any]], parts: int = 1
) -> Outcomes:
    schema = {
        name: PREDICTION_SCHEMA[name] for name in columns_of(release) if name in PREDICTION_SCHEMA
    }
    feedback = pl.DataFrame(later, schema=FEEDBACK_SCHEMA)
    table = pl.DataFrame(rows, schema_overrides=schema)
    return outcomes(release, table.lazy(), feedback.lazy(), parts)


def seen(metric: str, rows: list[dict[str, Any]], later: list[dict[str, Any]], **more: Any) -> Seen:
    return summed(released(metric, **more), rows, later).metrics[metric]


def means(of: Seen) -> list[tuple[tuple[float, ...], tuple[float, ...]]]:
    return [(step.control.means, step.candidate.means) for step in of.steps]


BOTH = [asked(1), asked(2), asked(3, "candidate"), asked(4, "candidate")]


def test_labels_are_held_against_answers_however_late_they_come() -> None:
    day_s = 86_400.0
    late = [came(1, "a"), came(2, "b"), came(3, "a", after_s=30 * day_s), came(4, "a")]
    found = seen("accuracy", BOTH, late)
    (step,) = found.steps
    assert (step.control.units, step.candidate.units) == (2, 2)
    assert means(found) == [((0.5, 1.0, 0.5), (1.0, 1.0, 0.0))]
    assert found.control == Arrived(2, 2, 58.5)
    assert found.candidate.delay_s == pytest.approx((30 * day_s - 3 + 56) / 2)


def test_error_is_what_accuracy_leaves() -> None:
    found = seen("error", BOTH, [came(1, "a"), came(3, "b")])
    assert means(found) == [((0.0, 1.0, 1.0), (1.0, 1.0, 0.0))]


def test_of_labels_that_contradict_each_other_the_last_counts() -> None:
    told = [came(1, "b", after_s=90), came(1, "a", after_s=95), came(1, "b", after_s=80)]
    found = seen("accuracy", BOTH, told)
    (step,) = found.steps
    assert (step.control.units, step.control.means) == (1, (1.0, 1.0, 0.0))
    assert found.control.came == 1


def test_a_label_twice_is_one_and_one_of_an_unknown_prediction_is_none() -> None:
    found = seen("accuracy", BOTH, [came(1, "a"), came(1, "a"), came(99, "b")])
    assert [step.control.units for step in found.steps] == [1]
    assert (found.control.came, found.candidate.came) == (1, 0)


def test_a_label_that_is_no_class_is_met_by_no_answer() -> None:
    found = seen("accuracy", BOTH, [came(1, "z"), came(3, "a")])
    assert means(found) == [((0.0, 1.0, 1.0), (1.0, 1.0, 0.0))]


def test_labels_are_read_as_the_classes_are() -> None:
    label = Field(name="label", kind="integer", categories=(0, 1))
    numbers = Signature(inputs=(), outputs=(label,), task="classification")
    before = replace(route("e", 1, version(1)), signature=numbers)
    release = released("accuracy", signature=numbers, before=before)
    rows = [asked(1, **{"out.label": 1}), asked(2, "candidate", **{"out.label": 0})]
    found = summed(release, rows, [came(1, "1"), came(2, 0.0)]).metrics["accuracy"]
    assert means(found) == [((1.0, 1.0, 0.0), (1.0, 1.0, 0.0))]


def test_a_regressor_is_as_good_as_it_is_near() -> None:
    rows = [asked(1, **{"out.prediction": 2.0}), asked(2, "candidate", **{"out.prediction": 5.0})]
    rows = [{k: v for k, v in row.items() if k != "out.label"} for row in rows]
    told = [came(1, 2.5), came(2, 1.0)]
    found = seen("absolute_error", rows, told, task="regression")
    assert means(found) == [((0.5, 1.0), (4.0, 1.0))]
    assert not seen(
        "absolute_error", rows, [came(1, "much"), came(2, 1e200)], task="regression"
    ).steps


def test_values_are_added_up_by_unit_and_who_brought_nothing_counts_as_zero() -> None:
    rows = [asked(1, unit="u"), asked(2, unit="u"), asked(3, unit="v"), asked(4, "candidate")]
    paid = [came(1, 3.0, "paid"), came(1, 4.0, "paid"), came(2, 1.0, "paid"), came(4, 5.0, "paid")]
    assert means(seen("mean:paid", rows, paid)) == [((4.0,), (5.0,))]
    assert means(seen("share:paid", rows, paid)) == [((0.5, 0.5), (1.0, 0.0))]
    assert means(seen("ratio:paid", rows, paid)) == [((4.0, 1.5), (5.0, 1.0))]


def test_a_ratio_has_its_own_below_and_leaves_out_who_has_neither() -> None:
    rows = [asked(1, unit="u"), asked(2, unit="v"), asked(3, "candidate")]
    told = [came(1, 2.0, "clicks"), came(1, 8.0, "views"), came(3, 4.0, "views")]
    found = seen("ratio:clicks/views", rows, told)
    assert means(found) == [((2.0, 8.0), (0.0, 4.0))]


def test_a_unit_is_in_the_arm_where_it_was_first_seen_with_what_it_did_in_that_step() -> None:
    release = released("mean:paid", shares={2: 500, 3: 2_500, 4: SLOTS})
    rows = [
        asked(1, unit="moves"), asked(2, "candidate", unit="moves", revision=3),
        asked(3, "candidate", unit="stays"), asked(4, "candidate", unit="stays", revision=3),
        asked(5, "candidate", unit="new", revision=3), asked(6, unit="old", revision=3),
    ]  # fmt: skip
    paid = [came(number, 10.0**number, "paid") for number in range(1, 7)]
    found = summed(release, rows, paid)
    assert found.moved == 1
    assert means(found.metrics["mean:paid"]) == [((1e1,), (1e3,)), ((1e6,), (1e5,))]
    assert found.split.steps == (SplitStep((7_500, 2_500), (1, 1)), SplitStep((9_500, 500), (1, 1)))


def test_what_the_route_did_not_assign_and_other_times_are_no_part_of_it() -> None:
    rows = [
        asked(1, assigned_by="override"), asked(2, assigned_by="fallback"),
        asked(3, "candidate", source="batch"), asked(4, "shadow"), asked(5, revision=1),
        asked(6, "candidate", revision=3),
    ]  # fmt: skip
    paid = [came(number, 1.0, "paid") for number in range(1, 7)]
    found = summed(released("mean:paid"), rows, paid)
    assert (found.metrics["mean:paid"], found.moved) == (Seen(), 0)
    assert found.split.steps == (SplitStep((5_000, 5_000), (0, 0)),)


def test_nothing_that_came_is_nothing_known_of_labels_and_zero_of_values() -> None:
    assert not seen("accuracy", BOTH, []).steps
    assert means(seen("mean:paid", BOTH, [])) == [((0.0,), (0.0,))]


def test_units_are_known_by_what_they_were_worth_before() -> None:
    plan = plan_of(PlanSettings(strategy="ab", goal="mean:paid", covariate_before="7d"))
    release = released(plan=plan)
    before = {"revision": 1, "time": CREATED - timedelta(days=2)}
    rows = [
        asked(1, unit="u"), asked(2, unit="v"), asked(3, "candidate", unit="w"),
        asked(4, unit="u", **before), asked(5, unit="w", **before), asked(7, unit="w", **before),
        asked(6, unit="v", revision=1, time=CREATED - timedelta(days=8)),
    ]  # fmt: skip
    paid = [came(1, 1.0, "paid"), came(6, 9.0, "paid", after_s=-60.0)]
    paid += [came(4, 2.0, "paid", after_s=-60.0), came(5, 3.0, "paid", after_s=-60.0)]
    paid += [came(7, 100.0, "paid", after_s=1.0)]  # as this was not known then
    found = summed(release, rows, paid).metrics["mean:paid"]
    assert means(found) == [((0.5, 1.0), (0.0, 3.0))]
    assert since_us(release) == CREATED_US - 7 * 86_400 * 10**6


@given(order=st.permutations(range(8)))
def test_the_order_in_which_the_log_is_read_is_of_no_account(order: list[int]) -> None:
    rows = [asked(n, "candidate" if n % 2 else "stable", unit=f"u{n % 4}") for n in range(8)]
    told = [came(n, "ab"[n % 3 == 0], after_s=60 + n) for n in range(8)]
    plain = seen("accuracy", rows, told)
    mixed = seen("accuracy", [rows[n] for n in order], [told[n] for n in order])
    assert mixed.control == plain.control
    for one, other in zip(plain.steps, mixed.steps, strict=True):
        assert one.control.units == other.control.units
        assert one.candidate.means == pytest.approx(other.candidate.means)


@given(units=st.lists(st.integers(0, 9), min_size=1, max_size=30), parts=st.integers(2, 7))
def test_in_however_many_parts_it_is_summed_up_it_is_the_same(units: list[int], parts: int) -> None:
    goal = PlanSettings(strategy="ab", goal="mean:paid", covariate_before="7d",
                        guard={"accuracy": "difference >= 0"})  # fmt: skip
    release = released(plan=plan_of(goal))
    before = {"revision": 1, "time": CREATED - timedelta(days=1)}
    rows = [asked(n, "candidate" if u % 2 else "stable", unit=f"u{u}", **(before if n % 3 else {}))
            for n, u in enumerate(units)]  # fmt: skip
    told = [came(n, float(n), "paid") for n in range(0, 30, 2)] + [came(n, "a") for n in range(9)]
    whole, parted = (summed(release, rows, told, many) for many in (1, parts))
    assert (whole.split, whole.moved) == (parted.split, parted.moved)
    for name, seen_ in whole.metrics.items():
        assert parted.metrics[name].control.came == seen_.control.came
        for one, other in zip(seen_.steps, parted.metrics[name].steps, strict=True):
            assert one.candidate.units == other.candidate.units
            assert one.control.means == pytest.approx(other.control.means)
            assert one.control.products == pytest.approx(other.control.products, abs=1e-9)


def after(rows: list[dict[str, Any]], later: list[dict[str, Any]], **more: Any) -> Seen:
    """What is known of a version that answers everything since an hour after the release."""
    plan = plan_of(PlanSettings(strategy="blue-green", guard={"accuracy": "ratio >= 0.9"}))
    told: dict[str, Any] = {
        "plan": plan,
        "shares": {3: SLOTS},
        "step_us": CREATED_US + HOUR_S * 10**6,
    }
    release = released(**(told | more))
    schema = {name: PREDICTION_SCHEMA.get(name, pl.String) for name in columns_of(release)}
    asked_, fed = pl.DataFrame(rows, schema), pl.DataFrame(later, schema=FEEDBACK_SCHEMA)
    return outcomes_after(release, asked_.lazy(), fed.lazy()).metrics.get("accuracy", Seen())


def at(number: int, second: int) -> dict[str, Any]:
    """A prediction so long after the release began, before or after all traffic moved."""
    revision = 1 if second < HOUR_S else 3
    return asked(number, revision=revision, time=CREATED + timedelta(seconds=second))


def test_where_all_traffic_moved_as_long_a_time_before_is_as_it_was_known_then() -> None:
    rows = [
        at(1, HOUR_S - 200), at(2, HOUR_S - 90), at(3, HOUR_S - 50), at(4, HOUR_S - 10),
        at(5, HOUR_S + 10), at(6, HOUR_S + 50), at(7, HOUR_S + 100),
    ]  # fmt: skip
    told = [
        came(1, "b", after_s=HOUR_S - 100), came(2, "a", after_s=HOUR_S - 40),
        came(3, "b", after_s=HOUR_S - 1), came(4, "a", after_s=HOUR_S + 1),
        came(5, "b", after_s=HOUR_S + 60), came(6, "b", after_s=HOUR_S + 101),
    ]  # fmt: skip
    found = after(rows, told)
    assert means(found) == [((0.5, 1.0, 0.5), (0.0, 1.0, 1.0))]
    (step,) = found.steps
    assert (step.control.units, step.candidate.units) == (2, 1)
    assert (found.control.rows, found.candidate.rows) == (3, 2)


def test_a_past_that_is_short_is_met_by_as_short_a_time_after() -> None:
    rows = [at(1, HOUR_S - 20), at(2, HOUR_S + 10), at(3, HOUR_S + 30)]
    found = after(rows, [came(n, "a", after_s=HOUR_S - 1 + 10 * n) for n in (0, 2, 3)])
    assert (found.control.rows, found.candidate.rows) == (1, 1)


def test_a_shadow_moves_nobody_so_what_it_saw_is_of_the_time_before() -> None:
    plan = plan_of(
        PlanSettings(steps=["shadow 20% for 1h", "100%"], guard={"accuracy": "ratio >= 0.9"})
    )
    assert not is_shared(released(plan=plan)), "both versions never answer callers together"
    rows = [at(1, HOUR_S + 10), at(4, HOUR_S + 30)]
    rows += [asked(n, revision=2, time=CREATED + timedelta(seconds=HOUR_S - 9 * n)) for n in (2, 3)]
    found = after(rows, [], plan=plan, shares={2: 0, 3: SLOTS})
    assert (found.control.rows, found.candidate.rows) == (2, 1)


def test_without_a_past_or_before_it_begins_there_is_nothing_to_compare() -> None:
    rows = [at(1, HOUR_S + 10), at(2, HOUR_S + 20)]
    assert not after(rows, [came(1, "a", after_s=HOUR_S + 30)]).steps
    assert after([at(1, 5)], [], step_us=0) == after([], []) == Seen()


def test_who_comes_often_and_who_comes_once_are_alike_in_both_arms_as_the_share_grows() -> None:
    random = np.random.default_rng(11)
    often, place = random.random(4_000) < 0.5, random.random(4_000)
    rows: list[dict[str, Any]] = []
    paid: list[dict[str, Any]] = []
    for unit in range(4_000):
        for revision, share in ((2, 0.1), (3, 0.5)):
            if not often[unit] and random.random() < 0.5:
                continue  # comes to one step, to both or to none
            role = "candidate" if place[unit] < share else "stable"
            rows.append(asked(len(rows), role, unit=f"u{unit}", revision=revision))
            paid.append(came(len(rows) - 1, 10.0 if often[unit] else 1.0, "paid"))
    release = released("mean:paid", shares={2: 1_000, 3: 5_000, 4: SLOTS})
    found = summed(release, rows, paid)
    assert found.moved > 500
    for step in found.metrics["mean:paid"].steps:
        apart = difference(measure(step.control), measure(step.candidate))
        assert abs(apart.value) <= 3 * apart.standard_error
