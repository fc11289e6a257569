"""Who asks all day, and checks every reply."""

from __future__ import annotations

import http.client
import threading
from collections import Counter
from random import Random
from urllib.parse import urlsplit

from support.soak.doors import Door, Told, judge
from support.soak.oracle import Oracle

PATIENCE_S = 30.0
ROWS_MAX = 4
BUSY = {503, 504}


class Stage:
    """Which versions may answer now: one, or while a release is under way two."""

    def __init__(self, version: str) -> None:
        self._now = (0, frozenset({version}))

    def move(self, *versions: str) -> None:
        """From now on these may answer."""
        self._now = (self._now[0] + 1, frozenset(versions))

    @property
    def now(self) -> tuple[int, frozenset[str]]:
        """A number that counts moves, and the versions."""
        return self._now

    def allowed(self, since: tuple[int, frozenset[str]]) -> frozenset[str]:
        """The versions that may have answered what was asked since a moment."""
        now = self._now
        return since[1] | now[1] if now[0] - since[0] <= 1 else frozenset({"churn:1", "churn:2"})


class Book:
    """What all callers heard.

    `logged` are ids of predictions with the version that answered; `wrong` says what should
    not be.
    """

    def __init__(self) -> None:
        self.logged: dict[str, str] = {}
        self.statuses: Counter[tuple[str, int]] = Counter()
        self.broken: Counter[str] = Counter()
        self.wrong: list[str] = []

    def note(self, who: str, told: Told, right: frozenset[str], allowed: frozenset[str]) -> None:
        """An answer: which versions give it, and which were to answer."""
        if not right:
            self.wrong.append(f"{who}: a wrong answer")
        elif not right & allowed:
            self.wrong.append(f"{who}: {set(right)} answered, not {set(allowed)}")
        if any(prediction in self.logged for prediction in told.ids):
            self.wrong.append(f"{who}: an id twice")
        self.logged.update(dict.fromkeys(told.ids, told.version))


class Caller(threading.Thread):
    """Asks at one door, again and again, on one connection; a failure opens another.

    Args:
        url: of the platform.
        door: where.
        oracle: knows the answers.
        stage: knows who may answer.
        book: of what was heard.
        seed: of its choice of rows.
    """

    def __init__(
        self, url: str, door: Door, oracle: Oracle, stage: Stage, book: Book, seed: int
    ) -> None:
        super().__init__(daemon=True)
        address = urlsplit(url)
        self._connection = http.client.HTTPConnection(
            address.hostname or "", address.port, timeout=PATIENCE_S
        )
        self._door, self._oracle, self._stage, self._book = door, oracle, stage, book
        self._random = Random(seed)
        self.answers = 0
        self.enough = threading.Event()

    def run(self) -> None:
        while not self.enough.is_set():
            try:
                self._ask()
            except (OSError, http.client.HTTPException) as error:
                self._book.broken[f"{self._door.name}: {type(error).__name__}"] += 1
                self._connection.close()
            except Exception as error:
                self._book.wrong.append(f"{self._door.name}: {error!r}")
                self._connection.close()
        self._connection.close()

    def _ask(self) -> None:
        oracle, door = self._oracle, self._door
        pool = oracle.whole if door.whole else range(len(oracle.rows))
        places = self._random.sample(pool, self._random.randint(1, ROWS_MAX))
        question = door.ask([oracle.rows[place] for place in places])
        since = self._stage.now
        self._connection.request("POST", question.path, question.body, question.headers)
        reply = self._connection.getresponse()
        raw = reply.read()
        self._book.statuses[door.name, reply.status] += 1
        if reply.status in BUSY:
            return
        if reply.status != 200:
            self._book.wrong.append(f"{door.name}: {reply.status} {raw[:200]!r}")
            return
        told = door.read(raw, {name.lower(): value for name, value in reply.getheaders()})
        self._book.note(door.name, told, judge(oracle, places, told), self._stage.allowed(since))
        self.answers += 1
