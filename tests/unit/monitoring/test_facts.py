"""From a log to facts: harm is proven where labels shift, and what it points at is named."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

from fairlead.monitoring.facts import Fact, facts
from fairlead.monitoring.reckon import Model
from support.answers import Made, classified, regressed
from support.bookkeeping import Desk, classifier, regressor, truth
from support.log import Crash, Crashing, open_log

Day = Callable[[int], Made]
QUIET, ALL = 14, 36


@pytest.fixture(scope="module")
def churn() -> Model:
    return classifier()


@pytest.fixture(scope="module")
def prices() -> Model:
    return regressor()


@pytest.fixture
def desk(tmp_path: Path, churn: Model) -> Iterator[Desk]:
    with open_log(tmp_path) as log:
        yield Desk(log, churn)


def quiet(hour: int) -> Made:
    return classified(200, 100 + hour)


def turned(hour: int) -> Made:
    """Later, of teams half of the labels are others than they were."""
    made = quiet(hour)
    team = made.inputs.columns["plan"] == "team"
    turned = team & (np.random.default_rng(hour).random(200) < 0.5) & (hour >= QUIET)
    other = np.where(made.truth == "left", "stayed", "left")
    return Made(made.inputs, made.outputs, np.where(turned, other, made.truth))


def live(desk: Desk, made: Day, *, hours: int = ALL, labelled: bool = True, late: int = 0) -> None:
    """Hours of traffic, whose labels come some hours later."""
    keeper = desk.keeper()
    waiting: list[tuple[list[bytes], Made]] = []
    for hour in range(hours):
        waiting.append((desk.answer(made(hour), seal=False), made(hour)))
        if labelled and hour >= late:
            ids, answered = waiting[hour - late]
            desk.label(ids, truth(answered), seal=False)
        desk.hours(1)
        desk.seal()
        keeper.tick()
    desk.hours(1.1)
    keeper.tick()
    desk.hours(1.0)
    keeper.tick()


def told(desk: Desk) -> dict[str, Fact]:
    return {fact.name: fact for fact in facts(desk.account(), desk.model)}


def test_labels_that_shift_are_proven_to_be_harm_and_the_segment_is_named(desk: Desk) -> None:
    live(desk, turned, late=2)
    found = told(desk)
    assert set(found) == {"accuracy", "concept_drift", "estimated_accuracy"}
    for name in ("accuracy", "concept_drift"):
        fact = found[name]
        assert fact.proven, fact
        assert fact.cause == "plan"
        assert "plan = team" in fact.look_at
        assert fact.evidence["adwin_agrees"] is True
        assert 0 < int(fact.evidence["rows_before"] or 0) <= QUIET * 200
    accuracy = found["accuracy"]
    assert accuracy.value.low < accuracy.value.value < accuracy.value.high
    assert accuracy.value.value < float(accuracy.evidence["limit"] or 0)
    assert float(accuracy.evidence["limit"] or 0) < float(accuracy.evidence["reference"] or 0)
    assert not found["estimated_accuracy"].proven, "no estimate sees that labels changed"


def test_where_nothing_changes_nothing_is_proven(desk: Desk) -> None:
    live(desk, quiet, hours=36)
    found = told(desk)
    assert set(found) == {"accuracy", "concept_drift", "estimated_accuracy"}
    assert not any(fact.proven for fact in found.values())
    assert all(fact.look_at == "" for fact in found.values())


def test_harder_rows_are_proven_without_any_label(desk: Desk) -> None:
    live(desk, lambda hour: classified(200, hour, hard=1.0 if hour >= QUIET else 0.0),
         labelled=False)  # fmt: skip
    found = told(desk)
    assert set(found) == {"estimated_accuracy"}
    fact = found["estimated_accuracy"]
    assert fact.proven
    assert fact.cause == "plan"
    assert "plan = free: its share went from" in fact.look_at
    assert "adwin_agrees" not in fact.evidence


def test_a_regressor_that_errs_more_is_proven_to(tmp_path: Path, prices: Model) -> None:
    def worse(hour: int) -> Made:
        made = regressed(200, 50 + hour)
        said = made.outputs.numbers[:, 0]
        factor = 2.0 if hour >= QUIET else 1.0
        return Made(made.inputs, made.outputs, said + factor * (made.truth - said))

    with open_log(tmp_path) as log:
        desk = Desk(log, prices)
        live(desk, worse, hours=28)
        found = told(desk)
        assert set(found) == {"rmse", "concept_drift", "estimated_rmse"}
        assert found["rmse"].proven
        assert found["concept_drift"].proven
        assert not found["estimated_rmse"].proven
        assert found["rmse"].value.value > 1.5 * float(found["rmse"].evidence["reference"] or 9e9)
        assert found["concept_drift"].evidence["loss"] == "absolute"


def test_a_version_that_is_worse_than_promised_from_the_start_has_nothing_to_compare_with(
    desk: Desk,
) -> None:
    live(desk, lambda hour: classified(200, hour, wrong=0.4), hours=16)
    found = told(desk)
    assert found["accuracy"].proven
    assert found["accuracy"].evidence["rows_before"] == 0
    assert found["accuracy"].look_at == ""
    assert not found["concept_drift"].proven


def test_what_is_estimated_of_few_rows_an_hour_is_tested_together(desk: Desk) -> None:
    live(desk, lambda hour: classified(12, hour), hours=7, labelled=False)
    (state,) = desk.account().guards.values()
    assert state.verdict is not None
    assert state.verdict.rows == 36
    assert desk.account().foreseen.rows == 12


def test_harm_that_is_over_is_told_to_be_over(desk: Desk) -> None:
    live(desk, lambda hour: turned(hour) if hour < 28 else quiet(hour), hours=36)
    account = desk.account()
    assert not account.guards["accuracy"].proven
    assert "accuracy" not in account.explanations
    assert account.unexplained == ()


def test_tests_that_were_made_stay_made_when_labels_are_corrected(desk: Desk) -> None:
    sent: list[tuple[list[bytes], Made]] = []
    keeper = desk.keeper()
    for hour in range(20):
        made = quiet(hour)
        sent.append((desk.answer(made), made))
        desk.label(sent[-1][0], truth(made))
        desk.hours(1)
        keeper.tick()
    desk.hours(1.2)
    keeper.tick()
    before = desk.account().guards
    for ids, made in sent:
        desk.label(ids, [{"left": "stayed", "stayed": "left"}[each] for each in made.truth])
    for _ in range(4):
        desk.hours(1)
        keeper.tick()
    assert desk.account().guards == before
    assert all(each.contradicted == 200 for each in desk.statements().values())
    assert all(each.realised["accuracy"].value < 0.4 for each in desk.statements().values())


@pytest.mark.parametrize("passed", range(4))
def test_a_test_is_made_once_wherever_the_process_dies(desk: Desk, passed: int) -> None:
    made = quiet(0)
    desk.label(desk.answer(made), truth(made))
    desk.hours(1.1)
    desk.keeper().tick()
    desk.hours(1.0)
    with contextlib.suppress(Crash):
        desk.keeper(Crashing(desk.log.store, "commit", passed, after=True)).tick()
    desk.keeper().tick()
    desk.keeper().tick()
    account = desk.account()
    assert account.intake is None
    assert account.guards["concept_drift"].own.rows == 200
    assert account.guards["accuracy"].past.windows == 0


def test_an_account_survives_being_written(desk: Desk) -> None:
    live(desk, turned)
    account = desk.account()
    assert account.explanations
    assert msgspec.json.decode(msgspec.json.encode(account), type=type(account)) == account
