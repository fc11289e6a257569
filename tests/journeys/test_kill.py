"""Every worker is killed under load: nothing that was answered is lost, and it comes back."""

from __future__ import annotations

import http.client
import os
import signal
import threading
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import polars as pl
import pytest

import fairlead
from support.models import ROW, package_churn
from support.platform import Platform
from support.waiting import until

CLIENTS, KILLS = 6, 3
BODY = msgspec.json.encode({"rows": [ROW, ROW]})


class Caller(threading.Thread):
    """Asks again and again on one connection; a failure opens another."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._address = urlsplit(url)
        self.answered: list[str] = []
        self.errors: Counter[str] = Counter()
        self.enough = threading.Event()

    def run(self) -> None:
        connection = self._connect()
        while not self.enough.is_set():
            try:
                connection.request("POST", "/v1/endpoints/churn/predict", BODY)
                reply = connection.getresponse()
                raw = reply.read()
            except (OSError, http.client.HTTPException) as error:
                self.errors[type(error).__name__] += 1
                connection.close()
                connection = self._connect()
                continue
            assert reply.status in (200, 503), raw
            if reply.status == 200:
                self.answered += [row["id"] for row in msgspec.json.decode(raw)["predictions"]]
        connection.close()

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(
            self._address.hostname or "", self._address.port, timeout=20
        )


@pytest.mark.slow
def test_every_answered_row_is_on_the_log_once_after_kills(tmp_path: Path) -> None:
    home = tmp_path / ".fairlead"
    package_churn(home)
    with Platform(home, "churn:1", "--workers=2") as platform:
        callers = [Caller(platform.addresses.api) for _ in range(CLIENTS)]
        for caller in callers:
            caller.start()
        for _ in range(KILLS):
            _wait_for_answers(callers)
            _kill_all_and_wait(platform)
        for caller in callers:
            caller.enough.set()
        for caller in callers:
            caller.join(30)
            assert not caller.is_alive()
        answered = [row for caller in callers for row in caller.answered]
        logged = fairlead.read("churn", home=home).select("id", "outcome").collect()
        _check(answered, logged)
        assert platform.log.count("died (signal 9)") == 2 * KILLS
    _check(answered, fairlead.read("churn", home=home).select("id", "outcome").collect())
    assert not list((home / "journals").glob("*")), "all is sealed once it has stopped"


def _wait_for_answers(callers: list[Caller]) -> None:
    before = sum(len(caller.answered) for caller in callers)
    until(lambda: sum(len(caller.answered) for caller in callers) > before + 400, "answers")


def _kill_all_and_wait(platform: Platform) -> None:
    """Kill every worker at once; ready must be said by new ones only."""
    old = {worker["pid"] for worker in platform.workers()}
    assert len(old) == 2
    for pid in old:
        os.kill(pid, signal.SIGKILL)

    def back() -> bool:
        workers = platform.workers()
        pids = {worker["pid"] for worker in workers}
        return len(workers) == 2 and not pids & old and all(w["ready"] for w in workers)

    until(back, "new workers that are ready")
    assert platform.predict("churn", {"rows": [ROW]}).status == 200


def _check(answered: list[str], logged: pl.DataFrame) -> None:
    counts = Counter(logged["id"].to_list())
    assert len(answered) > 1000
    assert [row for row in answered if counts[row] != 1] == []
    assert max(counts.values()) == 1
    assert set(logged["outcome"]) == {"ok"}
