"""A model decides what it is sure of: said while callers ask, heard at once, and on the log."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import fairlead
from support.models import ROW, package_churn
from support.platform import Platform, ask
from support.waiting import until

pytestmark = pytest.mark.slow

JSON = {"content-type": "application/json"}
PATH = "/v1/endpoints/churn/automation"
ROWS = [{**ROW, "age": age} for age in range(18, 90)]


def told(platform: Platform) -> tuple[int, list[dict[str, Any]]]:
    reply = platform.predict("churn", {"rows": ROWS})
    return reply.status, reply.json["predictions"]


def confidence(row: dict[str, Any]) -> float:
    return float(max(row["probabilities"].values()))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("automation") / ".fairlead"
    package_churn(home)
    return home


def test_the_model_decides_what_it_is_sure_of_as_soon_as_that_is_said_and_no_longer(
    home: Path,
) -> None:
    with Platform(home, "churn:1", "--workers=2") as platform:
        revision = platform.api("/v1/endpoints/churn").json["revision"]
        status, full = told(platform)
        assert (status, "decided_by" in full[0]) == (200, False)
        sure = sorted(map(confidence, full))[len(full) // 2]
        said = platform.run(
            "automation", "churn", "partial", "--auto-if", f"confidence >= {sure!r}", "--queue=desk"
        )
        assert "people of the queue 'desk' the others" in said
        expected = ["model" if confidence(row) >= sure else "pending" for row in full]
        assert {*expected} == {"model", "pending"}
        partial: list[dict[str, Any]] = []
        for _ in range(20):  # each worker has taken it over
            status, rows = told(platform)
            assert (status, [row["decided_by"] for row in rows]) == (202, expected)
            partial += rows
        for row, before in zip(partial[: len(full)], full, strict=True):
            if row["decided_by"] == "pending":
                assert {*row} == {"id", "decided_by"}
            else:
                assert row["probabilities"] == before["probabilities"]
        assert "partial (desk)" in platform.run("endpoints")
        refused = platform.api("/invocations", {"dataframe_records": ROWS[:1]},
                               headers={"content-type": "application/json"})  # fmt: skip
        assert refused.status == 409

        back = ask(platform.addresses.control, PATH, {"mode": "full", "reason": "over"}, "PUT",
                   {"content-type": "application/json"})  # fmt: skip
        assert (back.status, back.json["mode"]) == (200, "full")
        until(lambda: told(platform)[0] == 200, "the way back")
        assert platform.api("/v1/endpoints/churn").json["revision"] == revision
        unknown = platform.api(f"/v1/predictions/{full[0]['id']}")
        assert unknown.status == 404

        log = fairlead.read("churn", home=home).select("id", "decided_by", "out.label").collect()
        on = {one: (by, label) for one, by, label in log.iter_rows()}
        assert {row["id"]: on[row["id"]][0] for row in partial} == {
            row["id"]: row["decided_by"] for row in partial
        }
        assert {on[row["id"]][0] for row in full} == {None}
        assert all(on[row["id"]][1] is not None for row in partial)


def test_where_people_decide_callers_poll_and_the_model_is_not_asked(home: Path) -> None:
    with Platform(home, "churn:1", "--workers=1") as platform:
        platform.run("automation", "churn", "human")
        reply = platform.predict("churn", {"rows": [ROW]})
        (row,) = reply.json["predictions"]
        assert (reply.status, row) == (202, {"id": row["id"], "decided_by": "pending"})
        path = f"/v1/predictions/{row['id']}"
        until(lambda: platform.api(path).status == 200, "the task")
        assert platform.api(path).json["decided_by"] == "pending"
        decide = f"/v1/tasks/{row['id']}/decide"
        told = platform.control(decide, {"decision": "left"}, headers=JSON).json
        until(lambda: platform.api(path).json["decided_by"] == "person", "the decision")
        found = platform.api(path).json
        assert found == {
            "id": row["id"], "endpoint": "churn", "decided_by": "person", "decision": "left",
            "decided_at": found["decided_at"],
        }  # fmt: skip
        at = datetime.fromisoformat(found["decided_at"])
        assert abs(at.timestamp() - told["decided_us"] / 1e6) < 0.001
    log = fairlead.read("churn", home=home).collect()
    (mine,) = log.filter(log["id"] == row["id"]).to_dicts()
    assert (mine["source"], mine["decided_by"], mine["out.label"]) == ("human", "pending", None)
    assert mine["in.age"] == ROW["age"]
