"""What requests and models fail with, shown to the operator and to nobody else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fairlead.clock import Clock
from fairlead.errors import FairleadError
from fairlead.ids import texts
from fairlead.logs import is_told, tell, tell_error
from fairlead.routing import Arm, Route
from fairlead.serving.message import Request
from fairlead.serving.tracing import trace_id
from fairlead.serving.types import Work

PACE_S = 1.0
REQUESTS_MAX = 10


class Tracebacks:
    """Tells what an arm's model fails with, a bounded number of times.

    A model that fails on every request must not fill the disk that holds the log.

    Args:
        route: the revision that the arm belongs to.
        arm: of that route.
        clock: for the pace.
    """

    def __init__(self, route: Route, arm: Arm, clock: Clock) -> None:
        self._known = {"endpoint": route.endpoint, "version": arm.version.name, "arm": arm.name}
        self._clock = clock
        self._next_s = float("-inf")
        self._left_out = 0

    def show(self, error: BaseException, items: Sequence[Work]) -> None:
        """Tell an error and what it came from, unless another was told a moment ago.

        Args:
            error: what the model failed with.
            items: the requests it ran for; of many, the first.
        """
        if _is_told_elsewhere(error) and not is_told("info"):
            return
        now_s = self._clock.monotonic_s()
        if now_s < self._next_s:
            self._left_out += 1
            return
        if _is_told_elsewhere(error):
            tell("info", "model_failed", str(error), **self._known, **_requests(items))
        else:
            tell_error("model_failed", error, **self._known, **_requests(items))
        if self._left_out:
            text = f"{self._left_out} errors before it are not shown."
            tell("warning", "errors_left_out", text, **self._known)
        self._next_s, self._left_out = now_s + PACE_S, 0


def _is_told_elsewhere(error: BaseException) -> bool:
    """Whether the process of the model tells what is behind an error."""
    return isinstance(error, FairleadError) and error.__cause__ is None


def _requests(items: Sequence[Work]) -> dict[str, Any]:
    """Which requests these are: the prediction id of their first rows, and their traces."""
    few = items[:REQUESTS_MAX]
    traces = [item.ask.trace_id for item in few if item.ask.trace_id is not None]
    named = {"request_ids": texts([item.ids[0] for item in few])}
    return named | ({"trace_ids": traces} if traces else {})


def request_failed(error: BaseException, request: Request) -> None:
    """Tell that a request failed in a way that nobody expected."""
    tell_error("request_failed", error, path=request.path, trace_id=trace_id(request.headers))


def request_refused(error: FairleadError, request: Request) -> None:
    """Tell that a request was refused; only the operator who asked for so much sees it."""
    tell(
        "debug",
        "request_refused",
        f"{request.path}: {error}",
        path=request.path,
        code=error.code,
        trace_id=trace_id(request.headers),
    )
