"""Statements of windows and accounts of streams, whatever comes late, twice or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fairlead.errors import StorageError
from fairlead.monitoring.accounts import BOOKED, STATEMENTS
from fairlead.monitoring.business import Goal
from fairlead.monitoring.reckon import Model
from fairlead.monitoring.types import Plan
from fairlead.predictionlog import encode_prediction
from fairlead.predictionlog.compact import Compactor
from fairlead.predictionlog.segments import SEGMENTS
from support.answers import classified, regressed
from support.bookkeeping import Desk, classifier, regressor, truth
from support.log import Crash, Crashing, open_log


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


def test_a_window_is_settled_when_it_is_over(desk: Desk) -> None:
    keeper = desk.keeper()
    desk.answer(classified(200, 1))
    keeper.tick()
    assert desk.statements() == {}
    desk.hours(1.1)
    keeper.tick()
    found = desk.statements()[0]
    assert (found.coverage.answered, found.coverage.labelled) == (200, 0)
    assert found.ledger is not None
    assert found.ledger.rows == 200
    assert found.realised == {}
    assert desk.account().due == {}


def test_late_labels_settle_their_windows_anew_and_no_other(desk: Desk) -> None:
    keeper, made = desk.keeper(), [classified(200, seed) for seed in (1, 2)]
    first = desk.answer(made[0])
    desk.hours(1)
    desk.answer(made[1])
    desk.hours(1.1)
    keeper.tick()
    before = desk.statements()
    desk.hours(24 * 9)
    desk.label(first[:150], truth(made[0])[:150])
    keeper.tick()
    assert desk.statements() == before, "labels that trickle in are settled together"
    desk.hours(9.2)
    keeper.tick()
    after = desk.statements()
    assert after[1] == before[1]
    assert (after[0].coverage.answered, after[0].coverage.labelled) == (200, 150)
    assert after[0].coverage.delay_median_s == pytest.approx(218.1 * 3600)
    right = (made[0].truth == made[0].outputs.column("label"))[:150].mean()
    assert after[0].realised["accuracy"].value == pytest.approx(right)
    assert after[0].ledger is not None
    assert after[0].ledger.entries["accuracy"].realised == pytest.approx(right)


def test_a_regressor_has_an_rmse(tmp_path: Path, prices: Model) -> None:
    with open_log(tmp_path) as log:
        desk, made = Desk(log, prices), regressed(300, 1)
        desk.label(desk.answer(made), truth(made))
        desk.hours(1.2)
        desk.keeper().tick()
        found = desk.statements()[0]
        rmse = ((made.truth - made.outputs.numbers[:, 0]) ** 2).mean() ** 0.5
        assert found.realised["rmse"].value == pytest.approx(rmse)
        assert found.ledger is not None
        assert found.ledger.entries["rmse"].realised == pytest.approx(rmse)


def test_a_number_beyond_all_measure_keeps_no_other_label_from_being_counted(
    tmp_path: Path, prices: Model
) -> None:
    with open_log(tmp_path) as log:
        plan = Plan(goals={"paid": Goal(kind="sum", value="paid")})
        desk, made = Desk(log, prices, plan), regressed(300, 1)
        made.outputs.numbers[2] = 1e300
        ids, values = desk.answer(made), truth(made)
        desk.label(ids, [1e200, -1e300, *values[2:]])
        desk.label(ids, [1e308, 1e308, *[2.0] * 298], name="paid")
        desk.hours(1.2)
        desk.keeper().tick()
        found = desk.statements()[0]
        errors = (made.truth - made.outputs.numbers[:, 0])[3:]
        assert found.realised["rmse"].value == pytest.approx((errors**2).mean() ** 0.5)
        assert found.worth["paid"].above == 596.0


def test_without_an_estimator_labels_alone_tell(desk: Desk, churn: Model) -> None:
    desk.model = Model(signature=churn.signature)
    made = classified(100, 1)
    desk.label(desk.answer(made)[:60], truth(made)[:60])
    desk.hours(1.2)
    desk.keeper().tick()
    found = desk.statements()[0]
    assert (found.coverage.answered, found.coverage.labelled) == (100, 60)
    assert found.ledger is None
    assert 0.5 < found.realised["accuracy"].value < 1.0


def test_labels_of_unknown_ids_are_counted_and_change_nothing(desk: Desk) -> None:
    keeper, made = desk.keeper(), classified(100, 1)
    ids = desk.answer(made)
    ours, theirs = desk.ids.take(5).raw(), [bytes(16), b"\xff" * 16]
    desk.hours(1.2)
    desk.label(ids[:10] + ours + theirs, ["left"] * 17)
    keeper.tick()
    strays = desk.strays()
    assert (strays.labels, strays.unknown) == (17, 7)
    assert strays.last_us == desk.log.clock.now_us()
    assert desk.statements()[0].coverage.labelled == 10


def test_a_label_waits_for_its_prediction_to_be_sealed(desk: Desk) -> None:
    """They are on journals of different processes, which are sealed at different moments."""
    keeper, made = desk.keeper(), classified(50, 1)
    ids = desk.ids.take(50).raw()
    desk.label(ids, truth(made))
    keeper.tick()
    assert desk.log.store.scan(BOOKED) == []
    desk.log.clock.advance(20)
    writer = desk.log.writer()

    times = np.full(50, desk.log.clock.now_us(), np.int64)
    writer.append(encode_prediction(made.frame(0, ids=ids, time_us=times)))
    writer.close()
    desk.seal()
    keeper.tick()
    strays = desk.strays()
    assert (strays.labels, strays.unknown) == (50, 0)
    desk.hours(1.2)
    keeper.tick()
    assert desk.statements()[0].coverage.labelled == 50


def test_of_labels_that_contradict_the_latest_is_shown_and_the_first_is_tested(desk: Desk) -> None:
    made = classified(100, 1)
    ids, said = desk.answer(made), made.outputs.column("label").tolist()
    desk.label(ids, said)
    desk.label(ids[:30], said[:30])
    desk.hours(0.5)
    other = {"left": "stayed", "stayed": "left"}
    desk.label(ids[:20], [other[each] for each in said[:20]])
    desk.hours(1)
    desk.keeper().tick()
    found = desk.statements()[0]
    assert (found.duplicates, found.contradicted) == (50, 20)
    assert found.coverage.labelled == 100
    assert found.realised["accuracy"].value == 0.8
    assert (found.first["error"].rows, found.first["error"].total) == (100, 0.0)


def test_a_caller_whose_clock_is_wrong_makes_no_label_early_or_lost(desk: Desk) -> None:
    made = classified(100, 1)
    ids = desk.answer(made)
    desk.label(ids[:50], truth(made)[:50], happened_s=-9e6)
    desk.label(ids[50:], truth(made)[50:], happened_s=9e6)
    desk.hours(1.2)
    desk.keeper().tick()
    found = desk.statements()[0].coverage
    assert found.labelled == 100
    assert found.delay_median_s == pytest.approx(4.5e6)


def test_hours_without_traffic_have_no_statement_and_stop_nothing(desk: Desk) -> None:
    keeper, made = desk.keeper(), classified(60, 1)
    desk.label(desk.answer(made), truth(made))
    desk.hours(30)
    desk.label(desk.answer(made), truth(made))
    desk.hours(1.2)
    keeper.tick()
    assert list(desk.statements()) == [0, 30]
    keeper.tick()
    assert desk.account().due == {}


def test_rows_that_were_sent_to_a_version_by_name_do_not_count(desk: Desk) -> None:
    made = classified(100, 1)
    desk.label(desk.answer(made, assigned_by="override"), truth(made))
    desk.hours(1.2)
    desk.keeper().tick()
    assert desk.statements() == {}
    assert desk.strays().unknown == 0


def test_other_feedback_is_no_label(desk: Desk) -> None:
    ids = desk.answer(classified(100, 1))
    desk.label(ids, [1.0] * 100, name="revenue")
    desk.hours(1.2)
    desk.keeper().tick()
    assert desk.statements()[0].coverage.labelled == 0


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("passed", range(6))
def test_wherever_the_process_dies_each_label_is_taken_in_once(
    desk: Desk, passed: int, after: bool
) -> None:
    for seed in (1, 2):
        made = classified(100, seed)
        desk.label(desk.answer(made), truth(made))
        desk.hours(1)
    desk.hours(0.2)
    dying = Crashing(desk.log.store, "commit", passed, after)
    with pytest.raises(Crash):
        desk.keeper(dying).tick()
    desk.keeper().tick()
    assert [each.coverage.labelled for each in desk.statements().values()] == [100, 100]
    intake = desk.account().intake
    assert intake is not None
    assert intake.losses["error"].rows == 200
    assert desk.strays().labels == 200


def test_a_file_that_cannot_be_read_keeps_no_other_from_being_read(desk: Desk) -> None:
    desk.answer(classified(50, 1))
    (stored,) = desk.log.store.scan(SEGMENTS)
    desk.log.blobs.put(stored.value.blob, b"damaged")
    desk.hours(1)
    desk.answer(classified(60, 2))
    desk.hours(1.2)
    with pytest.raises(StorageError, match="No account"):
        desk.keeper().tick()
    assert [each.coverage.answered for each in desk.statements().values()] == [60]


def test_a_tick_ends_when_its_time_is_up_and_the_next_one_goes_on(desk: Desk) -> None:
    made = classified(100, 1)
    for _ in range(3):
        desk.label(desk.answer(made), truth(made))
        desk.hours(1)
    desk.hours(0.2)
    keeper, ticks = desk.keeper(tick_s=0.0), 0
    while len(desk.log.store.scan(STATEMENTS)) < 3:
        keeper.tick()
        ticks += 1
        assert ticks < 200
    assert ticks > 6
    assert [each.coverage.labelled for each in desk.statements().values()] == [100] * 3


def test_files_are_merged_only_after_both_have_read_them(desk: Desk) -> None:
    keeper, made = desk.keeper(), classified(100, 1)
    ids = desk.answer(made)
    desk.answer(made)
    desk.label(ids[:50], truth(made)[:50])
    desk.label(ids[50:], truth(made)[50:])
    desk.hours(72)
    compactor = Compactor(desk.log.store, desk.log.blobs, desk.log.clock, keeper.is_read)
    compactor.tick()
    assert len(desk.log.store.scan(SEGMENTS)) == 4
    keeper.tick()
    compactor.tick()
    assert [stored.value.merged for stored in desk.log.store.scan(SEGMENTS)] == [True, True]
    keeper.tick()
    assert desk.log.store.scan(BOOKED) == []
    assert desk.strays().labels == 100
    assert desk.statements()[0].coverage.labelled == 100
