"""What was watched can be told: to a terminal, to a script, and in a file to send."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from support.browser import Visit, chromium, faint, overhang_px
from support.waiting import PATIENCE_S
from support.watched import HOUR_US, Watched, older, unplanned

pytestmark = pytest.mark.slow

HOURS = 30


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    """Thirty hours of traffic as in training, up to a while ago."""
    with closing(thirty_hours(tmp_path)) as watched:
        yield watched


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """The same, for those who let no further hour pass."""
    with closing(thirty_hours(tmp_path_factory.mktemp("quiet"))) as quiet:
        yield quiet


def thirty_hours(folder: Path) -> Watched:
    watched = Watched(folder / ".fairlead", time.time_ns() // 1000 - 48 * HOUR_US)
    watched.pass_hours(HOURS)
    return watched


def run(watched: Watched, *arguments: str, status: int) -> str:
    finished = subprocess.run(
        [sys.executable, "-m", "fairlead", "--home", str(watched.home), *arguments],
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
        cwd=watched.home.parent, env={**os.environ, "COLUMNS": "120"},
    )  # fmt: skip
    assert finished.returncode == status, finished.stdout + finished.stderr
    return finished.stdout + finished.stderr


def told(watched: Watched, *arguments: str, status: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        run(watched, "monitor", "churn", "--json", *arguments, status=status)
    )
    return found


def states(found: dict[str, Any]) -> dict[str, str]:
    return {field["name"]: field["state"] for field in found["courses"][0]["fields"]}


def test_an_endpoint_is_quiet_drifts_and_recovers_and_scripts_are_told(watched: Watched) -> None:
    assert "churn: quiet" in run(watched, "monitor", "churn", status=0)
    quiet = told(watched, status=0)
    assert [len(course["moments"]) for course in quiet["courses"]] == [HOURS]
    assert "drifting" not in states(quiet).values()

    watched.pass_hours(6, older)
    shown = run(watched, "monitor", "churn", status=1)
    assert "churn: alarm" in shown
    assert [line for line in shown.splitlines() if line.startswith("age") and "proven by" in line]
    assert states(told(watched, status=1))["age"] == "drifting"
    assert states(told(watched, status=1))["visits"] != "drifting"

    watched.pass_hours(5)
    assert states(told(watched, status=0))["age"] != "drifting", "it recovered"

    watched.pass_hours(1, unplanned)
    shown = run(watched, "monitor", "churn", status=1)
    assert "100.0% of 'plan': values are missing" in shown
    (course,) = told(watched, status=1)["courses"]
    assert [(one["field"], one["kind"]) for one in course["broken"]] == [("plan", "missing")]


def test_what_cannot_be_told_ends_with_another_status_than_an_alarm(quiet: Watched) -> None:
    assert "Did you mean 'churn'?" in run(quiet, "monitor", "chrun", status=2)
    assert "36h" in run(quiet, "monitor", "churn", "--since=yesterday", status=2)
    run(quiet, "monitor", "churn", "--version=churn:9", status=2)
    run(quiet, "monitor", status=2)
    settings = quiet.home.parent / "fairlead.toml"
    kept = settings.read_text()
    settings.write_text("[monitoring]\nwindows = 3\n")
    try:
        run(quiet, "monitor", "churn", status=2)
    finally:
        settings.write_text(kept)


def test_the_span_and_the_version_can_be_chosen(quiet: Watched) -> None:
    assert len(told(quiet, "--since=22h", status=0)["courses"][0]["moments"]) < HOURS
    nothing = run(quiet, "monitor", "churn", "--since=1h", status=0)
    assert "none was looked at in this time" in nothing
    assert told(quiet, "--version=churn:1", status=0)["courses"]


def test_a_report_opens_anywhere_and_says_it_all(watched: Watched, tmp_path: Path) -> None:
    watched.pass_hours(3, labelled=0.5)
    watched.pass_hours(6, older)
    watched.pass_hours(1, unplanned)
    shown = run(watched, "monitor", "churn", status=1)
    assert "slices of churn:1 (stable)" in shown
    assert [line for line in shown.splitlines() if line.startswith("plan: pro")]
    file = tmp_path / "sent" / "report.html"
    file.parent.mkdir()
    assert "alarm" in run(watched, "report", "churn", "-o", str(file), status=0)
    assert [path.name for path in file.parent.iterdir()] == ["report.html"]
    with chromium() as browser:
        for scheme in ("light", "dark"):
            visit = Visit(browser, f"file://{file.parent}", color_scheme=scheme)
            with visit as page:
                page.goto(f"file://{file}")
                page.locator("[data-figure] .main-svg").last.wait_for(state="attached")
                figures = page.locator("[data-figure]").count()
                assert page.locator(".js-plotly-plot").count() == figures >= 3 + 5 + 7
                assert page.get_by_role("heading", level=1).inner_text().startswith("churn")
                assert page.get_by_text("Alarm", exact=True).is_visible()
                assert page.get_by_text("300 of 8,000 rows (3.8%) have a label").is_visible()
                age = page.get_by_role("rowheader", name="age", exact=True)
                row = page.get_by_role("row").filter(has=age).first
                assert "drifting" in row.inner_text()
                assert page.get_by_text("100.0% of 'plan'").first.is_visible()
                page.evaluate("document.querySelectorAll('.figure').forEach(f => f.remove())")
                assert faint(page) == {}
                assert overhang_px(page) == 0


def test_a_report_of_nothing_and_one_that_cannot_be_written(quiet: Watched) -> None:
    run(quiet, "report", "churn", "--since=1h", status=0)
    assert (quiet.home.parent / "churn.html").stat().st_size > 1_000_000
    said = run(quiet, "report", "churn", "-o", "nowhere/x.html", status=1)
    assert "Error: " in said
    assert "Traceback" not in said
