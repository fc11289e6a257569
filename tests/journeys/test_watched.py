"""A platform that a real Prometheus watches, up to the webhook that a real Alertmanager calls."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import fairlead
from support.certificates import make_certificate
from support.platform import Platform, ask
from support.tools import needs
from support.waiting import until
from support.watchers import Webhook, alertmanager, free_port, prometheus, query, targets

pytestmark = [pytest.mark.slow, needs("prometheus", "prometheus-alertmanager")]

CODE = """
class Model:
    def load(self):
        pass

    def predict(self, batch):
        if (batch["x"] > 100).any():
            raise ValueError("too much")
        return batch["x"] * 2
"""


@pytest.fixture(scope="module", params=[False, True], ids=["open", "keys and TLS"])
def watched(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Platform, Path]]:
    """A platform, and the folder with the files that it is watched with."""
    home = tmp_path_factory.mktemp("watched") / "home"
    code = home.parent / "code"
    code.mkdir()
    (code / "model.py").write_text(CODE)
    fairlead.package(code, [{"x": 1.0}, {"x": 2.0}], name="doubling", home=home)
    (home / "fairlead.toml").write_text("[monitoring]\nwindow_s = 1.0\ngrace_s = 0.5\n")
    guarded = []
    if request.param:
        made = make_certificate(home.parent / "tls", "models.example.com")
        guarded = ["--keys", f"--tls-cert={made.cert}", f"--tls-key={made.key}"]
    with Platform(home, "doubling:1", "--workers=2", *guarded) as platform:
        yield platform, home.parent / "watch"


def hasten(file: Path) -> None:
    """Let what is looked at in seconds be looked at at once."""
    text = file.read_text()
    for slow, quick in (("15s", "1s"), ("10s", "1s")):
        text = text.replace(slow, quick)
    file.write_text(text)


def test_trouble_reaches_the_webhook(watched: tuple[Platform, Path]) -> None:
    platform, folder = watched
    port, headers = free_port(), {}
    out = ("-o", str(folder))
    platform.run("ops", "prometheus", *out, f"--alertmanager=127.0.0.1:{port}")
    if platform.addresses.keys:
        secret = platform.run("keys", "create", "prometheus", "--scope=operate", "--scope=predict")
        (folder / "prometheus.key").write_text(secret)
        headers = {"Authorization": f"Bearer {secret.strip()}"}
    with Webhook() as webhook:
        platform.run("ops", "alertmanager", *out, f"--webhook={webhook.url}")
        for name in ("prometheus.yml", "alertmanager.yml"):
            hasten(folder / name)
        with (
            alertmanager(folder / "alertmanager.yml", port),
            prometheus(folder / "prometheus.yml") as url,
        ):
            _be_scraped(url)
            told = _be_told(platform, webhook, headers)
            _be_monitored(platform, url, headers)
            _evaluated(url)
    (alert,) = (one for one in told["alerts"] if one["labels"].get("window") == "1h")
    assert alert["labels"]["endpoint"] == "doubling"
    assert alert["labels"]["severity"] == "page"
    assert "the requests to doubling fail" in alert["annotations"]["summary"]


def _be_scraped(url: str) -> None:
    """Both ports are read, in OpenMetrics; what is asked next is a change that is seen."""
    healthy = {"fairlead": "up", "fairlead-control": "up"}
    until(lambda: targets(url) == healthy, "both targets to be up")
    until(lambda: query(url, 'fairlead_requests_total{outcome="model_error"} == 0'), "zeros")


def _be_told(platform: Platform, webhook: Webhook, headers: dict[str, str]) -> dict[str, Any]:
    """Ask for what fails, until somebody is told."""

    def told() -> dict[str, Any] | None:
        path = "/v1/endpoints/doubling/predict"
        reply = platform.api(path, {"rows": [{"x": 101.0}]}, headers=headers)
        assert reply.status == 500
        return next(
            (one for one in webhook.got if one["groupLabels"]["alertname"] ==
             "FairleadErrorBudgetBurn"),
            None,
        )  # fmt: skip

    return until(told, "the alert to reach the webhook")


def _be_monitored(platform: Platform, url: str, headers: dict[str, str]) -> None:
    """What is found of a window reaches Prometheus."""
    path = "/v1/endpoints/doubling/predict"
    assert platform.api(path, {"rows": [{"x": 2.0}] * 7}, headers=headers).status == 200
    found = until(lambda: query(url, "fairlead_window_rows > 0"), "a window")
    (labels,) = [one["metric"] for one in found]
    assert (labels["endpoint"], labels["version"]) == ("doubling", "doubling:1")
    assert (labels["role"], labels["job"]) == ("stable", "fairlead-control")
    assert query(url, 'fairlead_field_drift_effect{field="x"}')


def _evaluated(url: str) -> None:
    """Every rule was evaluated on real samples without an error, and metrics have their units."""
    groups = ask(url, "/api/v1/rules").json["data"]["groups"]
    health = {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}
    assert set(health.values()) == {"ok"}, health
    (ratio,) = query(url, 'endpoint:fairlead_errors:ratio_rate5m{endpoint="doubling"}')
    assert float(ratio["value"][1]) > 0.9
    known = ask(url, "/api/v1/targets/metadata?metric=fairlead_queue_seconds").json["data"]
    assert {(one["type"], one["unit"]) for one in known} == {("histogram", "seconds")}
