"""Other people's servers beside a platform and after it: one home, one log, nothing lost."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

import fairlead
from docs.test_pages import free_ports
from support.models import ROW, package_churn
from support.platform import Platform, ask
from support.reply import Reply
from support.transports import missing
from support.waiting import until

pytestmark = pytest.mark.slow

PREDICT = "/v1/endpoints/churn/predict"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SERVERS = {
    "uvicorn": ("uvicorn", "--factory", "fairlead:asgi"),
    "granian": ("granian", "--interface", "asgi", "--factory", "fairlead:asgi"),
}


@contextmanager
def server(name: str, home: Path, *more: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The endpoints of a home under a server that is not ours."""
    (port,) = free_ports(1)
    process = subprocess.Popen(
        [sys.executable, "-m", *SERVERS[name], "--port", str(port), *more],
        env={**os.environ, "FAIRLEAD_HOME": str(home)},
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,  # granian answers in a child, which its parent's death leaves
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"

    def ready() -> bool:
        assert process.poll() is None
        try:
            return ask(url, "/health/ready").status == 200
        except OSError:
            return False

    try:
        until(ready, "the server")
        yield process, url
    finally:
        process.terminate()
        try:
            process.wait(20)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def versions(replies: Sequence[Reply]) -> list[str]:
    return [reply.json["predictions"][0]["version"] for reply in replies]


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_of_ones_own_follows_the_platform_and_outlives_it(
    name: str, tmp_path: Path
) -> None:
    if missing(name):
        pytest.skip(missing(name))
    home = tmp_path / ".fairlead"
    package_churn(home)
    package_churn(home, seed=8)
    body = {"rows": [ROW]}
    beside_it = server(name, home)
    with Platform(home, "churn:1", "--workers=1") as platform, beside_it as (process, url):
        trace = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
        first = ask(url, PREDICT, body, headers=trace)
        beside = platform.predict("churn", body)
        assert versions([first, beside]) == ["churn:1"] * 2
        said = [reply.json["predictions"][0]["probabilities"] for reply in (first, beside)]
        assert said[0] == said[1]
        found = platform.run("predictions", "churn", "--where", f"trace_id={TRACE}")
        assert "\n1 rows." in found
        assert "trace_id" in found
        platform.run("deploy", "churn:2")
        until(lambda: versions([ask(url, PREDICT, body)]) == ["churn:2"], "the next version")
        asked = fairlead.read("churn", home=home).collect().height
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert fairlead.read("churn", home=home).collect().height == asked
    with server(name, home) as (_, url):  # alone
        assert versions([ask(url, PREDICT, body)]) == ["churn:2"]
    assert fairlead.read("churn", home=home).collect().height == asked + 1
    with Platform(home, "--workers=1"):  # whose controller seals what was left
        pass
    assert not list((home / "journals").glob("*.journal"))
    assert fairlead.read("churn", home=home).collect().height == asked + 1
