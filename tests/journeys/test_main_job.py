"""The main job as a user does it: package, up, ask, feedback, look, deploy the next."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

import fairlead
from support.models import ROW, customers, package_churn
from support.platform import Platform
from support.platform import fairlead as run


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("main") / ".fairlead"
    package_churn(home)
    package_churn(home, seed=8)
    return home


@pytest.fixture(scope="module")
def platform(home: Path) -> Iterator[Platform]:
    with Platform(home, "churn:1", "--workers=2") as running:
        yield running


def test_an_answer_is_on_the_log_and_takes_feedback(platform: Platform, tmp_path: Path) -> None:
    body = {"rows": [ROW, {"age": 20, "visits": 1}], "unit": "user-7", "id": ["a", None]}
    reply = platform.predict("churn", body)
    assert reply.status == 200
    answered = reply.json["predictions"]
    assert [set(a["probabilities"]) for a in answered] == [{"left", "stayed"}] * 2
    sent = platform.api(
        "/v1/endpoints/churn/feedback", {"feedback": [{"id": answered[0]["id"], "value": "left"}]}
    )
    assert (sent.status, sent.json) == (200, {"accepted": 1})
    logged = fairlead.read("churn", home=platform.home).collect()
    rows = {row["id"]: row for row in logged.to_dicts()}
    first, second = (rows[a["id"]] for a in answered)
    assert (first["label"], second["label"]) == ("left", None)
    assert (first["caller_id"], second["caller_id"]) == ("a", None)
    assert (first["unit"], first["in.plan"], first["in.age"]) == ("user-7", "pro", 42.5)
    assert (second["in.plan"], second["out.label"]) == (None, answered[1]["label"])
    assert "user-7" in platform.run("predictions", "churn", "--where", "unit=user-7")
    written = tmp_path / "log.parquet"
    platform.run("predictions", "churn", "--limit=0", "-o", str(written))
    assert answered[0]["id"] in pl.read_parquet(written)["id"].to_list()


def test_the_next_version_takes_over_without_a_lost_request(platform: Platform) -> None:
    before = platform.predict("churn", {"rows": [ROW]}).json["predictions"][0]
    said = platform.run("deploy", "churn:2")
    after = platform.predict("churn", {"rows": [ROW]}).json["predictions"][0]
    assert (before["version"], after["version"]) == ("churn:1", "churn:2")
    assert "churn:2 answers" in said
    assert "churn:2 100%" in platform.run("endpoints")


def test_files_are_answered_evaluated_and_labelled(platform: Platform, tmp_path: Path) -> None:
    frame, left = customers(60, seed=9)
    rows = pl.from_pandas(frame)
    asked, labelled, answered = (tmp_path / n for n in ("in.csv", "test.parquet", "out.parquet"))
    rows.write_csv(asked)
    rows.with_columns(label=pl.Series(left)).write_parquet(labelled)
    platform.run("predict", "churn", str(asked), "-o", str(answered))
    out = pl.read_parquet(answered)
    assert out.height == 60
    labels = tmp_path / "labels.csv"
    out.select("id").with_columns(label=pl.Series(left)).write_csv(labels)
    assert "60" in platform.run("feedback", "churn", str(labels))
    said = platform.run("evaluate", "churn:2", str(labelled), "--against", "churn:1",
                        "--slice", "plan")  # fmt: skip
    assert "accuracy" in said
    assert "plan = pro" in said
    assert "Evaluated on 60 rows" in platform.run("show", "churn:2")


def test_the_python_client_gives_frames_for_frames(platform: Platform) -> None:
    frame, _ = customers(30, seed=10)
    client = fairlead.Client(platform.addresses.api)
    answers = client.predict("churn", frame)
    assert type(answers) is type(frame)
    assert answers["label"].isin(["left", "stayed"]).all()
    with pytest.raises(fairlead.InputError, match="age"):
        client.predict("churn", [{"agee": 1, "visits": 2, "plan": None}])
    with pytest.raises(fairlead.NotFoundError):
        client.predict("chum", [ROW])


def test_commands_say_what_does_not_exist(platform: Platform) -> None:
    assert "churn:2" in platform.run("deploy", "churn:9", status=1)
    assert "Did you mean 'churn'?" in platform.run("show", "chrun:1", status=1)
    answering = platform.api("/v1/endpoints/churn").json["arms"][0]["version"]
    assert answering in platform.run("show", "churn@champion")
    assert "alias" in platform.run("show", "churn@retired", status=1)
    platform.run("alias", "churn:1", "retired")
    assert "churn:1" in platform.run("show", "churn@retired")
    assert "team=growth" in platform.run("tag", "churn:1", "team=growth")
    assert "growth" in platform.run("show", "churn:1")
    assert "KEY=VALUE" in platform.run("tag", "churn:1", "growth", status=1)


def test_pages_are_served_for_the_endpoint(platform: Platform) -> None:
    page = platform.control("/try/churn")
    assert (page.status, b"churn" in page.body) == (200, True)
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert b"/v1/endpoints/churn/openapi.json" in platform.control("/docs/churn").body
    described = platform.control("/v1/endpoints/churn/openapi.json").json
    assert described["openapi"].startswith("3.1")
    assert platform.control("/try/chum").status == 404
    passed_on = platform.control("/v1/endpoints/churn/predict", {"rows": [ROW]})
    assert passed_on.json["predictions"][0]["label"] in ("left", "stayed")


def test_a_bundle_travels_as_one_file(platform: Platform, tmp_path: Path) -> None:
    file, other = tmp_path / "churn.fairlead", tmp_path / "other" / ".fairlead"
    platform.run("export", "churn:1", "-o", str(file))
    refused = run(other, "import", str(file), status=1)
    key = refused.split("not trusted here: ")[1].split(".")[0]
    assert "churn:1" in run(other, "import", str(file), "--trust", key)


def test_only_one_platform_serves_a_home(platform: Platform) -> None:
    assert "already running" in platform.run("up", "--port=0", "--control-port=0", status=1)
