"""A stop of traffic is told where traffic was usual, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from fairlead.alerts import Alert
from fairlead.alerts.decide import decide
from fairlead.alerts.rules import rules_of
from fairlead.app.signals import finding_signals
from fairlead.monitoring import Budget, Plan, volume
from fairlead.monitoring.records import FINDINGS, WATCHES, Stream
from fairlead.monitoring.recount import recount
from support.hours import HOUR_US, Hours
from support.log import START_US, Crash, Crashing, open_log

DAY = 24
ALPHA = 1 / 730


@pytest.fixture
def hours(tmp_path: Path) -> Iterator[Hours]:
    with open_log(tmp_path) as log:
        yield Hours(log)


def always(_: int) -> bool:
    return True


def past(hours: Hours, days: int, awake: Callable[[int], bool] = always, rows: int = 40) -> None:
    """Days in which an endpoint was asked as it usually is, seen at once at their end."""
    asked = {hour: rows for hour in range(days * DAY) if awake(hour)}
    hours.answer(asked)
    hours.reach(days * DAY - 1)
    hours.look()
    hours.reach(days * DAY)
    hours.look()


def test_an_hour_without_rows_is_found_and_says_what_was_due(hours: Hours) -> None:
    past(hours, 10)
    hours.watch(240, 243, {240: 40})
    assert hours.silences() == [241, 242]
    found = hours.findings()[241]
    assert found.volume is not None
    assert (found.volume.rows, found.volume.broken) == (0, True)
    assert found.volume.expected.low > 10
    assert found.volume.p_value < ALPHA
    assert found.comparison.broken == ()
    (course,) = recount(hours.log.store, "churn", since_us=START_US + 240 * HOUR_US)
    assert course.alarm
    assert [each.rows for each in course.moments] == [40, 0, 0]


def test_the_alarm_of_a_silence_ends_when_traffic_is_back(hours: Hours) -> None:
    past(hours, 10)
    (rule,) = (each for each in rules_of("churn", {}) if each.name == "volume")
    alert: Alert | None = None
    states = []
    for hour in range(240, 246):
        hours.watch(hour, hour + 1, {240: 40, 244: 38, 245: 41})
        signals = finding_signals(hours.findings()[hour])
        decision = decide(rule, [alert] if alert else [], signals, hours.log.clock.now_us())
        alert = decision.changed[0] if decision.changed else alert
        states.append(alert.state if alert else "quiet")
    assert states == ["quiet", "firing", "firing", "firing", "firing", "resolved"]
    assert alert is not None
    evidence = alert.steps[0].evidence
    assert evidence["rows"] == evidence["value"] == 0
    assert evidence["expected"] == pytest.approx(40, rel=0.01)


def test_a_silence_does_not_become_usual(hours: Hours) -> None:
    past(hours, 10)
    hours.watch(240, 240 + 3 * DAY, {})
    assert hours.silences() == list(range(240, 240 + 3 * DAY))


def test_who_sleeps_at_night_and_on_some_days_is_let_sleep(hours: Hours) -> None:
    def awake(hour: int) -> bool:
        return 8 <= hour % DAY < 18 and hour // DAY % 7 < 5

    past(hours, 8, awake)
    asked = {hour: 40 for hour in range(8 * DAY, 24 * DAY) if awake(hour)}
    hours.watch(8 * DAY, 24 * DAY, asked)
    assert hours.silences() == []


def test_who_is_asked_on_workdays_alone_is_missed_on_a_workday(hours: Hours) -> None:
    def awake(hour: int) -> bool:
        return 8 <= hour % DAY < 18 and hour // DAY % 7 < 5

    past(hours, 57, awake)
    hours.watch(57 * DAY, 58 * DAY, {})
    assert hours.silences() == list(range(57 * DAY + 8, 57 * DAY + 18))
    hours.watch(58 * DAY, 63 * DAY, {h: 40 for h in range(58 * DAY, 63 * DAY) if awake(h)})
    assert [hour // DAY for hour in hours.silences()] == [57] * 10, "the weekend is none"


@pytest.mark.parametrize("rows", [1, 3, 5])
def test_who_is_asked_a_few_times_an_hour_may_pause(hours: Hours, rows: int) -> None:
    past(hours, 14, rows=rows)
    hours.watch(14 * DAY, 14 * DAY + 6, {})
    assert hours.silences() == []


def test_who_was_deployed_a_week_ago_has_no_past_yet(hours: Hours) -> None:
    past(hours, 7)
    hours.watch(7 * DAY, 7 * DAY + 12, {})
    assert hours.silences() == []


def test_who_is_answered_no_more_is_not_missed(hours: Hours) -> None:
    past(hours, 10)
    hours.stable = None
    hours.watch(240, 250, {})
    assert hours.silences() == []


def test_a_new_version_has_the_past_of_its_endpoint(hours: Hours) -> None:
    past(hours, 10)
    hours.stable = Stream(endpoint="churn", version="churn:2", role="stable")
    hours.watch(240, 242, {})
    assert hours.silences() == [240, 241]
    assert hours.findings()[240].stream == hours.stable


def test_what_a_shadow_answers_is_no_traffic_and_what_a_candidate_does_is(hours: Hours) -> None:
    past(hours, 10)
    hours.watch(240, 241, {})
    hours.answer({241: 40}, version="churn:2", role="shadow")
    hours.watch(241, 242, {})
    hours.answer({242: 40}, version="churn:2", role="candidate")
    hours.watch(242, 243, {})
    assert hours.silences() == [240, 241]


def test_of_a_month_without_a_platform_no_hour_is_judged(hours: Hours) -> None:
    past(hours, 20)
    before = len(hours.log.store.scan(FINDINGS))
    hours.restart()
    hours.reach(50 * DAY)
    hours.look()
    hours.watch(50 * DAY, 50 * DAY + 1, {})
    assert len(hours.log.store.scan(FINDINGS)) == before
    hours.watch(50 * DAY + 1, 50 * DAY + 3, {})
    assert len(hours.log.store.scan(FINDINGS)) == before, "no same hour of eight days is known"


def test_an_hour_that_was_listened_to_in_part_is_not_judged(hours: Hours) -> None:
    past(hours, 10)
    hours.log.clock.advance(1800)
    hours.restart()
    hours.watch(240, 241, {})
    assert hours.silences() == []
    hours.watch(241, 242, {})
    assert hours.silences() == [241]


def test_a_machine_that_slept_through_hours_tells_nothing_of_them(hours: Hours) -> None:
    past(hours, 10)
    hours.watch(240, 242, {240: 40, 241: 40})
    hours.reach(249)
    hours.look()
    hours.reach(250)
    hours.look()
    assert hours.silences() == []
    hours.reach(251)
    hours.look()
    assert hours.silences() == [250]


def test_rows_that_wait_behind_a_fault_are_no_silence(hours: Hours) -> None:
    past(hours, 10)
    hours.whole = False
    hours.watch(240, 242, {})
    assert hours.silences() == []
    hours.whole = True
    hours.answer({240: 40, 241: 40})
    hours.look()
    assert hours.silences() == []


@pytest.mark.parametrize("after", [False, True])
def test_a_silence_is_found_whole_or_not_at_all(hours: Hours, after: bool) -> None:
    past(hours, 10)
    hours.watch(240, 241, {240: 40})
    hours.store = Crashing(hours.log.store, "commit", 0, after)
    hours.restart()
    for half in (0, 1):
        hours.log.clock.set(START_US + 241 * HOUR_US + half * HOUR_US // 2)
        hours.look()
    hours.reach(242)
    with pytest.raises(Crash):
        hours.look()
    hours.store = None
    hours.restart()
    hours.watch(242, 244, {})
    assert hours.silences() == ([241, 243] if after else [243])
    (watched,) = hours.log.store.scan(WATCHES)
    assert watched.value.until_us == START_US + 244 * HOUR_US


def test_rows_that_come_after_all_make_the_hour_a_usual_one(hours: Hours) -> None:
    past(hours, 10)
    hours.watch(240, 241, {})
    hours.answer({240: 40})
    hours.watch(241, 240 + DAY, dict.fromkeys(range(241, 240 + DAY), 40))
    hours.watch(240 + DAY, 241 + DAY, {})
    assert hours.silences() == [240, 240 + DAY], "what was said stays said"
    found = hours.findings()[240 + DAY].volume
    assert found is not None
    assert found.expected.value == pytest.approx(40, rel=0.01)


def test_an_hourly_window_of_volume_is_told_of_the_whole_endpoint(hours: Hours) -> None:
    """A release that takes nine tenths of the requests takes none from the endpoint."""
    past(hours, 10)
    hours.answer({240: 36}, version="churn:2", role="candidate")
    hours.watch(240, 241, {240: 4})
    place = "churn/churn:1/stable"
    (found,) = (s.value for s in hours.log.store.scan(FINDINGS, place) if s.value.start_us
                == START_US + 240 * HOUR_US)  # fmt: skip
    assert found.volume is not None
    assert (found.volume.rows, found.volume.broken) == (40, False)


@pytest.mark.parametrize("windows", [8, 28])
@pytest.mark.parametrize(
    ("mean", "shape"), [(1, None), (5, None), (8, None), (30, None), (20, 3), (100, 2), (20, 1)]
)
def test_the_volume_of_quiet_windows_is_within_its_chance(
    windows: int, mean: int, shape: int | None
) -> None:
    """Counts of independent events and of clustered ones, of few and many."""
    random = np.random.default_rng(5)
    tries, alpha = 2000, 0.01
    size = (tries, windows + 1)
    counts = (
        random.poisson(mean, size)
        if shape is None
        else random.negative_binomial(shape, shape / (shape + mean), size)
    )
    broken = sum(
        found is not None and found.broken
        for found in (volume(int(each[0]), each[1:].tolist(), alpha) for each in counts)
    )
    assert broken <= 1.7 * alpha * tries


def test_a_plan_may_ask_for_more_doubt(tmp_path: Path) -> None:
    with open_log(tmp_path) as log:
        hours = Hours(log, Plan(volume_alpha=1e-300, budget=Budget()))
        past(hours, 10)
        hours.watch(240, 242, {})
        assert hours.silences() == []
