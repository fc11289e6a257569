"""Windows beside days that someone chose, as the log holds them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fairlead.app.settings import load_settings
from fairlead.errors import ConfigError
from fairlead.monitoring import choose
from fairlead.monitoring.choose import CHOSEN, SETTLE_US
from fairlead.monitoring.records import FINDINGS
from fairlead.monitoring.span import Span, read_span, reference_of
from fairlead.monitoring.types import Budget, Plan
from fairlead.profiles import Numeric
from fairlead.signature import Batch
from support.hours import PLANS, Hours
from support.log import START_US, open_log

HOUR_US = 3_600_000_000
DAY = Span(START_US, START_US + 24 * HOUR_US)
PLAN = Plan(reference=DAY, budget=Budget(alarms=1.0, windows=730.0, learn=2))


@pytest.fixture
def hours(tmp_path: Path) -> Iterator[Hours]:
    with open_log(tmp_path) as log:
        yield Hours(log, PLAN)


def older(hours: Hours, rows: int) -> Batch:
    """Who asks is twenty years older than those the model was trained on."""
    ages = hours.rng.normal(60, 10, size=(rows, 1))
    return Batch(rows, ("age",), ages, {"plan": hours.rng.choice(PLANS, rows)})


def drifted(hours: Hours) -> list[bool]:
    return ["age" in stored.value.comparison.drifted for stored in hours.log.store.scan(FINDINGS)]


def test_windows_are_compared_with_the_chosen_days_once_these_are_over(hours: Hours) -> None:
    hours.answer(dict.fromkeys(range(24), 300), inputs=older(hours, 24 * 300))
    hours.log.clock.advance(24 * 3600 + 600)
    hours.look()
    assert drifted(hours) == [True] * 24, "the day was not over in the log: training it is"
    hours.answer({24: 300, 25: 300}, inputs=older(hours, 600))
    hours.log.clock.advance(SETTLE_US / 1e6 + 3600)
    hours.look()
    assert drifted(hours) == [True] * 24 + [False] * 2
    (kept,) = hours.log.store.scan(CHOSEN)
    assert kept.value.profile.rows == 24 * 300


def test_days_of_a_version_before_count_on_the_bins_of_the_one_that_answers(hours: Hours) -> None:
    hours.answer({0: 2000}, version="churn:0", inputs=older(hours, 2000))
    hours.answer({1: 900}, version="churn:2", role="candidate")
    hours.answer({30: 300}, inputs=older(hours, 300))
    hours.log.clock.advance(32 * 3600)
    hours.look()
    new = FINDINGS.key("churn/churn:1/stable", f"{START_US + 30 * HOUR_US:020d}")
    found = hours.log.store.get(FINDINGS, new)
    assert found is not None
    assert found.value.comparison.reference_rows == 2000
    assert not found.value.comparison.drifted


def test_of_days_without_rows_there_is_no_reference(hours: Hours) -> None:
    hours.answer({30: 300})
    hours.log.clock.advance(32 * 3600)
    hours.look()
    assert drifted(hours) == [False]
    assert not hours.log.store.scan(CHOSEN)


def test_of_very_many_rows_some_of_each_hour_are_read(
    hours: Hours, monkeypatch: pytest.MonkeyPatch
) -> None:
    ages = np.repeat(np.arange(24.0), 1000)[:, None]
    rows = Batch(24_000, ("age",), ages + 30, {"plan": hours.rng.choice(PLANS, 24_000)})
    hours.answer(dict.fromkeys(range(24), 1000), inputs=rows)
    hours.answer({30: 300})
    hours.log.clock.advance(32 * 3600)
    monkeypatch.setattr(choose, "ROWS_MAX", 2400)
    hours.look()
    (kept,) = hours.log.store.scan(CHOSEN)
    age = kept.value.profile.inputs["age"]
    assert 2000 <= kept.value.profile.rows <= 2400
    assert isinstance(age, Numeric)
    assert (age.low, age.high) == (30.0, 53.0)


@pytest.mark.parametrize("text", ["yesterday", "2026-10-02..2026-10-01", "2026-13-01..2026-13-02"])
def test_what_is_no_reference_is_refused(text: str, tmp_path: Path) -> None:
    assert read_span(text) is None
    with pytest.raises(ConfigError, match="cannot be compared"):
        reference_of(text)
    file = tmp_path / "fairlead.toml"
    file.write_text(f'[endpoint.churn]\nreference = "{text}"\n')
    with pytest.raises(ConfigError, match="cannot be compared"):
        load_settings(file)


def test_one_day_can_be_chosen() -> None:
    assert reference_of("2026-10-01..2026-10-01") == read_span("2026-10-01..2026-10-01")
    assert reference_of("week") == "week"
