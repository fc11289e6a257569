"""Processes that are none: attempts that live until a test tells what came of them."""

from __future__ import annotations

from typing import Any

from fairlead.store import Store


class FakeProcess:
    """An attempt that lives until it is told what came of it.

    Args:
        alive: those that live; it is one of them until its end.
        store: of its lease.
        work: what it was started for.
        lease: that it holds.
        holder: its name for that.
        last: kinds of words after which it ends.
    """

    def __init__(
        self, alive: list[FakeProcess], store: Store, work: Any, lease: str, holder: str,
        last: tuple[type, ...],
    ) -> None:  # fmt: skip
        self.alive, self.store, self.work, self.last = alive, store, work, last
        self.lease, self.holder = lease, holder
        self.told: Any = None
        self.written: list[str] = []
        alive.append(self)

    @property
    def place(self) -> str:
        return self.lease.partition("/")[2]

    def look(self) -> Any:
        return self.told

    def lines(self) -> list[str]:
        lines, self.written = self.written, []
        return lines

    def close(self) -> None:
        self.end()

    def end(self) -> None:
        """It is gone; the last thing it does is to give back its lease."""
        if self in self.alive:
            self.alive.remove(self)
            self.store.release(self.lease, self.holder)

    def tell(self, told: object) -> None:
        """It says something; with its last word it ends."""
        self.told = told
        if isinstance(told, self.last):
            self.end()
