"""Processes that are killed, stopped or told to end, and what the others make of it."""

from __future__ import annotations

import http.client
import os
import resource
import signal
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest

import fairlead
from support.models import ROW, package_churn
from support.platform import Platform, children, lives
from support.waiting import until

pytestmark = pytest.mark.slow

BODY = msgspec.json.encode({"rows": [ROW]})


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("processes") / ".fairlead"
    package_churn(home)
    return home


@pytest.fixture
def platform(home: Path) -> Iterator[Platform]:
    with Platform(home, "churn:1", "--workers=2") as running:
        yield running


def controller(platform: Platform) -> int:
    """The process of the control plane: the child that is no worker."""
    workers = {worker["pid"] for worker in platform.workers()}
    (pid,) = set(children(platform.process.pid)) - workers
    return pid


class Caller(threading.Thread):
    """Asks on one connection until it is told to stop or the server closes it."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        address = urlsplit(url)
        self._connection = http.client.HTTPConnection(
            address.hostname or "", address.port, timeout=20
        )
        self.enough = threading.Event()
        self.answered: list[str] = []
        self.unanswered = 0

    def run(self) -> None:
        while not self.enough.is_set():
            try:
                self._connection.request("POST", "/v1/endpoints/churn/predict", BODY)
                reply = self._connection.getresponse()
                raw = reply.read()
            except (OSError, http.client.HTTPException):
                self.unanswered += 1
                break
            assert reply.status == 200, raw
            self.answered += [row["id"] for row in msgspec.json.decode(raw)["predictions"]]
            if reply.getheader("connection") == "close":
                break
        self._connection.close()


def test_a_killed_supervisor_leaves_nothing_behind_and_another_can_start(home: Path) -> None:
    first = Platform(home, "churn:1", "--workers=2")
    family = children(first.process.pid)
    assert len(family) == 3
    caller = Caller(first.addresses.api)
    caller.start()
    until(lambda: caller.answered, "answers")
    os.kill(first.process.pid, signal.SIGKILL)
    first.process.wait()
    until(lambda: not any(map(lives, family)), "the end of all children")
    caller.join(10)
    with Platform(home, "--workers=2") as second:
        assert second.predict("churn", {"rows": [ROW]}).status == 200
        logged = fairlead.read("churn", home=home).select("id").collect()["id"].to_list()
        assert set(caller.answered) <= set(logged)


def test_an_address_is_free_again_once_its_platform_was_killed(home: Path) -> None:
    first = Platform(home, "--workers=2")
    port = urlsplit(first.addresses.api).port
    control = urlsplit(first.addresses.control).port
    family = children(first.process.pid)
    os.kill(first.process.pid, signal.SIGKILL)
    first.process.wait()
    until(lambda: not any(map(lives, family)), "the end of all children")
    with Platform(home, f"--port={port}", f"--control-port={control}", "--workers=2") as second:
        assert urlsplit(second.addresses.api).port == port


def test_a_killed_controller_comes_back_and_requests_are_answered_meanwhile(
    platform: Platform,
) -> None:
    killed = controller(platform)
    workers = {worker["pid"] for worker in platform.workers()}
    os.kill(killed, signal.SIGKILL)
    for _ in range(50):
        assert platform.predict("churn", {"rows": [ROW]}).status == 200
    until(lambda: not lives(killed) and platform.ready(), "the controller")
    assert {worker["pid"] for worker in platform.workers()} == workers
    deployed = platform.run("deploy", "churn:1", "--endpoint", "again")
    assert "churn:1 answers" in deployed, "the new one has the lease"


def test_answers_come_before_what_is_done_with_them(platform: Platform) -> None:
    behind = os.getpriority(os.PRIO_PROCESS, controller(platform))
    for worker in platform.workers():
        assert os.getpriority(os.PRIO_PROCESS, worker["pid"]) < behind


def test_a_controller_that_is_told_to_end_comes_back(platform: Platform) -> None:
    told = controller(platform)
    os.kill(told, signal.SIGTERM)
    until(lambda: "controller died (exit status 0)" in platform.log, "the supervisor's word of it")
    until(lambda: not lives(told) and platform.ready(), "the controller")


def test_a_worker_that_is_told_to_end_loses_nothing(platform: Platform) -> None:
    callers = [Caller(platform.addresses.api) for _ in range(4)]
    for caller in callers:
        caller.start()
    old = [worker["pid"] for worker in platform.workers()]
    until(lambda: all(len(caller.answered) > 20 for caller in callers), "answers")
    for pid in old:
        os.kill(pid, signal.SIGTERM)
    until(lambda: not any(map(lives, old)), "the end of the workers")
    for caller in callers:
        caller.enough.set()
        caller.join(20)
    until(platform.ready, "new workers")
    _nothing_lost(platform.home, callers)


def test_a_worker_that_hangs_is_replaced(platform: Platform) -> None:
    old = platform.workers()[0]["pid"]
    os.kill(old, signal.SIGSTOP)
    until(lambda: not lives(old), "the end of the one that hangs")
    until(lambda: len(platform.workers()) == 2 and platform.ready(), "another in its place")
    for _ in range(20):
        assert platform.predict("churn", {"rows": [ROW]}).status == 200
    assert "silent" in platform.log


def test_a_platform_that_is_told_to_end_answers_what_it_took_on(home: Path) -> None:
    with Platform(home, "churn:1", "--workers=2") as platform:
        callers = [Caller(platform.addresses.api) for _ in range(8)]
        for caller in callers:
            caller.start()
        until(lambda: all(len(caller.answered) > 20 for caller in callers), "answers")
        platform.process.send_signal(signal.SIGTERM)
        assert platform.process.wait(30) == 0
        for caller in callers:
            caller.join(20)
            assert not caller.is_alive()
    _nothing_lost(home, callers)
    assert not list((home / "journals").glob("*")), "all is sealed"


def test_a_worker_takes_more_connections_than_a_shell_lets_a_process_have_files(
    home: Path,
) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    few = ["prlimit", f"--nofile=200:{hard}"]
    with Platform(home, "churn:1", "--workers=1", before=few) as platform, ExitStack() as opened:
        url = urlsplit(platform.addresses.api)
        for _ in range(300):
            address = (url.hostname or "", url.port or 0)
            opened.enter_context(socket.create_connection(address, 10))
        assert platform.predict("churn", {"rows": [ROW]}).status == 200


def _nothing_lost(home: Path, callers: list[Caller]) -> None:
    """What was answered is logged once; what was logged was answered."""
    answered = [row for caller in callers for row in caller.answered]
    logged = Counter(fairlead.read("churn", home=home).select("id").collect()["id"].to_list())
    assert {logged[row] for row in answered} == {1}
    latest = min(answered)
    assert {row for row in logged if row >= latest} == set(answered)
