"""The disk that the log lies on is full."""

from __future__ import annotations

from pathlib import Path

import pytest

import fairlead
from support.models import ROW, package_churn
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

        until(sealed, "room on the disk", 90)
        assert platform.api("/health/ready").status == 200
    rows = fairlead.read("churn", home=home).collect()
    answered = 200 * statuses.count(200)
    assert rows.height >= answered
    assert rows["id"].n_unique() == rows.height
