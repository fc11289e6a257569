"""Predictions made ahead, from files to requests, through commands and over sockets."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import fairlead
from support.batch import rows_of
from support.load import Load
from support.metrics import Exposed
from support.models import package_churn
from support.platform import Platform
from support.platform import fairlead as command
from support.redis import needs_redis, running_redis
from support.reply import Reply
from support.waiting import until

pytestmark = pytest.mark.slow

ROWS = 300
SETTINGS = """
[server]
lookup = "{lookup}"
# A machine that is busy may keep Redis waiting for its turn: here that is no failure.
lookup_timeout_s = 20.0

[endpoint.churn]
answer = ["precomputed(24h)", "live", "cached", "constant"]
constant = {{ label = "stayed", probabilities = {{ left = 0.0, stayed = 1.0 }} }}

[endpoint.churn.cache]
ttl = "1m"
"""


@pytest.fixture(params=["lmdb", pytest.param("redis", marks=needs_redis)])
def lookup(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "lmdb":
        yield ""
        return
    with running_redis(tmp_path) as (url, _):
        yield url


def look_up(platform: Platform, key: object) -> Reply:
    return platform.api(f"/v1/endpoints/churn/lookup/{key}")


def first(reply: Reply) -> dict[str, Any]:
    assert reply.status == 200, reply.json
    return dict(reply.json["predictions"][0])


def made_s(platform: Platform, key: object) -> float:
    """When the prediction was made that is looked up, about."""
    age_s: float = first(look_up(platform, key))["age_s"]
    return time.time() - age_s


class LookUps(Load):
    """Asks for keys of a table, by both ways."""

    def __init__(self, platform: Platform, keys: list[int], place: int) -> None:
        super().__init__(place)
        self._platform = platform
        self._keys = keys

    def ask(self, number: int) -> None:
        key = self._keys[number % len(self._keys)]
        if number % 2:
            reply = look_up(self._platform, key)
        else:
            reply = self._platform.predict("churn", {"rows": [{"key": key}]})
        self.statuses[reply.status] += 1


def test_what_was_precomputed_is_looked_up_and_replaced_under_load(
    tmp_path: Path, lookup: str
) -> None:
    home = tmp_path / ".fairlead"
    package_churn(home)
    (tmp_path / "fairlead.toml").write_text(SETTINGS.format(lookup=lookup))
    rows = rows_of(ROWS)
    rows.write_parquet(tmp_path / "in.parquet")
    source, keys = str(tmp_path / "in.parquet"), rows["customer_id"].to_list()
    precompute = ("precompute", "churn", source, "--key", "customer_id")
    with Platform(home, "churn:1", "--workers=2") as platform:
        assert "fairlead precompute churn" in look_up(platform, keys[0]).error["hint"]
        told = platform.run(*precompute)
        assert f"{ROWS} predictions of churn:1 are looked up" in told
        until(lambda: {look_up(platform, keys[0]).status for _ in range(8)} == {200}, "the table")
        given = rows.drop("customer_id").row(0, named=True)
        live = first(platform.predict("churn", {"rows": [given]}))
        made = first(look_up(platform, keys[0]))
        assert made["probabilities"] == live["probabilities"]
        assert (made["source"], live["source"]) == ("precomputed", "live")
        by_key = platform.predict("churn", {"key": keys[0], **given})
        assert first(by_key)["source"] == "precomputed"
        assert "source=precomputed, age_s=" in by_key.headers["fairlead-route"]

        load = [LookUps(platform, keys, place) for place in range(2)]
        for one in load:
            one.start()
        try:
            before_s = made_s(platform, keys[1])
            platform.run(*precompute)
            between_s = time.time()
            platform.run(*precompute)
            until(lambda: made_s(platform, keys[1]) > between_s - 0.1 > before_s, "the new table")
        finally:
            statuses = [one.stop().statuses for one in load]
        assert all(set(counted) == {200} for counted in statuses), (statuses, platform.log)
        assert sum(map(sum, (counted.values() for counted in statuses))) > 20

        assert platform.api("/v1/endpoints/churn/feedback", {
            "feedback": [{"id": made["id"], "value": "left"}]
        }).status == 200  # fmt: skip
        counted = Exposed(platform.api("/metrics").body.decode())
        hits = counted.total("fairlead_lookups_total", table="precomputed.churn", result="hit")
        assert hits > 20
    log = fairlead.read("churn", home=home).collect()
    mine = log.filter(pl.col("id") == made["id"])
    assert mine["source"].to_list() == ["precomputed"]
    assert mine["label"].to_list() == ["left"]
    parents = log.filter(pl.col("source") == "batch")["id"]
    assert mine["parent_id"].item() in parents.to_list()


def test_killed_while_it_publishes_it_leaves_what_was_there_and_goes_on(tmp_path: Path) -> None:
    home = tmp_path / ".fairlead"
    package_churn(home)
    folder = tmp_path / "in"
    folder.mkdir()
    for place in range(12):
        rows_of(ROWS, seed=place + 1).write_parquet(folder / f"{place:02d}.parquet")
    small = tmp_path / "small.parquet"
    rows_of(20).write_parquet(small)
    command(home, "precompute", "churn", str(small), "--key", "customer_id")
    kept = len(fairlead.read("churn", home=home).collect())
    key = rows_of(20)["customer_id"][0]
    arguments = ["precompute", "churn", str(folder), "--key", "customer_id", "--workers=1"]
    with Platform(home, "churn:1", "--workers=1") as platform:
        until(lambda: look_up(platform, key).status == 200, "the table")
        for pause_s in (0.6, 1.2, 1.6, 2.0):
            process = subprocess.Popen(
                [sys.executable, "-m", "fairlead", "--home", str(home), *arguments],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            time.sleep(pause_s)  # wherever that is: it must not matter
            process.send_signal(signal.SIGKILL)
            process.wait()
            assert look_up(platform, key).status == 200
        told = platform.run(*arguments)
        assert f"{12 * ROWS} predictions" in told
        last = rows_of(ROWS, seed=12)["customer_id"][0]
        until(lambda: look_up(platform, last).status == 200, "the new table")
    batch = fairlead.read("churn", home=home).collect().filter(pl.col("source") == "batch")
    assert batch["id"].n_unique() == len(batch)
    assert (len(batch) - 20) % (12 * ROWS) == 0
    assert kept == 20


def test_a_constant_that_no_model_could_answer_stops_the_platform_from_starting(
    tmp_path: Path,
) -> None:
    home = tmp_path / ".fairlead"
    package_churn(home)
    (tmp_path / "fairlead.toml").write_text(
        '[endpoint.churn]\nanswer = ["live", "constant"]\nconstant = { score = 1.0 }\n'
    )
    said = command(home, "up", "churn:1", "--port=0", "--control-port=0", status=1)
    assert "endpoint.churn.constant" in said
    assert "'label' is missing" in said


def test_the_version_before_answers_where_the_new_one_fails(tmp_path: Path) -> None:
    home = tmp_path / ".fairlead"
    for place in range(2):
        folder = tmp_path / f"code{place}"
        folder.mkdir()
        (folder / "model.py").write_text(
            "class Model:\n    def load(self):\n        pass\n\n"
            "    def predict(self, batch):\n        x = batch['x']\n"
            f"        if {place} and (x == 13).any():\n            raise ValueError\n"
            "        return x * 2\n"
        )
        fairlead.package(folder, [{"x": 1.0}, {"x": 2.0}], name="doubling", home=home)
    (tmp_path / "fairlead.toml").write_text('[endpoint.doubling]\nanswer = ["live", "previous"]\n')
    with Platform(home, "doubling:1", "--workers=1") as platform:
        assert platform.predict("doubling", {"rows": [{"x": 13}]}).status == 200
        platform.run("deploy", "doubling:2")
        until(
            lambda: (
                first(platform.predict("doubling", {"rows": [{"x": 1}]}))["version"] == "doubling:2"
            ),
            "the new version",
        )
        reply = first(platform.predict("doubling", {"rows": [{"x": 13}]}))
        assert (reply["source"], reply["version"]) == ("previous", "doubling:1")
        assert 26.0 in reply.values()
