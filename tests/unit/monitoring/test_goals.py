"""Goals of one's own in the statements of windows, and over many of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from fairlead.errors import ModelError
from fairlead.monitoring import Plan
from fairlead.monitoring.business import Goal, Worth, add_worth, count_worth, weigh
from fairlead.monitoring.reckon import Model
from support.answers import classified, regressed
from support.bookkeeping import Desk, classifier, regressor, truth
from support.log import open_log

GOALS = {
    "revenue": Goal(kind="sum", value="paid"),
    "basket": Goal(kind="mean", value="paid"),
    "click-rate": Goal(kind="ratio", value="clicks", over="views"),
    "loss": Goal(kind="cost", costs={"left": {"stayed": 100.0}, "stayed": {"left": 5.0}}),
}


@pytest.fixture(scope="module")
def churn() -> Model:
    return classifier()


@pytest.fixture
def desk(tmp_path: Path, churn: Model) -> Iterator[Desk]:
    with open_log(tmp_path) as log:
        yield Desk(log, churn, Plan(goals=GOALS))


def test_what_came_is_in_the_statement_of_its_window(desk: Desk) -> None:
    keeper, made = desk.keeper(), classified(200, 1)
    ids = desk.answer(made)
    desk.label(ids[:2], [10.0, 30.0], name="paid")
    desk.label(ids[:1], [5.0], name="paid")
    desk.label(ids, [1] * 50 + [0] * 150, name="clicks")
    desk.label(ids, [4] * 200, name="views")
    desk.label(ids[3:4], [1e9], name="unheard of")
    desk.label(ids[:100], truth(made)[:100])
    desk.hours(1.2)
    keeper.tick()
    found = desk.statements()[0]
    said, true = (column[:100] for column in (made.outputs.column("label"), made.truth))
    cost = 100.0 * ((true == "left") & (said == "stayed")).mean()
    cost += 5.0 * ((true == "stayed") & (said == "left")).mean()
    assert {name: goal.value for name, goal in found.goals.items()} == {
        "revenue": 45.0, "basket": 22.5, "click-rate": 0.0625, "loss": pytest.approx(cost),
    }  # fmt: skip
    assert all(goal.low < goal.value < goal.high for goal in found.goals.values())
    assert cost > 0
    assert desk.strays().labels == 100, "other feedback is no label"


def test_what_comes_late_settles_its_window_anew(desk: Desk) -> None:
    keeper = desk.keeper()
    ids = desk.answer(classified(100, 1))
    desk.hours(1.2)
    keeper.tick()
    assert desk.statements()[0].goals["revenue"].value == 0.0
    desk.label(ids[:3], [7.0, 8.0, 9.0], name="paid")
    keeper.tick()
    desk.hours(0.5)
    desk.keeper().tick()  # another process
    assert desk.statements()[0].goals["revenue"].value == 24.0


def test_a_unit_counts_once_however_often_it_asks(desk: Desk) -> None:
    """Ten answers to each of twenty units that buy every time or never are no 200 customers."""
    apart = {}
    for shared in (True, False):
        units = [f"u{n // 10 if shared else n}" for n in range(200)]
        ids = desk.answer(classified(200, 1), units=units)
        desk.label(ids, [float(n // 10 % 2) for n in range(200)], name="clicks")
        desk.label(ids, [1.0] * 200, name="views")
        desk.hours(1.2)
        desk.keeper().tick()
        found = desk.statements()[1 if not shared else 0]
        assert found.goals["click-rate"].value == 0.5
        apart[shared] = found.goals["click-rate"].high - 0.5
        desk.hours(0.5)
    assert apart[True] == pytest.approx(apart[False] * np.sqrt(10), rel=0.05)


def test_one_unit_in_two_files_is_one_group(desk: Desk) -> None:
    for half in (0, 1):
        ids = desk.answer(classified(50, half), units=[f"u{n}" for n in range(50)])
        desk.label(ids, [2.0] * 50, name="paid")
    desk.hours(1.2)
    desk.keeper().tick()
    worth = desk.statements()[0].worth["revenue"]
    assert (worth.groups, worth.above, worth.squares) == (50, 200.0, 50 * 16.0)


def test_a_function_is_asked_for_labelled_rows_and_its_failure_keeps_nothing_back(
    tmp_path: Path,
) -> None:
    def over(columns: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[Any]:
        assert columns.keys() == {"truth", "predicted"}
        return np.asarray(columns["predicted"] > columns["truth"])

    def breaks(_: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[Any]:
        raise ModelError("It did not answer.")

    goals = {name: Goal(kind="function", value=name) for name in ("over", "breaks")}
    goals["loss"] = Goal(kind="cost", costs={"a": {"b": 1.0}})
    with open_log(tmp_path) as log:
        desk, made = Desk(log, regressor(), Plan(goals=goals)), regressed(300, 1)
        desk.label(desk.answer(made)[:200], truth(made)[:200])
        desk.hours(1.2)
        desk.keeper(functions={"over": over, "breaks": breaks}).tick()
        found = desk.statements()[0]
    share = (made.outputs.numbers[:200, 0] > made.truth[:200]).mean()
    assert found.goals["over"].value == pytest.approx(share)
    assert found.worth["over"].groups == 200
    assert found.failed.keys() == {"breaks", "loss"}
    assert found.failed["breaks"] == "It did not answer."
    assert found.realised.keys() == {"rmse"}


def test_a_classifiers_function_is_given_labels_and_probabilities(desk: Desk) -> None:
    given: dict[str, Any] = {}

    def seen(columns: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[Any]:
        given.update(columns)
        return np.ones(len(columns["truth"]))

    desk.plan = Plan(goals={"seen": Goal(kind="function", value="seen")})
    made = classified(50, 1)
    desk.label(desk.answer(made)[10:], ["neither", *truth(made)[11:]])
    desk.hours(1.2)
    desk.keeper(functions={"seen": seen}).tick()
    assert given["truth"].tolist() == ["neither", *truth(made)[11:]]
    assert given["predicted"].tolist() == made.outputs.column("label").tolist()[10:]
    assert given["probabilities"].shape == (40, 2)
    assert desk.statements()[0].goals["seen"].value == 1.0


def test_costs_of_what_is_no_class_are_told(desk: Desk) -> None:
    desk.plan = Plan(goals={"loss": Goal(kind="cost", costs={"lost": {"stayed": 1.0}})})
    made = classified(50, 1)
    desk.label(desk.answer(made), truth(made))
    desk.hours(1.2)
    desk.keeper().tick()
    found = desk.statements()[0]
    assert "'lost'" in found.failed["loss"]
    assert found.goals == {}


def test_windows_add_up_to_what_their_rows_say() -> None:
    random = np.random.default_rng(1)
    for goal in GOALS.values():
        above, below = random.gamma(1.0, size=300), random.poisson(2.0, 300).astype(float)
        whole = count_worth(goal, above, below)
        parts = [count_worth(goal, above[at : at + 100], below[at : at + 100])
                 for at in (0, 100, 200)]  # fmt: skip
        added = add_worth(add_worth(parts[0], parts[1]), parts[2])
        one, other = weigh(whole), weigh(added)
        assert one is not None
        assert other is not None
        assert (one.value, one.low) == pytest.approx((other.value, other.low))
    assert weigh(Worth(goal=GOALS["revenue"], groups=1, above=3.0, squares=9.0)) is None
