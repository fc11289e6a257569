"""Features from files to requests, through commands and over sockets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import fairlead
from support.models import package_churn
from support.platform import Platform
from support.redis import needs_redis, running_redis
from support.waiting import until

pytestmark = pytest.mark.slow

SETTINGS = """
[server]
lookup = "{lookup}"

[features.customer]
source = "features/*.parquet"
key = "customer_id"
time = "updated_at"
ttl = "30d"

[endpoint.churn]
features = ["customer"]
"""
NOW = datetime.now(UTC)


def write(folder: Path, name: str, *rows: tuple[str, int, float, str]) -> None:
    """A file of features: keys, days ago, ages and plans."""
    (folder / "features").mkdir(exist_ok=True)
    keys, ago, ages, plans = zip(*rows, strict=True)
    pl.DataFrame({
        "customer_id": keys, "updated_at": [NOW - timedelta(days=days) for days in ago],
        "age": ages, "visits": [3] * len(rows), "plan": plans,
    }).write_parquet(folder / "features" / f"{name}.parquet")  # fmt: skip


@pytest.fixture(params=["lmdb", pytest.param("redis", marks=needs_redis)])
def lookup(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "lmdb":
        yield ""
        return
    with running_redis(tmp_path) as (url, _):
        yield url


def ask(platform: Platform, key: str, **more: object) -> Any:
    return platform.predict("churn", {"customer_id": key, **more})


def test_features_reach_requests_and_training_sets(tmp_path: Path, lookup: str) -> None:
    home = tmp_path / ".fairlead"
    package_churn(home)
    (tmp_path / "fairlead.toml").write_text(SETTINGS.format(lookup=lookup))
    write(tmp_path, "a", ("c-1", 20, 41.0, "free"), ("c-1", 10, 42.5, "pro"), ("c-2", 40, 7, "pro"))
    with Platform(home, "churn:1", "--workers=2") as platform:
        assert "not materialised" in platform.api("/health/ready").json["problems"][0]
        assert ask(platform, "c-1").status == 503
        assert "2 keys" in platform.run("features", "materialize", "customer")
        until(lambda: not platform.api("/health/ready").json.get("problems"), "the table")
        until(lambda: {ask(platform, "c-1").status for _ in range(8)} == {200}, "all workers")
        given = {"age": 42.5, "visits": 3, "plan": "pro"}
        told, same = ask(platform, "c-1"), platform.predict("churn", {"rows": [given]})
        first, second = told.json["predictions"][0], same.json["predictions"][0]
        assert first["probabilities"] == second["probabilities"]

        assert "older than 30d" in ask(platform, "c-2").error["message"]
        assert "is no key" in ask(platform, "c-3").error["message"]
        assert ask(platform, "c-3", **given).status == 200

        shown = json.loads(platform.run("features", "show", "customer", "c-1"))
        assert shown["features"] == given
        assert shown["holds"]

        write(tmp_path, "b", ("c-1", 0, 55.0, "team"), ("c-3", 1, 30.0, "free"))
        assert "3 keys" in platform.run("features", "materialize", "customer", "--incremental")
        until(lambda: {ask(platform, "c-3").status for _ in range(8)} == {200}, "the new table")
        last = ask(platform, "c-1").json["predictions"][0]
    log = fairlead.read("churn", home=home).collect()
    assert log.filter(pl.col("id") == last["id"])["in.age"].item() == 55.0
    noted = log.filter(pl.col("id") == first["id"])["features"].item()
    assert json.loads(noted)["customer"]["fields"] == ["age", "visits", "plan"]
    assert log.filter(pl.col("id") == second["id"])["features"].item() is None

    rows = pl.DataFrame({
        "customer_id": ["c-1"] * 4 + ["c-3"],
        "at": [NOW - timedelta(days=days) for days in (25, 15, 5, 0, 2)],
    })  # fmt: skip
    trained = fairlead.join_features(rows, "customer", time="at", home=home)
    assert trained["age"].to_list() == [None, 41.0, 42.5, 55.0, None]
    assert trained.columns == ["customer_id", "at", "age", "visits", "plan"]
    as_pandas = fairlead.join_features(rows.to_pandas(), "customer", time="at", home=home)
    assert as_pandas["age"].to_list() == trained["age"].to_list()
