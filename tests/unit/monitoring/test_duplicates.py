"""Rows that repeat an earlier one are told where that is no habit, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

import fairlead
from fairlead.alerts import Alert
from fairlead.alerts.decide import decide
from fairlead.alerts.rules import rules_of
from fairlead.app.signals import finding_signals
from fairlead.monitoring import Quality, Rule
from fairlead.monitoring.duplicates import WHOLE_ROW, beside_past, beside_reference, repetition
from fairlead.monitoring.traffic import TRAFFIC, Traffic, repeat, usual_repeats
from fairlead.monitoring.types import Repetition
from fairlead.profiles import Repeats, sketch_rows
from fairlead.profiles.distinct import mix
from fairlead.signature import Batch
from support.hours import HOUR_US, Hours
from support.log import START_US, open_log

DAY = 24


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(11)


@pytest.fixture
def hours(tmp_path: Path) -> Iterator[Hours]:
    with open_log(tmp_path) as log:
        yield Hours(log)


def sketch(kinds: Any) -> Repeats:
    """Of rows that are alike where their numbers are."""
    return sketch_rows(mix(np.asarray(kinds).astype(np.uint64) + np.uint64(7)) >> np.uint64(24))


def known(repeats: Repeats, rows_max: float | None = None) -> Repetition:
    found = repetition(repeats, rows_max)
    assert found is not None
    return found


def stuck(random: np.random.Generator, rows: int, share: float) -> Any:
    kinds = random.integers(0, 2**40, rows)
    kinds[: round(rows * share)] = 5
    return kinds


@pytest.mark.parametrize("rows", [100, 1000, 10_000, 100_000])
@pytest.mark.parametrize("values", [50, 3000, 10**9])
def test_the_share_is_that_of_all_rows_within_three_deviations(
    random: np.random.Generator, rows: int, values: int
) -> None:
    kinds = random.integers(0, values, rows)
    found = known(sketch(kinds))
    true = 1.0 - len(np.unique(kinds)) / rows
    assert found.share == pytest.approx(true, abs=3.0 * (true * (1.0 - true) / found.worth) ** 0.5)
    assert found.rows == pytest.approx(rows)


@pytest.mark.parametrize("rows", [300, 10_000, 100_000])
def test_one_row_among_many_is_seen_however_few_digests_are_kept(
    random: np.random.Generator, rows: int
) -> None:
    found = known(sketch(stuck(random, rows, 0.1)))
    assert found.most == pytest.approx(0.1, abs=0.01)
    assert found.share == pytest.approx(0.1, abs=0.01)


@pytest.mark.parametrize("others", [0, 3, 200])
def test_rows_that_were_made_to_fill_one_bucket_break_nothing(others: int) -> None:
    made = np.arange(5000, dtype=np.uint64) << np.uint64(7)
    rows = np.concatenate([made, np.arange(1, others + 1, dtype=np.uint64)])
    found = known(sketch_rows(rows))
    assert 0.0 <= found.share <= 1.0
    assert found.worth >= 1.0
    assert beside_past(sketch_rows(rows), [found] * 8) is not None


@pytest.mark.parametrize(("rows", "fewer"), [(2000, 500), (20_000, 5000)])
def test_the_share_among_fewer_rows_is_that_of_some_of_them(
    random: np.random.Generator, rows: int, fewer: int
) -> None:
    kinds = random.zipf(1.5, rows)
    some = known(sketch(random.permutation(kinds)[:fewer]))
    assert known(sketch(kinds), fewer).share == pytest.approx(some.share, abs=0.06)
    assert known(sketch(kinds), 10 * rows) == known(sketch(kinds))


def past_of(random: np.random.Generator, rows: int, values: int) -> list[Repetition]:
    return [known(sketch(random.integers(0, values, rows))) for _ in range(20)]


@pytest.mark.parametrize("rows", [100, 1000, 10_000])
def test_rows_that_are_sent_twice_are_told_beside_the_past(
    random: np.random.Generator, rows: int
) -> None:
    past = past_of(random, rows, 10 * rows)
    twice = beside_past(sketch(np.repeat(random.integers(0, 10 * rows, rows // 2), 2)), past)
    still = beside_past(sketch(random.integers(0, 10 * rows, rows)), past)
    assert twice is not None
    assert still is not None
    assert twice.p_value < 1e-5 < 0.01 < still.p_value
    assert twice.rise.low < twice.rise.value < twice.rise.high
    assert twice.rise.low > 0.2
    assert "repeat an earlier one" in twice.why


@pytest.mark.parametrize("rows", [1000, 10_000])
def test_a_client_that_is_stuck_is_told_beside_the_past(
    random: np.random.Generator, rows: int
) -> None:
    found = beside_past(sketch(stuck(random, rows, 0.1)), past_of(random, rows, 10 * rows))
    assert found is not None
    assert found.p_value < 1e-4
    assert found.rise.value > 0.04


def test_more_rows_of_the_same_kind_are_no_news(random: np.random.Generator) -> None:
    past = past_of(random, 500, 1000)
    surge = sketch(random.integers(0, 1000, 5000))
    found = beside_past(surge, past)
    assert found is not None
    assert known(surge).share > known(sketch(random.integers(0, 1000, 500))).share + 0.5
    assert found.p_value > 0.01


def test_without_a_week_of_past_nothing_is_said(random: np.random.Generator) -> None:
    twice = sketch(np.repeat(np.arange(200), 2))
    assert beside_past(twice, past_of(random, 400, 4000)[:7]) is None
    assert beside_past(Repeats(), past_of(random, 400, 4000)) is None
    assert beside_reference(Repeats(), twice) is None


def test_frames_of_any_size_are_compared_at_as_many_rows(random: np.random.Generator) -> None:
    def frame(rows: int) -> dict[str, Any]:
        plans = random.choice(["free", "pro", "team"], rows)
        return {"visits": random.poisson(3, rows), "plan": plans}

    assert not fairlead.monitor.compare(frame(4000), frame(400)).alarm
    assert not fairlead.monitor.compare(frame(400), frame(20_000)).alarm
    customers = {"age": random.normal(40, 9, 4000), "visits": random.poisson(3, 4000)}
    some = {"age": random.normal(40, 9, 500), "visits": random.poisson(3, 500)}
    twice = {name: np.repeat(column, 2) for name, column in some.items()}
    assert not fairlead.monitor.compare(customers, some).alarm
    found = fairlead.monitor.compare(customers, twice)
    assert [(one.field, one.kind) for one in found.broken] == [(WHOLE_ROW, "duplicates")]
    assert found.broken[0].share.value == 0.5
    assert "duplicates" in repr(found)
    mild = fairlead.monitor.compare(customers, twice, rule=Rule(repeats_min=0.6))
    assert not mild.broken


def of_hour(hours: Hours, hour: int) -> Quality | None:
    found = [q for q in hours.findings()[hour].comparison.quality if q.kind == "duplicates"]
    return found[0] if found else None


def again(hours: Hours, hour: int, rows: int) -> None:
    """An hour in which each row comes twice."""
    hours.log.clock.set(START_US + hour * HOUR_US + HOUR_US // 2)
    some = hours.batch(rows // 2)
    plans = {"plan": np.repeat(some.columns["plan"], 2)}
    twice = Batch(rows, some.names, np.repeat(some.numbers, 2, axis=0), plans)
    hours.answer({hour: rows}, inputs=twice)
    hours.look()
    hours.reach(hour + 1)
    hours.look()


def test_an_endpoint_whose_rows_come_twice_raises_an_alert_that_ends(hours: Hours) -> None:
    hours.answer(dict.fromkeys(range(10 * DAY), 120))
    hours.reach(10 * DAY)
    hours.look()
    assert of_hour(hours, 7 * DAY) is None
    quiet = of_hour(hours, 9 * DAY)
    assert quiet is not None
    assert not quiet.broken
    (rule,) = (each for each in rules_of("churn", {}) if each.name == "duplicates")
    alert: Alert | None = None
    states = []
    for hour in range(10 * DAY, 10 * DAY + 6):
        if hour < 10 * DAY + 2:
            again(hours, hour, 120)
        else:
            hours.watch(hour, hour + 1, {hour: 120})
        signals = [s for s in finding_signals(hours.findings()[hour]) if s.name == "duplicates"]
        decision = decide(rule, [alert] if alert else [], signals, hours.log.clock.now_us())
        alert = decision.changed[0] if decision.changed else alert
        states.append(alert.state if alert else "quiet")
    assert states[:2] == ["firing", "firing"]
    assert states[-1] == "resolved"
    broken = of_hour(hours, 10 * DAY)
    assert broken is not None
    assert broken.share.value == 0.5
    assert broken.rise.low > 0.3
    stored = hours.log.store.get(TRAFFIC, TRAFFIC.key("churn"))
    assert stored is not None
    starts = {(start - START_US) // HOUR_US for start in stored.value.repeated}
    assert starts == {*range(10 * DAY), *range(10 * DAY + 2, 10 * DAY + 6)}


def test_a_past_of_other_fields_is_none() -> None:
    traffic = Traffic(endpoint="churn", length_us=HOUR_US, since_us=0)
    one = Repetition(rows=10.0, share=0.1, worth=10.0, most=0.1)
    days = [day * DAY * HOUR_US for day in range(3)]
    for start_us in days:
        traffic = repeat(traffic, start_us, ("age", "plan"), one)
    assert usual_repeats(traffic, 3 * DAY * HOUR_US, ("age", "plan")) == [one] * 3
    assert usual_repeats(traffic, 3 * DAY * HOUR_US, ("age",)) == []
    assert [*repeat(traffic, 5, ("age",), one).repeated] == [5]


def test_traffic_of_before_is_read() -> None:
    old = b'{"endpoint":"churn","length_us":3600000000,"since_us":0,"rows":{"0":5}}'
    read = msgspec.json.decode(old, type=Traffic)
    assert (read.rows, read.repeated, read.inputs) == ({0: 5}, {}, ())
