"""`fairlead simulate`: its table, its page, and what it says of plans that make no sense."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from click.testing import CliRunner, Result

from fairlead.app.workspace import Workspace
from fairlead.cli.main import cli
from fairlead.clock import SystemClock
from fairlead.errors import FairleadError
from fairlead.ids import IdSource
from fairlead.predictionlog import JournalWriter, PredictionFrame, encode_prediction
from fairlead.signature import Batch

PLAN = 'steps = ["5% for 1h", "100%"]\nguard = { failures = "ratio <= 1.25" }\nbake = "10m"\n'
ROWS = 400


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    file = tmp_path / "plan.toml"
    file.write_text(PLAN)
    return file


def told(plan: Path, *more: str) -> Result:
    home = ["--home", str(plan.parent / "home")]
    return CliRunner().invoke(cli, [*home, "simulate", str(plan), "--runs", "40", *more])


def answer(home: Path) -> None:
    """An hour of requests, the last tenth of which fail, by units that asked before."""
    clock = SystemClock()
    times = np.linspace(clock.now_us() - 3_500_000_000, clock.now_us(), ROWS).astype(np.int64)
    journals = Workspace(home).home.journals
    journals.mkdir(parents=True, exist_ok=True)
    writer = JournalWriter(journals, "w", clock, rotate_bytes=1 << 20)
    ids = IdSource(clock)
    frames: list[tuple[Literal["ok", "model_error"], Any]] = [
        ("ok", times[: -ROWS // 10]),
        ("model_error", times[-ROWS // 10 :]),
    ]
    for outcome, some in frames:
        rows = len(some)
        frame = PredictionFrame(
            endpoint="churn", revision=1, arm="stable", version="churn:1", role="stable",
            assigned_by="hash", outcome=outcome, source="live", model_us=10_000, time_us=some,
            ids=[ids.take(1).raw()[0] for _ in some], caller_ids=None,
            units=[f"u{n}" for n in range(rows)],
            slots=np.zeros(rows, np.int16), propensity=np.ones(rows),
            queue_us=np.zeros(rows, np.int32), inputs=Batch(rows, ("x",), np.zeros((rows, 1)), {}),
            outputs=Batch(rows, (), np.zeros((rows, 0)), {}),
        )  # fmt: skip
        writer.append(encode_prediction(frame))
    writer.close()


def test_a_candidate_without_a_fault_is_told_beside_one_with_each(plan: Path) -> None:
    lines = told(plan, "--inject", "error_rate=10x", "--inject", "error_rate=20%").stdout
    good, ten, share = (
        next(line for line in lines.splitlines() if line.startswith(name))
        for name in ("no fault", "error_rate=10x", "error_rate=20%")
    )
    assert "0.0%" in good
    assert "71 min" in good
    assert "100.0%" in ten
    assert "failures 100.0%" in share


def test_the_page_has_the_table_and_the_plot(plan: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert f"Written to {page}" in told(plan, "-o", str(page)).stdout
    text = page.read_text()
    assert "error_rate=3x" in text
    assert '"hours since its beginning"' in text


def test_the_traffic_is_that_of_the_log(plan: Path) -> None:
    answer(plan.parent / "home")
    printed = told(plan, "--from-log", "churn").stdout
    assert "10.00% fail; half of them take less than 10 ms." in printed
    assert "of 360 units a day" in printed


def test_a_plan_that_begins_with_a_shadow_is_simulated_from_its_end_on(plan: Path) -> None:
    plain = told(plan).stdout
    shadow = PLAN.replace("[", '["shadow for 1d", ') + 'slices = ["x"]\n'
    plan.write_text(shadow)
    printed = told(plan).stdout
    line = "It begins after the plan's shadow, which reaches nobody.\n"
    assert line in printed
    assert printed.replace(line, "") == plain
    plan.write_text('strategy = "shadow"\n')
    refused = told(plan).exception
    assert isinstance(refused, FairleadError)
    assert "nothing to simulate" in refused.message


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ('step = ["100%"]', "There is no key 'step'"),
        ('steps = ["5% for ever", "100%"]', "no step"),
        ("steps = 5", "array"),
        ("steps = [", "cannot be read"),
        ('strategy = "dark"', "Invalid enum value 'dark'"),
    ],
)
def test_a_plan_that_cannot_be_read_is_refused_by_the_name_of_its_file(
    plan: Path, written: str, says: str
) -> None:
    plan.write_text(written)
    refused = told(plan).exception
    assert isinstance(refused, FairleadError)
    assert str(plan) in refused.message
    assert says in refused.message


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--error-rate", "0"], "Nothing fails"),
        (["--error-rate", "101"], "not between"),
        (["--inject", "errors=3x"], "no fault"),
        (["--from-log", "churn", "--requests", "9"], "not both"),
        (["--from-log", "nobody"], "0 requests"),
    ],
)
def test_what_cannot_be_simulated_is_refused(plan: Path, more: list[str], says: str) -> None:
    refused = told(plan, *more).exception
    assert isinstance(refused, FairleadError)
    assert says in refused.message
    assert refused.hint or "between" in says


def test_a_file_that_is_not_there_is_named(plan: Path) -> None:
    refused = told(plan.with_name("none.toml")).exception
    assert isinstance(refused, FairleadError)
    assert "none.toml" in refused.message
