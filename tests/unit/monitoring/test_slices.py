"""Performance by slice: over a real log whatever comes late, and what chance alone would show."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from fairlead.monitoring.accounts import Statement, shorten
from fairlead.monitoring.attribute import MISSING, OTHER
from fairlead.monitoring.divide import (
    FIELDS_MAX,
    NEW,
    VALUES_MAX,
    Division,
    Slice,
    add_slices,
    divide,
    divisions_of,
    sum_slices,
)
from fairlead.monitoring.guard import Moments
from fairlead.monitoring.reckon import Model
from fairlead.monitoring.records import Stream
from fairlead.monitoring.slices import ALPHA, LABELLED_MIN, SliceCourse, chart_slices
from fairlead.monitoring.types import Plan
from fairlead.profiles import make_reference
from fairlead.signature import Batch, Field, Signature
from support.answers import CLASSIFIER, Made, classified, regressed
from support.bookkeeping import HOUR_US, Desk, classifier, model_of, regressor, truth
from support.log import START_US, open_log

STREAM = Stream(endpoint="churn", version="churn:1", role="stable")
BOTH = Plan(slices=("plan", "age"))


@pytest.fixture(scope="module")
def churn() -> Model:
    return classifier()


@pytest.fixture
def desk(tmp_path: Path, churn: Model) -> Iterator[Desk]:
    with open_log(tmp_path) as log:
        yield Desk(log, churn)


def by_plan(made: Made, labelled: int, values: list[Any]) -> dict[str, tuple[int, int, int]]:
    """Rows, labels and wrong answers of each plan, when the first so many rows have a label."""
    plan, said = made.inputs.columns["plan"], made.outputs.column("label")
    found = {}
    for name in dict.fromkeys(plan.tolist()):
        mine = plan == name
        wrong = (said[:labelled] != np.array(values, dtype=object)) & mine[:labelled]
        found[name] = int(mine.sum()), int(mine[:labelled].sum()), int(wrong.sum())
    return found


def told(statement: Statement, field: str = "plan") -> dict[str, tuple[int, int, int]]:
    slices = statement.slices[field]
    return {
        name: (one.rows, one.labelled, round(one.losses["error"].total))
        for name, one in slices.items()
    }


def test_late_and_corrected_labels_count_in_the_slices_of_their_hour(desk: Desk) -> None:
    keeper, made = desk.keeper(), [classified(200, seed) for seed in (1, 2)]
    first = desk.answer(made[0])
    desk.hours(1)
    desk.answer(made[1])
    desk.hours(1.1)
    keeper.tick()
    before = desk.statements()
    assert told(before[0]) == by_plan(made[0], 0, [])
    values = truth(made[0])[:150]
    desk.label(first[:150], values)
    keeper.tick()
    desk.hours(2)
    keeper.tick()
    assert told(desk.statements()[0]) == by_plan(made[0], 150, values)
    turned = ["left" if value == "stayed" else "stayed" for value in values[:40]]
    desk.label(first[:40], turned)
    keeper.tick()
    desk.hours(2)
    desk.keeper().tick()  # another process
    after = desk.statements()
    assert told(after[0]) == by_plan(made[0], 150, turned + values[40:])
    assert after[1] == before[1], "no other hour is touched"
    assert after[0].slices.keys() == {"plan"}, "without a setting, categories of few values"


def test_values_that_the_reference_lacks_and_none_have_slices_of_their_own(desk: Desk) -> None:
    made = classified(300, 1)
    made.inputs.columns["plan"][:30] = "enterprise"
    made.inputs.columns["plan"][30:50] = np.array(None)
    made.inputs.numbers[50:60, 0] = np.nan
    desk.plan = BOTH
    desk.label(desk.answer(made), truth(made))
    desk.hours(1.2)
    desk.keeper().tick()
    found = desk.statements()[0]
    assert (found.slices["plan"][NEW].rows, found.slices["plan"][MISSING].rows) == (30, 20)
    ages = found.slices["age"]
    assert ages.pop(MISSING).labelled == 10
    assert len(ages) == 4
    assert all(40 < one.rows < 110 for one in ages.values()), "quarters of the reference"


def test_each_row_is_in_one_slice_of_each_field_over_files_and_hours(desk: Desk) -> None:
    desk.plan = BOTH
    for seed in range(3):
        made = classified(120, seed)
        ids = desk.answer(made)
        desk.label(ids[: 40 * seed], truth(made)[: 40 * seed])
        desk.hours(0.5)
    desk.hours(1.2)
    desk.keeper().tick()
    for found in desk.statements().values():
        for slices in found.slices.values():
            whole = sum_slices(slices.values())
            assert (whole.rows, whole.labelled) == (
                found.coverage.answered, found.coverage.labelled,
            )  # fmt: skip
    course = chart_slices([*desk.statements().values()])
    assert (course.rows, course.labelled, course.fields) == (360, 120, ("plan", "age"))


def test_a_regressor_is_told_by_its_rmse(tmp_path: Path) -> None:
    """Its answers err by 8 where the plan is free, and by 2 elsewhere."""
    with open_log(tmp_path) as log:
        desk, made = Desk(log, regressor(), BOTH), regressed(600, 1)
        desk.label(desk.answer(made), truth(made))
        desk.hours(1.2)
        desk.keeper().tick()
        course = chart_slices([*desk.statements().values()])
    free = made.inputs.columns["plan"] == "free"
    errors = made.truth - made.outputs.numbers[:, 0]
    worst = course.lines[0]
    assert (worst.field, worst.name, worst.verdict) == ("plan", "free", "worse")
    assert worst.value is not None
    assert worst.value.value == pytest.approx((errors[free] ** 2).mean() ** 0.5)
    assert worst.apart is not None
    apart = worst.value.value - (errors[~free] ** 2).mean() ** 0.5
    assert worst.apart.value == pytest.approx(apart)
    better = {line.name for line in course.lines if line.verdict == "better"}
    assert better <= {"pro", "team"}
    assert course.metric == "rmse"


def many(rows: int) -> Made:
    """Rows of 300 regions, the first of which are the most frequent, and of 20 that are new."""
    made = classified(rows, 5)
    random = np.random.default_rng(0)
    regions = np.minimum(random.geometric(0.02, rows) - 1, 299)
    named = np.array([f"r{place}" for place in regions], dtype=object)
    inputs = made.inputs
    columns = {**inputs.columns, "region": named}
    batch = Batch(rows, inputs.names, inputs.numbers, columns)
    return Made(batch, made.outputs, made.truth)


def test_of_many_values_the_most_frequent_have_slices(desk: Desk) -> None:
    regions = tuple(f"r{place}" for place in range(300))
    region = Field(name="region", kind="category", categories=regions, unknown="allow")
    signature = replace(CLASSIFIER, inputs=(*CLASSIFIER.inputs, region))
    made = many(6000)
    made.inputs.columns["region"][:300] = regions
    desk.model, desk.plan = model_of(signature, made), Plan(slices=("region",))
    asked = many(500)
    asked.inputs.columns["region"][:20] = [f"unheard-{place}" for place in range(20)]
    desk.label(desk.answer(asked), truth(asked))
    desk.hours(1.2)
    desk.keeper().tick()
    slices = desk.statements()[0].slices["region"]
    assert len(slices) == VALUES_MAX + 2
    assert {"r0", "r5", OTHER, NEW} <= slices.keys()
    # A filter knows the values beyond 255, and now and then one more.
    assert 15 <= slices[NEW].rows <= 20
    assert sum_slices(slices.values()).rows == 500
    assert divisions_of(signature, desk.model.profile)[0].name == "plan", "it has too many values"


def test_rows_are_divided_by_fields_that_can_divide_them() -> None:
    signature = Signature(
        inputs=(
            Field(name="vip", kind="boolean"), Field(name="note", kind="text"),
            Field(name="constant", kind="number"), Field(name="age", kind="number"),
        ),
        outputs=(),
    )  # fmt: skip
    numbers = np.array([[1.0, 5.0, 30.0], [0.0, 5.0, 40.0], [np.nan, 5.0, 50.0]] * 40)
    notes = np.array(["a", "b", "c"] * 40, dtype=object)
    rows = Batch(120, ("vip", "constant", "age"), numbers, {"note": notes})
    reference = make_reference(signature, rows, Batch(120, (), np.empty((120, 0)), {}))
    assert [one.name for one in divisions_of(signature, reference)] == ["vip"]
    named = ("age", "note", "constant", "nothing", "vip")
    found = divisions_of(signature, reference, named)
    assert [one.name for one in found] == ["age", "vip"]
    assert found[0].slices == ("< 35", "35 .. 45", ">= 45", MISSING)
    assert divisions_of(signature, None, named) == ()
    assert divisions_of(signature, reference, ()) == ()
    slices = divide(found, rows, np.ones(120, np.bool_), {"error": np.ones(120)})
    assert {name: one.rows for name, one in slices["vip"].items()} == {
        "false": 40, "true": 40, MISSING: 40,
    }  # fmt: skip
    lots = tuple(Field(name=f"b{place}", kind="boolean") for place in range(20))
    wide = Signature(inputs=lots, outputs=())
    assert len(divisions_of(wide, reference, [one.name for one in lots])) == FIELDS_MAX


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "c", None, "(other)", "x" * 200]),
            st.booleans(),
            st.floats(0, 1e6),
        ),
        max_size=60,
    ),
    st.integers(0, 60),
)
def test_slices_add_up_to_all_rows_however_these_are_parted(
    rows: list[tuple[str | None, bool, float]], cut: int
) -> None:
    division = Division(
        "plan", ("a", "b", OTHER, NEW, MISSING), places={"a": 0, "b": 1, "(other)": 2}
    )

    def counted(some: list[tuple[str | None, bool, float]]) -> dict[str, dict[str, Slice]]:
        plan = np.array([one[0] for one in some], dtype=object)
        labelled = np.array([one[1] for one in some], dtype=np.bool_)
        losses = np.array([one[2] for one in some if one[1]])
        batch = Batch(len(some), (), np.empty((len(some), 0)), {"plan": plan})
        return divide((division,), batch, labelled, {"squared": losses})

    whole, parts = counted(rows), add_slices(counted(rows[:cut]), counted(rows[cut:]))
    assert {name: one.rows for name, one in parts["plan"].items()} == {
        name: one.rows for name, one in whole["plan"].items()
    }
    total = sum_slices(whole["plan"].values())
    assert (total.rows, total.labelled) == (len(rows), sum(one[1] for one in rows))
    expected = sum(one[2] for one in rows if one[1])
    assert sum(one.losses["squared"].total for one in parts["plan"].values()) == pytest.approx(
        expected
    )


def window(hour: int, **fields: dict[str, Slice]) -> Statement:
    start_us = START_US + hour * HOUR_US
    return Statement(
        stream=STREAM, start_us=start_us, end_us=start_us + HOUR_US, settled_us=0, slices=fields
    )


def wrong(rows: int, errors: int, labelled: int | None = None) -> Slice:
    known = rows if labelled is None else labelled
    return Slice(rows, {"error": Moments(known, float(errors), float(errors))})


def test_slices_of_hours_add_up_and_the_worst_is_first() -> None:
    hours = [
        window(hour, plan={"free": wrong(50, 20), "pro": wrong(100, 10), "team": wrong(9, 3, 3)})
        for hour in range(3)
    ]
    course = chart_slices(hours)
    assert [line.name for line in course.lines] == ["free", "pro", "team"]
    assert [line.verdict for line in course.lines] == ["worse", "better", "no difference seen"]
    assert [line.rows for line in course.lines] == [150, 300, 27]
    assert course.lines[0].value is not None
    assert course.lines[0].value.value == pytest.approx(0.6)
    assert course.lines[2].labelled == 9 < LABELLED_MIN
    assert course.lines[2].apart is None
    assert (course.compared, course.confidence) == (2, 1 - ALPHA / 2)
    assert (course.since_us, course.until_us) == (hours[0].start_us, hours[2].end_us)


def test_windows_are_divided_by_the_fields_of_the_newest_one() -> None:
    before = window(0, region={"north": wrong(100, 1)}, plan={"free": wrong(100, 1)})
    after = window(1, plan={"free": wrong(80, 2), "pro": wrong(20, 1)})
    course = chart_slices([before, after, window(2)])
    assert course.fields == ("plan",)
    assert course.rows == 200
    assert chart_slices([window(0)]) == chart_slices([]) == SliceCourse()
    assert shorten(after).slices == {}


def test_without_labels_slices_have_rows_alone() -> None:
    course = chart_slices([window(0, plan={"free": Slice(5), "pro": Slice(7)})])
    assert (course.rows, course.labelled, course.metric, course.compared) == (12, 0, "", 0)
    assert [(line.name, line.rows) for line in course.lines] == [("pro", 7), ("free", 5)]


def flagged(course: SliceCourse) -> bool:
    return any(line.verdict != "no difference seen" for line in course.lines)


@pytest.mark.parametrize(("rate", "rows"), [(0.02, 30), (0.1, 400), (0.4, 60)])
def test_where_no_slice_differs_few_endpoints_have_one_that_seems_to(
    rate: float, rows: int
) -> None:
    """Five fields of six slices each; the count of endpoints is what chance lets it be."""
    random, endpoints, found = np.random.default_rng(11), 300, 0
    for _ in range(endpoints):
        fields = {
            f"f{place}": {
                str(value): wrong(rows, int(errors))
                for value, errors in enumerate(random.binomial(rows, rate, 6))
            }
            for place in range(5)
        }
        found += flagged(chart_slices([window(0, **fields)]))
    assert found <= ALPHA * endpoints + 2.6 * (ALPHA * (1 - ALPHA) * endpoints) ** 0.5


@pytest.mark.parametrize("tail", ["normal", "laplace", "lognormal"])
def test_the_same_holds_of_squared_errors_with_long_tails(tail: str) -> None:
    random, endpoints, found = np.random.default_rng(12), 200, 0
    for _ in range(endpoints):
        fields = {}
        for place in range(3):
            squares = np.square(getattr(random, tail)(size=(6, 60)))
            fields[f"f{place}"] = {
                str(value): Slice(60, {"squared": Moments(60, each.sum(), np.square(each).sum())})
                for value, each in enumerate(squares)
            }
        found += flagged(chart_slices([window(0, **fields)]))
    assert found <= ALPHA * endpoints + 2.6 * (ALPHA * (1 - ALPHA) * endpoints) ** 0.5


def test_a_slice_that_is_worse_is_found_among_many() -> None:
    random, found = np.random.default_rng(13), 0
    for _ in range(50):
        rates = np.full((5, 6), 0.1)
        rates[2, 3] = 0.25
        fields = {
            f"f{place}": {
                str(value): wrong(300, int(random.binomial(300, rate)))
                for value, rate in enumerate(row)
            }
            for place, row in enumerate(rates)
        }
        first = chart_slices([window(0, **fields)]).lines[0]
        found += (first.field, first.name, first.verdict) == ("f2", "3", "worse")
    assert found >= 45
