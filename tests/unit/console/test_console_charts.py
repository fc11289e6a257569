"""Figures by name: the same for pages, notebooks and as CSV, whatever fields are called."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

import fairlead
from fairlead.app.charts.registry import DRAWINGS
from fairlead.app.charts.streams import WINDOWS_MAX, earliest
from fairlead.app.settings import MonitoringSettings, Settings
from fairlead.app.workspace import Workspace
from fairlead.clock import ManualClock, SystemClock
from fairlead.errors import ConfigError, NotFoundError
from fairlead.learning import LEARNERS, OnlineSpec
from fairlead.learning.decide import begin
from fairlead.learning.types import Point
from fairlead.monitoring.operations import Reading, Readings, paces
from fairlead.store import Put
from support.control import Control
from support.endpoints import HOSTILE, HOUR_US, HOURS, NOW_US, remember, start

NAMES = [name for name in DRAWINGS if name not in ("distribution", "evidence")]
FIGURES = "/v1/endpoints/churn/figures"


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Control]:
    workspace = remember(tmp_path_factory.mktemp("charts") / ".fairlead")
    point = Point(time_us=NOW_US - HOUR_US, version="churn:1", labels=9, learner=0.1, base=0.2)
    spec = OnlineSpec(endpoint="churn")
    learner = msgspec.structs.replace(begin(spec, "churn:1", (), NOW_US), course=(point,))
    workspace.store.commit(Put(LEARNERS, LEARNERS.key("churn"), learner, None))
    yield Control(workspace, keys=False)
    workspace.close()


def numbers(control: Control, path: str) -> list[list[str]]:
    reply = control.ask(f"{FIGURES}/{path}")
    assert reply.status == 200
    text = reply.body.decode()
    assert text.endswith("\r\n")
    return list(csv.reader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_is_drawn_and_has_its_numbers(control: Control, name: str) -> None:
    reply = control.ask(f"{FIGURES}/{name}?hours=48")
    assert reply.status == 200
    assert sum(len(trace["x"]) for trace in reply.json["data"]) > 0
    heads, *rows = numbers(control, f"{name}?hours=48&form=csv")
    assert rows
    assert {len(row) for row in rows} == {len(heads)}


def test_a_notebook_gets_what_the_page_shows(
    control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SystemClock, "now_us", lambda _: NOW_US)
    home = control.workspace.home.path
    drawn = fairlead.figure("churn", "drift", hours=2, home=home, version="churn:1")
    shown = control.ask(f"{FIGURES}/drift?hours=2&version=churn:1").json
    assert len(drawn["data"][0]["x"]) == 2
    assert json.loads(json.dumps(drawn)) == shown


def test_numbers_are_of_the_span_that_was_asked_for(control: Control) -> None:
    assert len(numbers(control, "volume?hours=48&form=csv")) == 1 + HOURS
    assert len(numbers(control, "volume?hours=2&form=csv")) == 1 + 2
    heads, *rows = numbers(control, "latency?form=csv")
    assert heads == ["time", "p99 (ms)", "p50 (ms)"]
    assert rows[-1][1:] == ["20.0", "4.0"]
    assert [row[1] for row in numbers(control, "errors?form=csv")[-2:]] == ["0.0", "1.0"]


def test_releases_and_alerts_stand_on_the_time_axis(control: Control) -> None:
    drawn = control.ask(f"{FIGURES}/requests?hours=48").json
    marks = {trace["name"]: trace for trace in drawn["data"] if trace["mode"] == "markers"}
    assert [text.partition(" ")[0] for text in marks["release"]["customdata"]] == ["churn:1"] * 2
    assert marks["release"]["marker"]["symbol"] != marks["alert"]["marker"]["symbol"]
    assert len(drawn["layout"]["shapes"]) == sum(len(one["x"]) for one in marks.values())


def test_names_of_fields_run_neither_in_a_figure_nor_in_a_spreadsheet(control: Control) -> None:
    drawn = control.ask(f"{FIGURES}/drift?hours=48").json
    assert not [name for name in drawn["layout"]["yaxis"]["ticktext"] if "<" in name]
    opened = {cell[1]: cell[2] for row in drawn["data"][0]["customdata"] for cell in row}
    assert opened[HOSTILE] == str(start(HOURS - 1))
    fields = {row[1] for row in numbers(control, "drift?hours=48&form=csv")[1:]}
    assert f"'{HOSTILE}" in fields


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("drif", 404, "drift"),
        ("nothing-like-it", 404, "requests, errors"),
        ("drift?versoin=a", 400, "version"),
        ("drift?version=churn:11", 404, "churn:1"),
        ("quality?metric=acuracy", 404, "accuracy"),
        ("distribution?window=soon", 400, "microseconds"),
        ("distribution?field=x&window=12", 404, "not kept"),
        ("drift?hours=0", 422, "hours"),
    ],
)
def test_what_is_mistyped_is_told(control: Control, path: str, status: int, says: str) -> None:
    reply = control.ask(f"{FIGURES}/{path}")
    assert reply.status == status
    assert says in reply.body.decode()


def test_an_endpoint_that_is_not_there_is_told_with_the_nearest(control: Control) -> None:
    reply = control.ask("/v1/endpoints/chur/figures/drift")
    assert (reply.status, "churn" in reply.body.decode()) == (404, True)
    with pytest.raises(NotFoundError, match="churn"):
        fairlead.figure("chur", "drift", home=control.workspace.home.path)
    with pytest.raises(ConfigError, match="hours"):
        fairlead.figure("churn", "drift", hours=0, home=control.workspace.home.path)


def test_all_figures_are_listed(control: Control) -> None:
    listed = control.ask(FIGURES).json["figures"]
    assert [one["name"] for one in listed] == [*DRAWINGS]
    assert listed[-1]["options"] == ["version"]


def test_readings_from_before_times_were_kept_are_still_read() -> None:
    old = msgspec.msgpack.encode({"kept": [[0, 0, 0], [60_000_000, 60, 60]]})
    kept = msgspec.msgpack.decode(old, type=Readings)
    assert paces(kept)[0].p99_s is None
    assert paces(Readings((*kept.kept, Reading(120_000_000, 90, 90, 0.1, 0.2))))[-1].p99_s == 0.2


@pytest.mark.parametrize(("window_s", "is_cut"), [(3600.0, False), (0.5, True)])
def test_of_very_short_windows_only_the_last_are_read(
    control: Control, window_s: float, is_cut: bool
) -> None:
    settings = Settings(monitoring=MonitoringSettings(window_s=window_s))
    workspace = Workspace(control.workspace.home.path, ManualClock(NOW_US), settings=settings)
    try:
        since_us = NOW_US - 24 * HOUR_US
        reach_us = NOW_US - round(window_s * 1e6) * WINDOWS_MAX
        assert earliest(workspace, since_us) == (reach_us if is_cut else since_us)
    finally:
        workspace.close()


def test_a_home_without_a_past_has_figures_all_the_same(tmp_path: Path) -> None:
    workspace = remember(tmp_path / ".fairlead", hours=0)
    try:
        control = Control(workspace, keys=False)
        for name in NAMES:
            assert control.ask(f"{FIGURES}/{name}").status == 200
    finally:
        workspace.close()
