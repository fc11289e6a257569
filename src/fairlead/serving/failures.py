"""What is told of requests that failed: which they were, and in which traces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fairlead.errors import FairleadError, InputError
from fairlead.logs import tell, tell_error
from fairlead.routing import Arm, Route
from fairlead.serving.message import Request
from fairlead.serving.tracing import trace_id
from fairlead.serving.types import Work
from fairlead.signature import Signature

REQUESTS_MAX = 10


def known(route: Route, arm: Arm, items: Sequence[Work]) -> dict[str, Any]:
    """What is known where a model failed.

    Args:
        route: the revision in force.
        arm: of that route.
        items: the requests that the model ran for; of many, the first are named: by the
            prediction id of their first rows, and their traces.
    """
    few = items[:REQUESTS_MAX]
    traces = [item.ask.trace_id for item in few if item.ask.trace_id is not None]
    return {
        "endpoint": route.endpoint,
        "version": arm.version.name,
        "arm": arm.name,
        "request_ids": [item.ids.some(0, 1).texts()[0] for item in few],
        "trace_ids": traces or None,
    }


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


def fields_of(error: InputError, signature: Signature) -> set[str]:
    """The fields of a signature that rows were refused for.

    Of an unknown field it is the one most like it; where there is none, or all are unknown, it is
    "": callers make names up, and what is counted must stay bounded.
    """
    named = {name for problem in error.problems for name in (problem.field, problem.nearest)}
    known = {field.name for field in signature.inputs if field.name in named}
    return known or ({""} if named - {None} else set())
