"""Load on a platform: a caller who asks again and again, and notes what becomes of it."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import Counter
from typing import Self


class Load(threading.Thread, ABC):
    """Asks until it is told to stop; how, a subclass says.

    Args:
        place: among those who ask: each counts in millions of its own.

    Attributes:
        statuses: of the replies.
        pause_s: between a reply and the next request.
    """

    pause_s = 0.01

    def __init__(self, place: int = 0) -> None:
        super().__init__(daemon=True)
        self.statuses: Counter[int] = Counter()
        self._number = place * 10**6
        self._enough = threading.Event()

    def run(self) -> None:
        while not self._enough.wait(self.pause_s):
            self._number += 1
            self.ask(self._number)

    @abstractmethod
    def ask(self, number: int) -> None:
        """Ask once; the number is another each time."""

    def stop(self) -> Self:
        self._enough.set()
        self.join()
        return self
