"""Orders of updates: the page and the REST API say the same of what there is not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fairlead.store import Put
from fairlead.updates import UPDATES, UPDATING, Standing, Update
from support.control import Control, control_of
from support.updates import HOSTILE, ended


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Control]:
    with control_of(tmp_path / "home") as control:
        yield control


@pytest.mark.parametrize("word", ["approve", "decline", "cancel"])
def test_an_endpoint_without_updates_has_none_to_tell(control: Control, word: str) -> None:
    assert control.order("/updates/churn", order=word, update="u1").status == 404
    assert control.ask(f"/v1/updates/churn/runs/u1/{word}", method="POST").status == 404


def test_a_word_that_no_page_has_is_refused(control: Control) -> None:
    assert control.order("/updates", order="approve").status == 400


SETTINGS = """
[endpoint.churn.update]
train = "churn_model:train"
every = "7d"
when = ["drift", "labels >= 5000"]
approve = "admin"
"""


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Control]:
    """A home whose model is kept right."""
    (tmp_path / "fairlead.toml").write_text(SETTINGS)
    with control_of(tmp_path / ".fairlead") as control:
        yield control


def put(control: Control, *updates: Update) -> None:
    for update in updates:
        under_way = "" if update.state == "ended" else update.id
        control.workspace.store.commit(
            Put(UPDATES, UPDATES.key("churn", update.id), update, None),
            Put(UPDATING, UPDATING.key("churn"),
                Standing(endpoint="churn", taken_us=1, update=under_way), None),
        )  # fmt: skip


def test_before_the_first_update_the_page_says_when_it_comes(kept: Control) -> None:
    page = kept.ask("/updates").body.decode()
    assert "every 7d" in page
    assert "drift, labels &gt;= 5000" in page
    assert "There was none yet" in kept.ask("/updates/churn").body.decode()


def test_an_update_is_shown_with_what_its_gate_found_and_names_are_text(kept: Control) -> None:
    put(kept, ended("rolled back", 1, error="The guard failures is worse."), ended("promoted", 2))
    page = kept.ask("/updates/churn").body.decode()
    for shown in ("0.812", "0.871", "0.031 to 0.088", "Not known", "42", "churn:2"):
        assert shown in page, shown
    assert "<img onerror" not in page
    assert HOSTILE not in page
    told = kept.ask("/v1/updates/churn/runs").json["runs"]
    assert [each["outcome"] for each in told] == ["promoted", "rolled back"]
    older = told[1]["id"]
    assert (
        "The guard failures is worse." in kept.ask(f"/updates/churn?update={older}").body.decode()
    )
    assert kept.ask(f"/v1/updates/churn/runs/{older}").json["outcome"] == "rolled back"
    assert kept.ask("/updates/churn?update=none").status == 404


def test_one_is_asked_for_once_from_the_page(kept: Control) -> None:
    asked = kept.order("/updates/churn", order="update", reason="A campaign began.")
    assert (asked.status, asked.headers["location"]) == (303, "/updates/churn")
    again = kept.order("/updates/churn", order="update")
    assert again.status == 409
    assert "was asked for" in again.body.decode()
    overview = kept.ask("/v1/updates/churn").json
    assert [cause["reason"] for cause in overview["waiting"]] == ["A campaign began."]


def test_one_that_waits_for_a_word_is_told_it(kept: Control) -> None:
    waiting = ended(None, state="asking", ended_us=None)
    put(kept, waiting)
    assert "Waits for you" in kept.ask("/updates").body.decode()
    told = kept.order("/updates/churn", order="approve", update=waiting.id, reason="Go.")
    assert told.status == 303
    stored = kept.workspace.update_book.update("churn", waiting.id)
    assert stored.word is not None
    assert (stored.word.name, stored.word.reason) == ("approve", "Go.")
    assert kept.order("/updates/churn", order="decline", update=waiting.id).status == 409
