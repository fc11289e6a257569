"""Pages of models, alerts and jobs: what they show, and what their buttons do."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from fairlead.schedules import JobBook
from fairlead.schedules.types import STANDINGS
from support.catalogue import BACKWARDS, EVIL, LONG, fill
from support.control import Control, control_of
from support.html import Page

PAGES = (
    "/models", "/models/churn", "/models/churn/1", "/models/churn/2", "/models/churn/3",
    "/models/churn/compare?left=1&right=2", "/alerts", "/alerts?endpoint=churn", "/jobs",
    "/jobs/churn/nightly", "/jobs/churn/nightly?run=2026-11-21T030000Z", "/jobs/churn/hourly",
)  # fmt: skip
EMPTY = (
    ("/models", "No models yet"), ("/alerts", "Nothing is wrong"), ("/jobs", "No scheduled jobs"),
)  # fmt: skip


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("filled"))


@pytest.fixture
def control(filled: Path, tmp_path: Path) -> Iterator[Control]:
    """Of a copy, so that each test may change it."""
    shutil.copytree(filled.parent, tmp_path / "copy")
    with control_of(tmp_path / "copy" / ".fairlead") as control:
        yield control


def text_of(control: Control, path: str, status: int = 200) -> str:
    reply = control.ask(path)
    assert reply.status == status, reply.body
    return words(reply.body)


def words(body: bytes) -> str:
    """All text of a page; it is sound, and nothing that a name holds has become an element."""
    page = Page(body.decode())
    assert not page.all("img")
    assert all("onerror" not in attributes for _, attributes, _ in page.elements)
    return " ".join("".join(next(text for tag, _, text in page.elements if tag == "html")).split())


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_sound_and_shows_hostile_names_as_text(control: Control, path: str) -> None:
    assert "Fairlead" in text_of(control, path)


def test_hostile_names_are_there_as_they_are(control: Control) -> None:
    for path, names in (
        ("/models/churn/1", (EVIL, BACKWARDS, LONG)),
        ("/models/churn/2", (EVIL, BACKWARDS)),
        ("/alerts", (EVIL, BACKWARDS, LONG)),
        ("/jobs/churn/nightly?run=2026-11-21T030000Z", (EVIL, LONG)),
    ):
        shown = text_of(control, path)
        assert [name for name in names if name not in shown] == []


@pytest.mark.parametrize(("path", "said"), EMPTY)
def test_an_empty_page_says_so(tmp_path: Path, path: str, said: str) -> None:
    (tmp_path / ".fairlead").mkdir(mode=0o700)
    with control_of(tmp_path / ".fairlead") as control:
        assert said in text_of(control, path)


@pytest.mark.parametrize(
    "path", ["/models/chur", "/models/churn/9", "/models/churn/compare?left=1&right=9",
             "/jobs/churn/nightl", "/jobs/churn/nightly?run=none"],
)  # fmt: skip
def test_what_there_is_not_is_not_found(control: Control, path: str) -> None:
    assert control.ask(path).status == 404


def test_a_version_says_how_exactly_it_answers_and_what_to_know(control: Control) -> None:
    shown = text_of(control, "/models/churn/1")
    assert "on all" in shown
    assert "rows of its receipt" in shown
    assert "Worst difference, probabilities" in shown
    assert "18.3 89.8" in shown  # the range of age
    pickled = text_of(control, "/models/churn/3")
    assert "fairlead deploy churn:3 --allow-pickle" in pickled
    assert "Deploy…" not in pickled
    assert "was not measured" in pickled


def test_two_versions_are_compared_row_by_row_and_field_by_field(control: Control) -> None:
    shown = text_of(control, "/models/churn/compare?left=1&right=2")
    assert "Both were measured on the same rows." in shown
    assert f"then with the categories '{EVIL}', '{BACKWARDS}'" in shown
    assert "then without the categories 'pro', 'team'" in shown
    found = control.ask("/v1/models/churn/compare?left=1&right=2").json
    pairs = {pair["name"]: pair for pair in found["metrics"]}
    back = control.ask("/v1/models/churn/compare?left=2&right=1").json["metrics"]
    gap = pairs["accuracy"]["difference"]
    assert gap["low"] <= gap["value"] <= gap["high"]
    (turned,) = (pair["difference"] for pair in back if pair["name"] == "accuracy")
    assert (turned["low"], turned["high"]) == pytest.approx((-gap["high"], -gap["low"]))


def test_the_api_says_of_a_version_what_its_page_does(control: Control) -> None:
    found = control.ask("/v1/versions/churn@next").json
    assert found["line"]["name"] == "churn:2"
    assert found["line"]["parent"] == "churn:1"
    assert found["line"]["answers"] == [{"endpoint": "churn", "role": "candidate", "share": 0.05}]
    assert found["proof"]["differing"] == 0
    assert {file["path"] for file in found["files"]} >= {"bundle.json", "receipt.json"}
    models = control.ask("/v1/models").json["models"]
    assert [(one["name"], one["latest"], len(one["versions"])) for one in models] == [
        ("churn", 3, 3)
    ]


def test_a_deployment_is_asked_for_with_its_reason(control: Control) -> None:
    reply = control.order(
        "/models/churn/2", order="deploy", endpoint="other", strategy="now", reason="It is better."
    )
    assert (reply.status, reply.headers["location"]) == (303, "/endpoints/other")
    (release,) = control.workspace.releases.releases("other")
    assert (release.version.name, release.reason) == ("churn:2", "It is better.")
    again = control.order("/models/churn/1", order="deploy", endpoint="other", strategy="now")
    assert again.status == 409
    assert "is under way" in words(again.body)


def test_a_pickle_is_not_deployed_from_a_page(control: Control) -> None:
    reply = control.order("/models/churn/3", order="deploy", endpoint="churn", strategy="now")
    assert reply.status == 400
    assert "fairlead deploy --allow-pickle" in words(reply.body)
    assert control.workspace.releases.releases() == []


def test_aliases_are_set_and_taken_away(control: Control) -> None:
    registry = control.workspace.registry
    assert control.order("/models/churn/1", order="point", alias="old").status == 303
    assert registry.aliases("churn")["old"] == 1
    assert control.order("/models/churn/1", order="take away", alias="old").status == 303
    assert "old" not in registry.aliases("churn")
    refused = control.order("/models/churn/1", order="point", alias="Not A Word")
    assert (refused.status, "cannot be called" in words(refused.body)) == (400, True)
    assert control.order("/models/churn/1", order="take away", alias="old").status == 404
    put = control.ask("/v1/models/churn/aliases/old", {"version": 2}, method="PUT")
    assert put.json["aliases"]["old"] == 2
    gone = "/v1/models/churn/aliases/old?reason=not+used"
    assert control.ask(gone, method="DELETE").status == 200
    (event,) = control.workspace.store.recent(limit=1)
    assert (event.action, event.detail["version"], event.detail["reason"]) == (
        "alias", None, "not used",
    )  # fmt: skip
    too_long = f"/v1/models/churn/aliases/v1?reason={'x' * 501}"
    assert control.ask(too_long, method="DELETE").status == 422


def test_alerts_stand_where_they_belong(control: Control) -> None:
    page = Page(control.ask("/alerts").body.decode())
    assert "4 alerts fire; 1 of severity page" in page.by_id("firing")[2]
    assert "latency" in page.by_id("pending")[2]
    assert "accuracy" in page.by_id("history")[2]
    assert "It answered with status 500." in page.by_id("undelivered")[2]
    assert "failed requests use up their budget of 0.1 %" in page.by_id("firing")[2]
    assert (
        "churn" not in Page(control.ask("/alerts?endpoint=none").body.decode()).by_id("firing")[2]
    )


def test_who_is_on_an_alert_is_shown_until_it_is_over(control: Control) -> None:
    name = f"churn/missing/{EVIL}"
    reply = control.order("/alerts", order="acknowledge", alert=name, reason=f"I look. {EVIL}")
    assert (reply.status, reply.headers["location"]) == (303, "/alerts")
    assert "is on it since" in text_of(control, "/alerts")
    assert control.workspace.alert_book.alert(name).acknowledged is not None
    gone = control.order("/alerts", order="acknowledge", alert="churn/accuracy/churn:1")
    assert (gone.status, "is resolved" in words(gone.body)) == (409, True)
    assert control.order("/alerts", order="acknowledge", alert="none").status == 404
    told = control.ask("/v1/alerts/acknowledgements", {"alert": "churn/errors", "note": "Mine."})
    assert (told.status, told.json["note"]) == (201, "Mine.")


@pytest.mark.parametrize(
    ("about", "silenced"), [("alert", 1), ("rule", 2), ("all", 5)],
)  # fmt: skip
def test_a_silence_covers_what_was_chosen(control: Control, about: str, silenced: int) -> None:
    fields = {"endpoint": "churn", "rule": "drift", "subject": BACKWARDS, "about": about}
    reply = control.order("/alerts", order="silence", **{"for": "2h"}, reason="Work.", **fields)
    assert reply.status == 303
    found = control.ask("/v1/alerts").json["alerts"]
    assert sum(one["silenced_until_us"] is not None for one in found) == silenced
    (silence,) = control.workspace.alert_book.silences()
    assert control.order("/alerts", order="unsilence", silence=silence.id).status == 303
    assert control.workspace.alert_book.silences() == []


@pytest.mark.parametrize(
    ("fields", "status"),
    [({"order": "silence", "endpoint": "churn", "for": "soon"}, 400),
     ({"order": "silence", "endpoint": "none", "for": "2h"}, 404),
     ({"order": "silence", "endpoint": "churn", "for": "900d"}, 400),
     ({"order": "unsilence", "silence": "none"}, 404), ({"order": "dance"}, 400),
     ({"reason": "x"}, 400)],
)  # fmt: skip
def test_what_makes_no_sense_is_said_on_the_page(
    control: Control, fields: dict[str, str], status: int
) -> None:
    reply = control.order("/alerts", **fields)
    assert reply.status == status
    assert 'role="alert"' in reply.body.decode()
    assert "Over in the last seven days" in words(reply.body)


def test_a_job_is_run_paused_and_resumed(control: Control) -> None:
    book: JobBook = control.workspace.job_book
    path = "/jobs/churn/hourly"
    assert control.order(path, order="run", job="churn/hourly").headers["location"] == path
    assert book.job("churn/hourly").asked_by
    assert control.order("/jobs", order="run", job="churn/hourly").status == 409
    paused = control.order("/jobs", order="pause", job="churn/hourly", reason=f"Work. {EVIL}")
    assert (paused.status, paused.headers["location"]) == (303, "/jobs")
    assert book.job("churn/hourly").next_us is None
    assert "asked for by" in text_of(control, path)
    refused = control.order(path, order="pause", job="churn/hourly")
    assert (refused.status, "is paused already" in words(refused.body)) == (409, True)
    assert control.order(path, order="resume", job="churn/hourly").status == 303
    assert book.job("churn/hourly").paused is None
    assert control.ask("/v1/jobs/churn/hourly/pause", {"reason": "x"}, method="PUT").json["paused"]
    resumed = control.ask("/v1/jobs/churn/hourly/pause?reason=done", method="DELETE")
    assert resumed.json["paused"] is None
    (event,) = control.workspace.store.recent(limit=1)
    assert (event.action, event.detail) == ("job resumed", {"reason": "done"})
    standing = control.workspace.store.get(STANDINGS, STANDINGS.key("churn/hourly"))
    assert standing is not None


def test_what_a_reader_of_the_answers_should_know_is_told(control: Control) -> None:
    note = f"People decide every row. {EVIL}"
    for path in ("/jobs", "/jobs/churn/nightly?run=2026-11-21T030000Z"):
        assert note in text_of(control, path)
    (run,) = control.ask("/v1/jobs/churn/nightly/runs").json["runs"][1:]
    assert run["notes"] == [note]


def test_a_run_shows_how_far_it_is_and_what_it_said(control: Control) -> None:
    page = Page(control.ask("/jobs/churn/nightly").body.decode())
    ((bar,), shown) = page.all("progress")[:1], page.by_id("run")[2]
    assert (bar["value"], bar["max"]) == ("48000", "120000")
    assert "48,000 of 120,000" in shown
    assert "It begins: churn:1 answers." in shown
    assert "Run now…" not in page.by_id("orders")[2]
    assert "119,990" in page.by_id("runs")[2]
