"""When a schedule is due: days that are shorter and longer, and settings that make no sense."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.batch import Job
from fairlead.errors import ConfigError
from fairlead.schedules import BatchSettings, Run, Schedule, Timing, schedule_of
from fairlead.schedules.fill import job_of
from fairlead.schedules.slots import following, latest_slot, next_slot

BERLIN = "Europe/Berlin"


def us(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


def shown(time_us: int) -> str:
    return datetime.fromtimestamp(time_us / 1e6, UTC).strftime("%m-%d %H:%M")


def slots_between(timing: Timing, low: str, high: str) -> list[str]:
    """What `latest_slot` gives from minute to minute, each once."""
    found = []
    for time_us in range(us(low), us(high), 60_000_000):
        slot_us = latest_slot(timing, time_us)
        if slot_us is not None and slot_us >= us(low):
            found.append(shown(slot_us))
    return sorted(set(found))


def test_a_night_without_its_hour_has_its_run_and_one_with_two_has_one() -> None:
    nightly = Timing(cron="30 2 * * *", timezone=BERLIN)
    assert slots_between(nightly, "2026-03-27", "2026-03-31") == [
        "03-27 01:30", "03-28 01:30", "03-29 01:00", "03-30 00:30",
    ]  # fmt: skip
    assert slots_between(nightly, "2026-10-24", "2026-10-27") == [
        "10-24 00:30", "10-25 00:30", "10-26 01:30",
    ]  # fmt: skip


def test_what_runs_each_half_hour_does_so_also_in_the_hour_that_there_is_twice() -> None:
    half = Timing(cron="*/30 * * * *", timezone=BERLIN)
    assert len(slots_between(half, "2026-10-24T12:00", "2026-10-25T12:00")) == 48


@given(
    st.sampled_from(["30 2 * * *", "*/20 * * * *", "0 3 * * 1", "15 2 1,15 * *", "59 23 L * *"]),
    st.sampled_from(["UTC", BERLIN, "America/New_York", "Australia/Lord_Howe"]),
    st.integers(us("2026-01-01"), us("2027-12-31")),
)
def test_the_latest_slot_is_one_of_those_that_follow_each_other(
    cron: str, zone: str, now_us: int
) -> None:
    timing = Timing(cron=cron, timezone=zone)
    latest_us, next_us = latest_slot(timing, now_us), next_slot(timing, now_us)
    assert latest_us is not None
    assert next_us is not None
    assert latest_us <= now_us < next_us
    before_us = latest_us - timedelta(days=1) // timedelta(microseconds=1)
    seen = takewhile(lambda slot: slot <= now_us, following(timing, before_us, 200))
    assert latest_us in seen


@given(st.integers(1, 10**6), st.integers(0, 10**16))
def test_slots_of_a_stretch_of_time_are_as_far_apart_as_it_is_long(every: int, now_us: int) -> None:
    timing = Timing(every_us=every * 1_000_000)
    latest_us, next_us = latest_slot(timing, now_us), next_slot(timing, now_us)
    assert latest_us is not None
    assert next_us is not None
    assert latest_us <= now_us < next_us == latest_us + timing.every_us
    assert latest_us % timing.every_us == 0


@pytest.mark.parametrize("now_us", [-(10**18), 0, 1, 10**18])
def test_a_clock_that_is_far_out_of_order_is_no_fault(now_us: int) -> None:
    timing = Timing(cron="0 3 * * *", timezone=BERLIN)
    latest_slot(timing, now_us)
    next_slot(timing, now_us)


def said(**changes: Any) -> BatchSettings:
    known = {"every": "1d", "input": "in.csv", "output": "out/{date}"}
    return BatchSettings(**{**known, **changes})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"input": ""}, "needs an input, and an output or a key"),
        ({"input": []}, "needs an input, and an output or a key"),
        ({"output": ""}, "needs an input, and an output or a key"),
        ({"every": None}, "needs one of 'every' and 'cron'"),
        ({"cron": "0 3 * * *"}, "needs one of 'every' and 'cron'"),
        ({"every": "0s"}, "longer than nothing"),
        ({"every": None, "cron": "three in the morning"}, "is no cron expression"),
        ({"every": None, "cron": "0 3 31 2 *"}, "is no cron expression"),
        ({"timezone": "Europe/Bärlin"}, "no time zone"),
        ({"timezone": "../../etc/passwd"}, "no time zone"),
        ({"output": "out"}, "the same for several runs"),
        ({"every": "1h"}, "the same for several runs"),
        ({"every": None, "cron": "0 3,15 * * *"}, "the same for several runs"),
        ({"output": "out/{run}.parquet"}, "one file"),
        ({"output": "s3://bucket/{run}"}, "cannot be a URL"),
        ({"key": "customer_id"}, "nightly.output' does not go with"),
        ({"output": "", "key": "customer_id", "keep": ["age"]}, "nightly.keep' does not go with"),
    ],
)
def test_a_schedule_that_makes_no_sense_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        schedule_of("churn", "nightly", said(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"every": "1h", "output": "out/{run}"},
        {"every": None, "cron": "0 0 29 2 *"},
        {"every": None, "cron": "0 0 * * *", "timezone": BERLIN},
        {"output": "{date}.csv"},
        {"every": "1h", "output": "", "key": "customer_id"},
    ],
)
def test_a_schedule_that_makes_sense_is_one(changes: dict[str, Any]) -> None:
    assert schedule_of("churn", "nightly", said(**changes)).place == "churn/nightly"


def test_what_is_asked_for_by_hand_lies_beside_what_was_due_that_day() -> None:
    job = Job(version="", inputs=("in/{date}.csv",), output="out/{date}")
    timing = Timing(cron="30 0 * * *", timezone=BERLIN)
    nightly = Schedule(endpoint="churn", name="nightly", timing=timing, job=job)
    slot_us = us("2026-11-21T23:30:00")
    due = job_of(nightly, Run(id="r1", slot_us=slot_us, due_us=0), "churn:1")
    asked = job_of(nightly, Run(id="r2", slot_us=slot_us, due_us=0, asked_by="cli"), "churn:1")
    assert (due.inputs, due.output) == (("in/2026-11-22.csv",), "out/2026-11-22")
    assert (asked.inputs, asked.output) == (("in/2026-11-22.csv",), "out/r2")
    assert due.name != asked.name
