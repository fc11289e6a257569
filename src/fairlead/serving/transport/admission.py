"""How much a worker takes on at once: requests under way, and bytes of bodies being read.

What finds no room waits in the order of its coming, unread as far as it can be: to decode a
request only to turn it away would cost what an answer costs, and under overload leave little
time for answers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

Resume = Callable[[], None]

ROOMS_MAX = 1024
"""Rooms kept while nobody is in them: paths are of callers' making."""


class Room:
    """So much of something, and who waits for it. Nothing here blocks.

    Args:
        size: how much there is.

    Example:
        >>> room, went_on = Room(2), []
        >>> room.take(2, lambda: None), room.take(1, lambda: went_on.append("b"))
        (True, False)
        >>> room.give(2)
        >>> went_on
        ['b']
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._taken = 0
        self._giving = False
        self._waiting: deque[tuple[int, Resume]] = deque()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    @property
    def taken(self) -> int:
        """How much is taken."""
        return self._taken

    @property
    def is_full(self) -> bool:
        """Whether the next to come may have to wait."""
        return self._taken >= self._size or bool(self._waiting)

    def take(self, amount: int, resume: Resume) -> bool:
        """Take some, at once or later.

        Args:
            amount: how much; more than there is, is taken when nothing else is.
            resume: called when it has been taken, if it cannot be now.

        Returns:
            Whether it was taken now.
        """
        if self._waiting or (self._taken and self._taken + amount > self._size):
            self._waiting.append((amount, resume))
            return False
        self._taken += amount
        return True

    def give(self, amount: int) -> None:
        """Give back what was taken; who waits for it goes on.

        Who goes on may give back at once, as those do whose peers have gone. That is taken up by
        the round that is under way: rounds within rounds, one for each of thousands who wait,
        would be too deep a recursion.
        """
        self._taken -= amount
        if self._giving or not self._waiting:
            return
        self._giving = True
        try:
            while self._waiting and self._fits(self._waiting[0][0]):
                wanted, resume = self._waiting.popleft()
                self._taken += wanted
                resume()
        finally:
            self._giving = False

    def _fits(self, amount: int) -> bool:
        return self._taken + amount <= self._size or not self._taken


class Rooms:
    """A room for each path, so that callers of one that is slow hold up no others.

    Args:
        size: of each.

    Example:
        >>> rooms = Rooms(1)
        >>> rooms.of("/slow").take(1, lambda: None), rooms.of("/slow").take(1, lambda: None)
        (True, False)
        >>> rooms.of("/health").take(1, lambda: None)
        True
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._rooms: dict[str, Room] = {}

    @property
    def waiting(self) -> int:
        """How many wait, for any."""
        return sum(room.waiting for room in self._rooms.values())

    @property
    def taken(self) -> int:
        """How much is taken, of all."""
        return sum(room.taken for room in self._rooms.values())

    @property
    def kept(self) -> int:
        """How many rooms there are."""
        return len(self._rooms)

    def of(self, path: str) -> Room:
        """The room of a path; to be asked for anew by who holds nothing of it."""
        room = self._rooms.get(path)
        if room is None:
            if len(self._rooms) >= ROOMS_MAX:
                self._rooms = {p: r for p, r in self._rooms.items() if r.taken}
            room = self._rooms[path] = Room(self._size)
        return room
