"""A platform seen by who runs it: what its processes take, count and tell."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator

import pytest

import fairlead
from fairlead.telemetry.families import FAMILIES
from support.metrics import Exposed
from support.models import ROW, package_churn
from support.platform import Platform
from support.tools import needs, promtool
from support.waiting import until

pytestmark = pytest.mark.slow

CODE = """
class Model:
    def load(self):
        pass

    def predict(self, batch):
        return batch["x"] * 2
"""
PROCESS_METRICS = {name for name in FAMILIES if name.startswith("fairlead_process_")}


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    home = tmp_path_factory.mktemp("operations") / "home"
    package_churn(home)
    code = home.parent / "code"
    code.mkdir()
    (code / "model.py").write_text(CODE)
    fairlead.package(code, [{"x": 1.0}, {"x": 2.0}], name="doubling", home=home)
    (home / "fairlead.toml").write_text("[cost]\nmachine_per_hour = 0.2\n")
    with Platform(home, "churn:1", "doubling:1", "--workers=2") as running:
        yield running


def api(platform: Platform) -> Exposed:
    return Exposed(platform.api("/metrics").body.decode())


def control(platform: Platform) -> Exposed:
    return Exposed(platform.control("/metrics").body.decode())


def test_requests_are_counted_over_all_workers_by_both_ports_once(platform: Platform) -> None:
    before = api(platform).total("fairlead_requests_total", endpoint="churn")
    for _ in range(40):
        assert platform.predict("churn", {"rows": [ROW]}).status == 200
    after = api(platform)
    assert after.total("fairlead_requests_total", endpoint="churn") == before + 40
    assert after.total("fairlead_queue_seconds_count", endpoint="churn") == before + 40
    assert after.total("fairlead_in_flight_requests") == 0
    assert after.total("fairlead_queued_rows") == 0
    assert "fairlead_requests_total" not in control(platform).names


def test_bytes_of_requests_and_replies_are_counted(platform: Platform) -> None:
    def moved() -> tuple[float, float]:
        told = api(platform)
        names = (f"fairlead_network_{way}_bytes_total" for way in ("received", "sent"))
        received, sent = map(told.total, names)
        return received, sent

    body = {"rows": [ROW] * 100}
    before = moved()
    replies = [platform.predict("churn", body) for _ in range(20)]
    out = sum(len(reply.body) for reply in replies)
    into = 20 * len(json.dumps(body, separators=(",", ":")))
    until(lambda: moved()[0] > before[0] + into, "what was received, of both workers")
    until(lambda: moved()[1] > before[1] + out, "what was sent")
    assert moved()[0] - before[0] < 2 * into, "bodies, heads, and the looks"


def test_every_process_is_measured(platform: Platform) -> None:
    wanted = {"supervisor", "controller", "worker-0", "worker-1"}
    wanted |= {"worker-0/doubling:1", "worker-1/doubling:1"}

    def all_are_told() -> Exposed | None:
        told = control(platform)
        name = "fairlead_process_cpu_seconds_total"
        return told if told.label(name, "process") == wanted else None

    told = until(all_are_told, "all processes")
    for name in PROCESS_METRICS - {"fairlead_process_restarts_total"}:
        assert told.label(name, "process") == wanted, name
    for process in wanted:
        assert told.total("fairlead_process_resident_memory_bytes", process=process) > 1e6
        assert told.total("fairlead_process_open_fds", process=process) > 2


def test_the_disk_the_build_and_the_price_are_told(platform: Platform) -> None:
    told = api(platform)
    space = os.statvfs(platform.home)
    assert told.total("fairlead_home_size_bytes") == space.f_blocks * space.f_frsize
    assert 0 < told.total("fairlead_home_free_bytes") <= told.total("fairlead_home_size_bytes")
    assert told.total("fairlead_build_info") == 1
    assert told.total("fairlead_machine_hourly_price", currency="EUR") == 0.2


def test_a_worker_that_dies_is_counted(platform: Platform) -> None:
    name = "fairlead_process_restarts_total"
    before = control(platform).total(name, process="worker-1")
    (pid,) = (worker["pid"] for worker in platform.workers() if worker["worker"] == 1)
    os.kill(pid, signal.SIGKILL)
    until(lambda: control(platform).total(name, process="worker-1") == before + 1, "the count")
    assert control(platform).total(name, process="worker-0") == 0
    until(lambda: control(platform).total("fairlead_worker_ready") == 2, "the next one")


@needs("promtool")
@pytest.mark.parametrize("port", ["api", "control"])
def test_what_is_exposed_is_clean_and_known(platform: Platform, port: str) -> None:
    assert platform.api("/v1/endpoints/none/predict", {"rows": []}).status == 404
    asked = {"api": platform.api, "control": platform.control}[port]
    text = asked("/metrics").body.decode()
    promtool("check", "metrics", given=text)
    names = {re.sub(r"_(bucket|sum|count)$", "", name) for name in Exposed(text).names}
    assert names <= FAMILIES.keys()
    openmetrics = asked("/metrics", headers={"Accept": "application/openmetrics-text"})
    assert openmetrics.headers["content-type"].startswith("application/openmetrics-text")
    assert openmetrics.body.endswith(b"# EOF\n")
