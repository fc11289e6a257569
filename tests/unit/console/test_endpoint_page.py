"""An endpoint's page: all it says is there before any script, and names are only ever text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from markupsafe import escape
from msgspec.structs import replace

from fairlead.app.cost import model_seconds
from fairlead.app.gauges import Seen
from fairlead.app.settings import MonitoringSettings, Settings
from fairlead.clock import ManualClock
from fairlead.monitoring.accounts import STATEMENTS
from fairlead.monitoring.divide import NEW, Slice, Sliced
from fairlead.monitoring.guard import Moments
from fairlead.monitoring.operations import READINGS
from fairlead.monitoring.performance import Coverage
from fairlead.monitoring.records import moment
from fairlead.predictionlog import (
    FeedbackFrame,
    JournalWriter,
    PredictionFrame,
    encode_feedback,
    encode_prediction,
)
from fairlead.signature import Batch
from support.control import Control
from support.endpoints import (
    HOSTILE,
    HOURS,
    NOW_US,
    STREAM,
    put,
    remember,
    start,
    statement,
)
from support.html import Page

PAGE = "/endpoints/churn"
IDS = [number.to_bytes(16, "big") for number in range(1, 4)]
FIRST = "00000000-0000-0000-0000-000000000001"


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Control]:
    workspace = remember(tmp_path_factory.mktemp("page") / ".fairlead")
    stored = workspace.store.get(READINGS, READINGS.key("churn"))
    assert stored is not None
    readings = {"churn": stored.value}
    log(workspace.home.journals)
    yield Control(workspace, keys=False, seen=lambda: Seen(time_us=NOW_US, readings=readings))
    workspace.close()


def log(folder: Path) -> None:
    """Three predictions whose unit, caller's id, category and label are hostile."""
    predictions = PredictionFrame(
        endpoint="churn", revision=1, arm="stable", version="churn:1", role="stable",
        assigned_by="hash", outcome="ok", source="live", model_us=1000,
        time_us=np.full(3, NOW_US - 1_000_000, np.int64) + np.arange(3), ids=IDS,
        caller_ids=[HOSTILE, "b", "c"], units=[HOSTILE, "u", "u"], slots=np.zeros(3, np.int16),
        propensity=np.ones(3), queue_us=np.zeros(3, np.int32),
        inputs=Batch(3, ("x",), np.array([[1.5], [np.nan], [3.0]]),
                     {HOSTILE: np.array([HOSTILE, None, "b"], dtype=object)}),
        outputs=Batch(3, (), np.zeros((3, 0)),
                      {"label": np.array(["yes", "no", "no"], dtype=object)}),
    )  # fmt: skip
    labels = FeedbackFrame(
        endpoint="churn", time_us=np.full(1, NOW_US, np.int64), received_us=NOW_US, ids=IDS[:1],
        names=["label"], values=[HOSTILE], source="api",
    )  # fmt: skip
    for name, frame in (("p", encode_prediction(predictions)), ("f", encode_feedback(labels))):
        writer = JournalWriter(folder, name, ManualClock(NOW_US))
        writer.append(frame)
        writer.close()


def opened(control: Control, path: str) -> tuple[Page, str]:
    reply = control.ask(path)
    text = reply.body.decode()
    assert reply.status == 200, text
    page = Page(text)
    assert not page.inline()
    assert "<img" not in text
    return page, text


def test_words_and_numbers_come_with_the_page(control: Control) -> None:
    page, text = opened(control, f"{PAGE}?hours=48")
    tiles = {a["data-live"]: t for _, a, t in page.elements if "data-live" in a}
    assert set(tiles) == {f"churn {name}" for name in ("rate", "errors", "p99", "rows")}
    assert "".join(tiles["churn errors"]) == "100 %"
    assert "".join(tiles["churn rate"]) == "10 /min"
    assert "moved" in text
    assert page.by_id("releases")[2].count("churn:1") >= 1
    assert "accuracy" in text
    assert "0.850" in text  # of the newest window by labels
    assert str(escape(HOSTILE)) in text
    assert "\u202e" in page.by_id("alerts")[2]


def test_each_name_of_a_caller_says_its_own_direction(control: Control) -> None:
    for path in (f"{PAGE}?hours=48", f"{PAGE}/predictions"):
        _, text = opened(control, path)
        around = re.findall(rf"<([^<>]*)>[^<>]*{re.escape(str(escape(HOSTILE)))}", text)
        assert around
        assert [element for element in around if 'dir="auto"' not in element] == []


def test_every_figure_of_the_page_can_be_had_here_as_csv_and_in_python(control: Control) -> None:
    page, text = opened(control, f"{PAGE}?hours=48")
    figures = [found["data-figure"] for found in page.all("figure")]
    assert len(figures) == 9
    for path in figures:
        assert control.ask(path).status == 200
        assert control.ask(f"{path}&form=csv").status == 200
    assert text.count("fairlead.figure(") == len(figures)
    heights = [found for found in page.all("div") if found.get("class") == "canvas"]
    assert all("height:" in found["style"] for found in heights)


def test_own_metrics_are_told_of_the_last_window_and_of_all(control: Control) -> None:
    page, _ = opened(control, f"{PAGE}?hours=48")
    shown = page.by_id("own")[2]
    assert "25 20 to 30" in shown
    assert "150 132 to 168" in shown
    told = control.ask("/v1/endpoints/churn/health?hours=48").json["goals"]
    assert [(one["name"], one["whole"]["value"]) for one in told] == [("paid", 25.0 * HOURS)]
    drawn = control.ask("/v1/endpoints/churn/figures/own?hours=48&metric=paid").json
    assert drawn["data"][0]["y"] == [25.0] * HOURS
    assert control.ask("/v1/endpoints/churn/figures/own?metric=piad").status == 404


def test_slices_are_told_worst_first_with_how_they_were_compared(control: Control) -> None:
    page, text = opened(control, f"{PAGE}?hours=48")
    shown = page.by_id("slices")[2]
    assert shown.index(HOSTILE[:20]) < shown.index("(new)")
    assert "worse" in shown
    assert "3 are compared at once" in shown
    assert "98.3 %" in shown
    assert "{{7*7}}" in text
    told = control.ask("/v1/endpoints/churn/slices?hours=48&version=churn:1").json
    assert [line["name"] for line in told["lines"]] == [HOSTILE, NEW, "b"]
    assert [line["verdict"] for line in told["lines"]] == ["worse", "no difference seen", "better"]
    assert (told["rows"], told["labelled"]) == (200 * HOURS, 50 * HOURS)
    assert told["whole"]["value"] == 0.8
    assert control.ask("/v1/endpoints/churn/health?hours=48").json["slices"] == told
    short = control.ask("/v1/endpoints/churn/slices?hours=2").json
    assert short["rows"] == 400


@pytest.mark.parametrize("query", ["hours=0", "hours=nan"])
def test_slices_of_a_span_that_makes_no_sense_are_refused(control: Control, query: str) -> None:
    assert control.ask(f"/v1/endpoints/churn/slices?{query}").status == 422
    reply = control.ask("/v1/endpoints/churn/slices?version=churn:9")
    assert (reply.status, b"hint" in reply.body) == (404, True)


@pytest.mark.parametrize(
    ("slices", "labelled", "says"),
    [
        ({}, 0, "Name some in fairlead.toml"),
        ({"plan": {"free": Slice(200)}}, 0, "No row of this time has a label"),
        (
            {"plan": {"free": Slice(3, {"error": Moments(3, 1, 1)})}},
            3,
            "takes ten rows with a label",
        ),
    ],
)
def test_slices_that_tell_nothing_yet_say_what_to_do(
    tmp_path: Path, slices: Sliced, labelled: int, says: str
) -> None:
    settings = Settings(monitoring=MonitoringSettings(slices=["plna"]))
    workspace = remember(tmp_path / ".fairlead", hours=0, settings=settings)
    try:
        coverage = Coverage(answered=200, labelled=labelled)
        one = replace(statement(HOURS - 1), slices=slices, coverage=coverage)
        put(workspace, STATEMENTS, STREAM.place, moment(one.start_us), value=one)
        page, _ = opened(Control(workspace, keys=False), PAGE)
        shown = page.by_id("slices")[2]
        assert says in shown
        assert "not divided by plna" in shown
    finally:
        workspace.close()


def test_every_link_of_the_page_leads_somewhere(control: Control) -> None:
    page, _ = opened(control, f"{PAGE}?hours=48")
    elsewhere = ("/docs/", "/try/", "/endpoints/churn/releases")
    paths = {found["href"].partition("#")[0] for found in page.all("a")} - {""}
    for path in sorted(paths):
        if not path.startswith(elsewhere):
            assert control.ask(path).status == 200, path


def test_a_cell_of_the_heat_map_has_a_link_in_the_table(control: Control) -> None:
    page, _ = opened(control, f"{PAGE}?hours=48")
    links = [found["href"] for found in page.all("a") if "field=x&window=" in found["href"]]
    told = control.ask("/v1/endpoints/churn/health?hours=48").json["fields"]
    (worst_us,) = (field["worst_us"] for field in told if field["name"] == "x")
    assert links == [f"{PAGE}?hours=48&field=x&window={worst_us}#field"]


def test_a_field_in_a_window_is_told_with_the_numbers_of_its_test(control: Control) -> None:
    at = f"field={quote(HOSTILE)}&window={start(HOURS - 1)}"
    told = control.ask(f"/v1/endpoints/churn/field?{at}").json
    assert told["field"] == HOSTILE
    assert told["drift"]["test"]
    assert told["before_us"] == start(HOURS - 2)
    _, text = opened(control, f"{PAGE}?hours=48&{at}")
    assert "Kolmogorov" not in text  # of numbers alone
    assert "degrees of freedom" in text
    _, text = opened(control, f"{PAGE}?hours=48&field=x")
    assert "Kolmogorov" in text


@pytest.mark.parametrize(
    ("query", "says"),
    [("field=agee", "no field of this name"), ("field=x&window=12", "not kept")],
)
def test_a_field_that_is_not_there_is_told_in_the_page(
    control: Control, query: str, says: str
) -> None:
    page, _ = opened(control, f"{PAGE}?{query}")
    assert says in page.by_id("field")[2]


@pytest.mark.parametrize(
    "path",
    [f"{PAGE}x", f"{PAGE}?version=churn:9", f"{PAGE}x/predictions", "/v1/endpoints/a/health"],
)
def test_what_is_not_there_is_told_with_the_nearest(control: Control, path: str) -> None:
    reply = control.ask(path)
    assert reply.status == 404
    assert b"hint" in reply.body


@pytest.mark.parametrize("query", ["hours=0", "hours=nan", "window=-1", "window=x", "hours=1e9"])
def test_what_makes_no_sense_is_refused(control: Control, query: str) -> None:
    assert control.ask(f"{PAGE}?{query}").status == 422


def test_the_rest_api_tells_the_same(control: Control) -> None:
    told = control.ask("/v1/endpoints/churn/health?hours=48").json
    assert told["stream"]["version"] == "churn:1"
    assert [line["rows"] for line in told["windows"]] == [200] * HOURS
    assert (told["answered"], told["labelled"]) == (200 * HOURS, 50 * HOURS)
    assert told["fields"][0]["name"] == "x"
    short = control.ask("/v1/endpoints/churn/health?hours=2").json
    assert len(short["windows"]) == 2


def test_predictions_are_found_as_they_are_on_the_log(control: Control) -> None:
    told = control.ask("/v1/endpoints/churn/predictions").json
    assert [one["inputs"]["x"] for one in told["predictions"]] == [3.0, None, 1.5]
    assert told["is_whole"]
    (one,) = control.ask(f"/v1/endpoints/churn/predictions?id={FIRST.upper()}").json["predictions"]
    assert one["unit"] == HOSTILE
    assert [came["value"] for came in one["feedback"]] == [HOSTILE]
    by_unit = control.ask("/v1/endpoints/churn/predictions?unit=u&limit=1").json["predictions"]
    assert [each["outputs"]["label"] for each in by_unit] == ["no"]
    path = f"/v1/endpoints/churn/predictions?caller_id={quote(HOSTILE)}"
    assert len(control.ask(path).json["predictions"]) == 1
    assert control.ask("/v1/endpoints/churn/predictions?limit=0").status == 422


def test_a_prediction_opens_to_all_that_is_known_of_it(control: Control) -> None:
    page, text = opened(control, f"{PAGE}/predictions?by=unit&value={quote(HOSTILE)}")
    (details,) = page.all("details")
    assert "open" in details
    assert FIRST in text
    assert "1 ms" in text
    _, text = opened(control, f"{PAGE}/predictions?by=id&value=nonsense")
    assert "Nothing found" in text


def test_empty_pages_say_what_to_do_next(tmp_path: Path) -> None:
    workspace = remember(tmp_path / ".fairlead", hours=0)
    try:
        control = Control(workspace, keys=False)
        _, text = opened(control, PAGE)
        assert "fairlead feedback churn" in text
        assert "No window of this time" in text
        assert "No row of this time is accounted for" in text
        _, text = opened(control, f"{PAGE}/predictions")
        assert "fairlead predict churn" in text
    finally:
        workspace.close()


def test_what_answers_cost_is_of_their_own_endpoint() -> None:
    assert model_seconds([], "churn") is None
