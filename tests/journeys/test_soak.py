"""A hard day: callers at every door, releases, kills, crowds and nonsense, and nothing goes wrong.

For a minute, or as long as FAIRLEAD_SOAK_S says. The first part kills processes; the second does
not, so that no connection may break in it and the memory of each process can be followed. Between
them the controller seals much of the log for the first time, which belongs to warming up. It
seals about once a minute and holds much for that moment: only a soak of ten minutes, with several
such moments in each third of it, can tell whether it grows.
"""

from __future__ import annotations

import http.client
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

import pytest

import fairlead
from support.platform import Platform, children
from support.soak.callers import Book, Caller, Stage
from support.soak.doors import DOORS
from support.soak.memory import Scale, growth
from support.soak.oracle import Oracle
from support.soak.torment import Torment, rounds

SOAK_S = float(os.environ.get("FAIRLEAD_SOAK_S", "60"))
HARSH_SHARE = 0.4
LONG_S = 600.0
GROWTH_MAX, GROWTH_SHORT_MAX = 0.02, 0.10
"""Of memory. In a minute one arena of the allocator, two MB of fifty, decides; and the controller
seals only once or twice, each time in memory that it keeps: it is judged in long runs alone."""
SEALED_BYTES = 1 << 18
SEED = 20_26


class Watcher(threading.Thread):
    """Asks one worker at a time how it is; who says that it is ready must answer.

    Args:
        platform: whose workers.
        book: of what was heard.
    """

    def __init__(self, platform: Platform, book: Book) -> None:
        super().__init__(daemon=True)
        self._address = urlsplit(platform.addresses.api)
        self._book = book
        self.looks = 0
        self.enough = threading.Event()

    def run(self) -> None:
        while not self.enough.wait(0.05):
            try:
                self._look()
            except (OSError, http.client.HTTPException) as error:
                self._book.broken[f"health: {type(error).__name__}"] += 1

    def _look(self) -> None:
        connection = http.client.HTTPConnection(
            self._address.hostname or "", self._address.port, timeout=30
        )
        found = []
        try:
            for path in ("/health/live", "/health/ready", "/v2/models/churn/ready"):
                connection.request("GET", path)
                reply = connection.getresponse()
                reply.read()
                found.append(reply.status)
        finally:
            connection.close()
        self.looks += 1
        if found[0] != 200 or (found[1] == 200 and found[2] != 200):
            self._book.wrong.append(f"health: {found}")
        self._book.statuses["ready", found[1]] += 1


@pytest.mark.slow
def test_a_hard_day_ends_without_a_wrong_answer_a_lost_record_or_a_leak(tmp_path: Path) -> None:
    home, book, stage = tmp_path / ".fairlead", Book(), Stage("churn:1")
    oracle = Oracle.prepare(home)
    with Platform(home, "churn:1", "--workers=2") as platform:
        callers = [
            Caller(platform.addresses.api, door, oracle, stage, book, SEED + place)
            for place, door in enumerate(DOORS)
        ]
        watcher = Watcher(platform, book)
        torment = Torment(
            platform, oracle, stage, book, lambda: sum(c.answers for c in callers), SEED
        )
        for thread in (watcher, *callers):
            thread.start()
        _go_on(torment.harsh(), _after(SOAK_S * HARSH_SHARE))
        broken = sum(book.broken.values())
        assert broken <= torment.kills * (len(callers) + 1), book.broken
        _go_on(torment.gentle(), lambda: _has_sealed(home))
        calm_s = SOAK_S * (1 - HARSH_SHARE)
        sizes = _weigh(platform, lambda: _go_on(torment.gentle(), _after(calm_s)))
        asking: list[Caller | Watcher] = [watcher, *callers]
        for one in asking:
            one.enough.set()
            one.join(60)
            assert not one.is_alive()
        _tell(book, sizes, torment.kills)
        assert sum(book.broken.values()) == broken, f"nothing was killed: {book.broken}"
        assert platform.log.count("died (signal 9)") == torment.kills
    assert not book.wrong, book.wrong[:20]
    assert watcher.looks > 10
    assert all(caller.answers > 100 for caller in callers)
    _check_log(home, book)
    growth_max = GROWTH_MAX
    if SOAK_S < LONG_S:
        growth_max = GROWTH_SHORT_MAX
        del sizes["controller"]
    assert {name: by for name, by in _growths(sizes).items() if by >= growth_max} == {}


def _go_on(deeds: Iterable[Callable[[], None]], enough: Callable[[], bool]) -> None:
    for deed in rounds(Random(SEED), deeds):
        deed()
        if enough():
            return


def _after(duration_s: float) -> Callable[[], bool]:
    end_s = time.monotonic() + duration_s
    return lambda: time.monotonic() > end_s


def _has_sealed(home: Path) -> bool:
    """Whether a good part of what each worker logged was sealed."""
    files = (home / "blobs").rglob("log/**/*.parquet")
    return sum(file.stat().st_size > SEALED_BYTES for file in files) >= 2


def _weigh(platform: Platform, meanwhile: Callable[[], None]) -> dict[str, list[int]]:
    """The sizes of all processes of a platform, none of which ends meanwhile."""
    workers = {worker["pid"]: f"worker {worker['worker']}" for worker in platform.workers()}
    names = {platform.process.pid: "supervisor"}
    names |= {pid: workers.get(pid, "controller") for pid in children(platform.process.pid)}
    scale = Scale(list(names))
    scale.start()
    try:
        meanwhile()
    finally:
        scale.stop()
    return {names[pid]: sizes for pid, sizes in scale.sizes.items()}


def _growths(sizes: dict[str, list[int]]) -> dict[str, float]:
    return {name: growth(each) for name, each in sizes.items()}


def _check_log(home: Path, book: Book) -> None:
    """What was answered is on the log once, as it was answered."""
    assert not list((home / "journals").glob("*")), "all is sealed"
    log = fairlead.read("churn", home=home).select("id", "version", "outcome").collect()
    counts = Counter(log["id"].to_list())
    assert max(counts.values()) == 1
    logged = {(row[0], row[1]) for row in log.iter_rows() if row[2] == "ok"}
    assert not set(book.logged.items()) - logged


def _tell(book: Book, sizes: dict[str, list[int]], kills: int) -> None:
    """What happened; shown by `pytest -s`, and where the test fails."""
    print(f"\n{len(book.logged)} predictions with ids, {kills} kills")
    print(f"broken connections: {dict(book.broken)}")
    for (who, status), count in sorted(book.statuses.items()):
        print(f"  {who:12} {status} {count:8}")
    for name, by in _growths(sizes).items():
        tenth = max(1, len(sizes[name]) // 10)
        least = [min(sizes[name][i : i + tenth]) >> 20 for i in range(0, 10 * tenth, tenth)]
        print(f"  {name:12} growth {by:+.2%}; MiB by tenths of the time: {least}")
