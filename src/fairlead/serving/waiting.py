"""The requests that wait for an endpoint to be loaded; those to one endpoint share its load."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from typing import Literal

from fairlead.clock import Clock
from fairlead.errors import DeadlineError, FairleadError, UnavailableError

FirstRequest = Literal["wait", "refuse"]
WAITING_MAX = 1000
RETRY_AFTER_S = 1.0

Then = Callable[[FairleadError | None], None]
"""Called once: the endpoint answers now, or why it does not."""


class IdleError(UnavailableError):
    """The endpoint is not loaded, but will be when it is asked."""


class Waiting:
    """Who waits for which endpoint.

    Args:
        clock: of deadlines.
        first_request: what becomes of a request to an endpoint that is not loaded.
        differs: the same by endpoint, where it differs.
        waiting_max: requests that wait at a time; more are asked to come again.
    """

    def __init__(
        self,
        clock: Clock,
        first_request: FirstRequest = "wait",
        differs: Mapping[str, FirstRequest] = {},
        waiting_max: int = WAITING_MAX,
    ) -> None:
        self._clock = clock
        self._first_request = first_request
        self._differs = differs
        self._waiting_max = waiting_max
        self._count = 0
        self._asked: dict[str, list[Callable[[FairleadError | None], None]]] = {}
        self.notify: Callable[[], None] = lambda: None

    @property
    def asked(self) -> Collection[str]:
        """The endpoints that someone waits for or came for, the first first."""
        return self._asked.keys()

    def want(self, name: str) -> None:
        """Have an endpoint loaded, though no request waits for it."""
        self._asked.setdefault(name, [])

    def wait(self, name: str, deadline_s: float, then: Then) -> None:
        """Have an endpoint loaded, and wait for that.

        Args:
            name: of the endpoint.
            deadline_s: how long to wait, on the monotonic clock.
            then: called on the loop.

        Raises:
            IdleError: the endpoint's setting is not to wait.
            UnavailableError: too many wait already.
        """
        self.want(name)
        self.notify()
        if self._differs.get(name, self._first_request) == "refuse":
            raise IdleError("The model is being loaded.", retry_after_s=RETRY_AFTER_S)
        if self._count >= self._waiting_max:
            raise UnavailableError(
                "Too many requests wait for models to be loaded.",
                retry_after_s=RETRY_AFTER_S,
                shed="loading",
            )
        left_s = max(0.0, deadline_s - self._clock.monotonic_s())
        waiters = self._asked[name]

        def settle(error: FairleadError | None) -> None:
            timer.cancel()
            self._count -= 1
            then(error)

        def give_up() -> None:
            waiters.remove(settle)
            settle(DeadlineError("The request's time was up before the model was loaded."))

        timer = asyncio.get_running_loop().call_later(left_s, give_up)
        waiters.append(settle)
        self._count += 1

    def settle(self, name: str, error: FairleadError | None) -> None:
        """Tell those who wait for an endpoint what became of it.

        Args:
            name: of the endpoint.
            error: why it does not answer; None if it does.
        """
        for waiter in self._asked.pop(name, []):
            waiter(error)
