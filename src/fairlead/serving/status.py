"""The one table from errors to HTTP, and the body every error has."""

from __future__ import annotations

import math

from fairlead.errors import (
    BundleError,
    ConfigError,
    ConflictError,
    DeadlineError,
    FairleadError,
    InputError,
    ModelError,
    NotFoundError,
    StorageError,
    UnavailableError,
)
from fairlead.serving.message import Response, json_response

STATUS: dict[type[FairleadError], int] = {
    InputError: 400,
    NotFoundError: 404,
    ConfigError: 400,
    ConflictError: 409,
    BundleError: 422,
    ModelError: 500,
    UnavailableError: 503,
    DeadlineError: 504,
    StorageError: 503,
    FairleadError: 500,
}


def status_of(error: FairleadError) -> int:
    """The HTTP status of an error: that of its nearest class in the table."""
    return next(STATUS[cls] for cls in type(error).__mro__ if cls in STATUS)


def error_body(error: FairleadError) -> dict[str, object]:
    """The JSON body of an error: `{"error": {"code", "message", "hint"?, "problems"?}}`."""
    body: dict[str, object] = {"code": error.code, "message": error.message}
    if error.hint:
        body["hint"] = error.hint
    if isinstance(error, InputError) and error.problems:
        body["problems"] = error.problems
    return {"error": body}


def error_response(error: Exception) -> Response:
    """The reply to a request that failed; what was not raised on purpose tells nothing."""
    if not isinstance(error, FairleadError):
        return plain_error(500, "The server made a mistake.", "Its own log says more.")
    response = json_response(error_body(error), status_of(error))
    if isinstance(error, UnavailableError):
        seconds = max(1, math.ceil(error.retry_after_s))
        retry_after = (b"retry-after", str(seconds).encode())
        return Response(response.status, response.body, headers=(retry_after,))
    return response


def plain_error(status: int, message: str, hint: str = "") -> Response:
    """A reply for what goes wrong before any part of Fairlead is asked."""
    codes = {404: "not_found", 405: "method_not_allowed", 413: "too_large", 500: "internal"}
    body: dict[str, object] = {"code": codes.get(status, "bad_request"), "message": message}
    if hint:
        body["hint"] = hint
    return json_response({"error": body}, status)
