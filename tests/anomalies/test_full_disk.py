"""The disk is full that the log lies on, or what a learner makes its checkpoints on."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

import fairlead
from fairlead.app.workspace import Workspace
from fairlead.learning import Standing
from support.models import ROW, package_churn
from support.online import package_online, rows_and_labels
from support.platform import Platform
from support.small_disk import needs_small_disk, on_small_disk
from support.waiting import until

BODY = {"rows": [{**ROW, "plan": "x" * 2000}] * 200}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / ".fairlead"
    package_churn(home)
    return home


def fill(platform: Platform) -> list[int]:
    """Ask until the disk is full; the status of each request."""
    return [platform.predict("churn", BODY).status for _ in range(8)]


@needs_small_disk
@pytest.mark.slow
def test_predictions_go_on_unlogged_and_the_operator_is_told(home: Path) -> None:
    with Platform(
        home, "churn:1", "--workers=1", before=on_small_disk(home / "journals", "1m")
    ) as platform:
        assert set(fill(platform)) == {200}
        health = platform.api("/health/ready")
        assert health.status == 200
        assert "unlogged" in health.json["problems"][0]
        unlogged = [
            line
            for line in platform.api("/metrics").body.decode().splitlines()
            if line.startswith("fairlead_unlogged_rows_total ")
        ]
        assert float(unlogged[0].split()[1]) > 0
        assert "No space left" in platform.log
        sealed = fairlead.read("churn", home=home).collect()
        assert sealed["outcome"].unique().to_list() in (["ok"], [])


@needs_small_disk
@pytest.mark.slow
def test_predictions_stop_where_the_setting_says_so_and_go_on_with_room(home: Path) -> None:
    settings = home.parent / "fairlead.toml"
    settings.write_text('[endpoint.churn]\nlog_full = "stop"\n')
    with Platform(
        home, "churn:1", "--workers=1", before=on_small_disk(home / "journals", "1m")
    ) as platform:
        statuses = fill(platform)
        assert statuses[0] == 200
        assert statuses[-1] == 503
        reply = platform.predict("churn", BODY)
        assert "log" in reply.error["message"]
        assert platform.api("/health/ready").status == 503

        def sealed() -> bool:  # the controller makes room by sealing what is there
            status = platform.predict("churn", {"rows": [ROW]}).status
            return status == 200

        until(sealed, "room on the disk")
        assert platform.api("/health/ready").status == 200
    rows = fairlead.read("churn", home=home).collect()
    answered = 200 * statuses.count(200)
    assert rows.height >= answered
    assert rows["id"].n_unique() == rows.height


LEARNS = """
[monitoring]
window_s = 1

[endpoint.tide.online]
checkpoint = { labels = 100, every = "1h", least = "0s" }
"""


@needs_small_disk
@pytest.mark.slow
def test_a_learner_waits_for_room_and_learns_each_label_once(tmp_path: Path) -> None:
    home = tmp_path / ".fairlead"
    package_online(home)
    (tmp_path / "fairlead.toml").write_text(LEARNS)
    book = Workspace(home).online_book

    def standing() -> Standing:
        return book.learner("tide")

    with Platform(home, "tide:1", "--workers=1", before=on_small_disk(home / "cache", "4m")) as up:
        until(lambda: standing().state == "learning", "a learner")
        filler = Path(f"/proc/{up.process.pid}/root{home}/cache/filler")
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while True:  # until there is no room
                file.write(bytes(4096))
        X, y = rows_and_labels(128, 5)
        rows = [dict(zip(("x0", "x1", "x2"), row, strict=True)) for row in X.tolist()]
        answers = up.predict("tide", {"rows": rows}).json["predictions"]
        told = [{"id": a["id"], "value": v} for a, v in zip(answers, y.tolist(), strict=True)]
        assert up.api("/v1/endpoints/tide/feedback", {"feedback": told}).status == 200
        until(lambda: standing().failures > 0, "a checkpoint that has no room")
        one = standing()
        assert (one.state, one.version) == ("learning", "tide:1")
        assert "full" in one.error
        filler.unlink()
        until(lambda: standing().answers == "tide:2", "a checkpoint")
        one = standing()
        assert (one.labels, one.again, one.unknown, one.unfit) == (128, 0, 0, 0)
        assert [point.labels for point in one.course] == [128]
        assert up.predict("tide", {"rows": rows}).status == 200
