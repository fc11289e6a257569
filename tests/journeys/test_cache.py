"""Answers given again, over sockets: logged, labelled, bounded, and of one version only."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import fairlead
from support.models import ROW, package_churn
from support.platform import Platform
from support.waiting import until

pytestmark = pytest.mark.slow

SETTINGS = """
[endpoint.churn]
cache = {{ ttl = "{ttl}", memory_mb = 1 }}
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("cache") / ".fairlead"
    package_churn(home)
    package_churn(home, seed=8)
    return home


def settle(home: Path, ttl: str) -> None:
    (home.parent / "fairlead.toml").write_text(SETTINGS.format(ttl=ttl))


def told(platform: Platform, *rows: dict[str, object]) -> Any:
    reply = platform.predict("churn", {"rows": rows})
    assert reply.status == 200, reply.body
    return reply.json


def counted(platform: Platform, name: str) -> float:
    lines = platform.api("/metrics").body.decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name + "{"))


def shared(platform: Platform) -> float:
    """Rows that were not computed, of this platform and those before it."""
    return sum(counted(platform, f"fairlead_cache_{how}_total") for how in ("hits", "joined"))


def test_hits_are_predictions_and_a_new_version_gives_none_of_the_old_ones(home: Path) -> None:
    settle(home, "1h")
    with Platform(home, "churn:1", "--workers=1") as platform:
        first, second = told(platform, ROW), told(platform, ROW, {**ROW, "age": 43})
        assert "cache" not in first
        assert second["cache"]["age_s"][0] > 0
        assert second["cache"]["age_s"][1] is None
        one, other = first["predictions"][0], second["predictions"][0]
        assert one["probabilities"] == other["probabilities"]
        assert one["id"] != other["id"]
        label = {"feedback": [{"id": other["id"], "value": "left"}]}
        assert platform.api("/v1/endpoints/churn/feedback", label).json == {"accepted": 1}

        platform.run("deploy", "churn:2")
        new = told(platform, ROW)
        assert new["predictions"][0]["version"] == "churn:2"
        assert "cache" not in new
        assert new["predictions"][0]["probabilities"] != one["probabilities"]
    log = fairlead.read("churn", home=home).sort("id").collect()
    mine = log.filter(pl.col("id") == other["id"]).row(0, named=True)
    assert (mine["source"], mine["outcome"], mine["label"]) == ("cache", "ok", "left")
    assert (mine["assigned_by"], mine["model_us"], mine["in.age"]) == ("hash", 0, ROW["age"])
    assert log["source"].to_list() == ["live", "cache", "live", "live"]


def test_memory_is_bounded_and_concurrent_callers_share_one_computation(home: Path) -> None:
    settle(home, "1h")
    with Platform(home, "churn:1", "--workers=1") as platform:
        for start in range(0, 4000, 1000):
            told(platform, *({**ROW, "age": 1000.0 + start + n} for n in range(1000)))
            assert counted(platform, "fairlead_cache_size_bytes") <= 1_000_000
        assert counted(platform, "fairlead_cache_evictions_total") > 1000
        misses, known = counted(platform, "fairlead_cache_misses_total"), shared(platform)
        callers = [threading.Thread(target=told, args=(platform, ROW)) for _ in range(20)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        assert counted(platform, "fairlead_cache_misses_total") == misses + 1
        assert shared(platform) == known + 19


def test_what_is_too_old_is_computed_again(home: Path) -> None:
    settle(home, "1s")
    with Platform(home, "churn:1", "--workers=1") as platform:
        assert "cache" not in told(platform, ROW)

        def is_computed() -> bool:
            (age_s,) = told(platform, ROW).get("cache", {"age_s": [None]})["age_s"]
            assert age_s is None or 0 < age_s <= 1  # it is told in thousandths
            return age_s is None

        until(is_computed, "a new answer")
