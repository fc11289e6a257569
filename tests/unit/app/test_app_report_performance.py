"""A report tells how good answers were: as estimated, as labels say, and how many have one."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fairlead.app.report import write_report
from fairlead.app.watching import look
from support.watched import Watched

DAY_S = 86_400.0


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    watched = Watched(tmp_path / ".fairlead")
    yield watched
    watched.close()


class Told:
    """A report that was written, read back.

    Args:
        watched: that it is of.
        since_s: how far it looks back.
    """

    def __init__(self, watched: Watched, since_s: float = DAY_S) -> None:
        file = watched.home.parent / "report.html"
        write_report(watched.workspace, "churn", file, since_s=since_s)
        page = file.read_text(encoding="utf-8")
        raw = re.search(r'<script type="application/json" id="figures">(.*?)</script>', page, re.S)
        assert raw is not None
        figures: list[dict[str, Any]] = json.loads(raw[1])
        self.figures = {one["layout"]["title"]["text"]: one for one in figures}
        self.text = " ".join(re.sub(r"<[^>]+>", " ", page[: raw.start()]).split())

    def traces(self, title: str) -> dict[str, dict[str, Any]]:
        """Of a figure, by name."""
        return {one["name"]: one for one in self.figures[title]["data"] if "name" in one}


def test_estimates_and_labels_stand_side_by_side_over_time(watched: Watched) -> None:
    watched.pass_hours(3, labelled=1.0)
    watched.pass_hours(2, labelled=0.5, wrong=0.8)
    watched.pass_hours(2)
    told = Told(watched)
    assert "800 of 1,400 rows (57.1%) have a label" in told.text
    drawn = told.traces("accuracy in each window")
    assert list(drawn) == ["estimated", "realised", "limit"]
    estimated, realised, limit = drawn.values()
    assert len(estimated["x"]) == len(realised["x"]) == 7
    assert all(0.6 < value < 1 for value in estimated["y"])
    assert all(0.6 < value < 1 for value in realised["y"][:3])
    assert all(value < limit["y"][0] for value in realised["y"][3:5])
    assert realised["y"][5:] == [None, None], "no label came"
    bars = realised["error_y"]
    assert min(bars["array"][:5]) > 0 < min(bars["arrayminus"][:5])
    low, high = (one["y"] for one in told.figures["accuracy in each window"]["data"][:2])
    assert all(a < b < c for a, b, c in zip(low, estimated["y"], high, strict=True))
    shares = told.traces("Share of each window's rows with a label")["labelled"]
    assert shares["y"] == [1.0, 1.0, 1.0, 0.5, 0.5, 0.0, 0.0]
    assert shares["error_y"]["array"][4] > 0
    for words in ("What is guarded", "roc_auc", "Estimates beside what labels said"):
        assert words in told.text
    plans = told.figures["accuracy by slice"]
    assert sorted(plans["layout"]["yaxis"]["ticktext"]) == [
        "plan: (missing)", "plan: free", "plan: pro", "plan: team",
    ]  # fmt: skip
    assert "4 are compared at once" in told.text
    (course,) = look(watched.workspace, "churn", since_s=DAY_S).slices
    assert (course.rows, course.labelled) == (1400, 800)


def test_without_labels_estimates_are_told_alone(watched: Watched) -> None:
    watched.pass_hours(3)
    told = Told(watched)
    assert "0 of 600 rows (0.0%) have a label." in told.text
    assert "realised" not in told.traces("accuracy in each window")
    assert "too few rows have a label" in told.text
    assert len(told.traces("accuracy in each window")["estimated"]["y"]) == 3
    assert "Estimates beside what labels said" not in told.text


def test_only_the_span_that_was_asked_for_is_told(watched: Watched) -> None:
    watched.pass_hours(6)
    told = Told(watched, since_s=2.5 * 3600)
    assert "of 400 rows" in told.text


def test_before_the_first_window_is_over_nothing_is_known(watched: Watched) -> None:
    watched.pass_hours(2)
    assert "No answer of this time was accounted for yet." in Told(watched, since_s=60).text


def test_a_bundle_that_is_gone_costs_its_limits_alone(watched: Watched) -> None:
    watched.pass_hours(3, labelled=1.0)
    shutil.rmtree(watched.home / "blobs" / "bundles")
    for cached in (watched.home / "cache").iterdir():
        shutil.rmtree(cached)
    told = Told(watched)
    assert list(told.traces("accuracy in each window")) == ["estimated", "realised"]
