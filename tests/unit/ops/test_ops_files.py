"""Files for Grafana and Alertmanager that these take, and commands that write them."""

from __future__ import annotations

import importlib.util
import json
import subprocess
from pathlib import Path

import pytest

from fairlead.errors import ConfigError
from fairlead.ops import write_alertmanager, write_grafana
from fairlead.ops.panels import ROWS
from support.platform import fairlead
from support.tools import needs

needs_grafana = pytest.mark.skipif(
    importlib.util.find_spec("grafana_foundation_sdk") is None,
    reason="grafana-foundation-sdk is not installed (extra: grafana)",
)


@needs("amtool")
def test_alertmanager_takes_its_file(tmp_path: Path) -> None:
    (file,) = write_alertmanager(tmp_path, ["http://127.0.0.1:9095/a?b=c", "https://example.com"])
    done = subprocess.run(
        ["amtool", "check-config", str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    route = ["amtool", "config", "routes", "test", f"--config.file={file}", "severity=page"]
    assert subprocess.run(route, capture_output=True, text=True).stdout.split() == ["fairlead"]


@needs_grafana
def test_the_dashboard_shows_every_figure_and_is_for_grafana_11(tmp_path: Path) -> None:
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.models.dashboard import Dashboard

    (file,) = write_grafana(tmp_path)
    made = json.loads(file.read_text())
    assert made["schemaVersion"] >= 39, "that of Grafana 11"
    figures = [panel for panel in made["panels"] if panel["type"] == "timeseries"]
    assert [panel["title"] for panel in figures] == [p.title for row in ROWS.values() for p in row]
    shown = [target["expr"] for panel in figures for target in panel["targets"]]
    assert shown == [expr for row in ROWS.values() for p in row for expr, _ in p.lines]
    places = [tuple(panel["gridPos"][key] for key in "xywh") for panel in made["panels"]]
    assert len(set(places)) == len(places), "no figure lies on another"
    assert all(x + w <= 24 for x, _, w, _ in places)
    read = json.loads(JSONEncoder(sort_keys=True).encode(Dashboard.from_json(made)))
    assert read == made


def test_without_the_library_the_command_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "grafana_foundation_sdk.cog.encoder", None)
    with pytest.raises(ConfigError, match=r"fairlead\[grafana\]"):
        write_grafana(tmp_path)


def test_commands_write_files_that_name_this_platform(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "fairlead.toml").write_text("[server]\nport = 1234\ncontrol_port = 1235\nkeys = true\n")
    out = tmp_path / "watch"
    said = fairlead(home, "ops", "prometheus", "-o", str(out), "--alertmanager", "am:9093")
    assert "fairlead keys create prometheus --scope operate" in said
    config = (out / "prometheus.yml").read_text()
    for part in ("127.0.0.1:1234", "127.0.0.1:1235", "am:9093", "credentials_file"):
        assert part in config
    fairlead(home, "ops", "alertmanager", "-o", str(out), "--webhook", "http://127.0.0.1:1/x")
    assert "http://127.0.0.1:1/x" in (out / "alertmanager.yml").read_text()
    refused = fairlead(home, "ops", "alertmanager", "--webhook", "ftp://x", status=1)
    assert "no URL of a webhook" in refused
