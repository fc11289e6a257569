"""What is refused, in no protocol's terms: the one table from errors to HTTP."""

from __future__ import annotations

import math
from collections.abc import Callable

import msgspec

from fairlead.access import Fault
from fairlead.errors import (
    BundleError,
    ConfigError,
    ConflictError,
    DeadlineError,
    FairleadError,
    ForbiddenError,
    InputError,
    MediaTypeError,
    ModelError,
    NotFoundError,
    Problem,
    RateError,
    StorageError,
    TooLargeError,
    UnauthorizedError,
    UnavailableError,
)
from fairlead.serving.message import Response, json_response

STATUS: dict[type[FairleadError], int] = {
    InputError: 400,
    MediaTypeError: 415,
    NotFoundError: 404,
    ConfigError: 400,
    ConflictError: 409,
    BundleError: 422,
    ModelError: 500,
    UnauthorizedError: 401,
    ForbiddenError: 403,
    RateError: 429,
    UnavailableError: 503,
    DeadlineError: 504,
    StorageError: 503,
    TooLargeError: 413,
    FairleadError: 500,
}
CODES = {401: "unauthorized", 403: "forbidden", 404: "not_found", 405: "method_not_allowed",
         408: "timeout", 413: "too_large", 415: "unsupported_media_type", 421: "misdirected",
         429: "too_many_requests", 431: "too_large", 500: "internal", 501: "not_implemented",
         503: "unavailable"}  # fmt: skip


class Refusal(msgspec.Struct, frozen=True):
    """Why a request is not answered; each protocol writes it in a shape of its own.

    Args:
        status: of HTTP.
        code: one word, for programs.
        message: what is wrong, and where.
        hint: what to do about it.
        problems: one for each wrong value.
        headers: further ones of the reply, as name and value.
    """

    status: int
    code: str
    message: str
    hint: str = ""
    problems: tuple[Problem, ...] = ()
    headers: tuple[tuple[bytes, bytes], ...] = ()

    def __str__(self) -> str:
        """The message and the hint, for protocols that have one text for an error."""
        return f"{self.message} {self.hint}".rstrip()


Shape = Callable[[Refusal], Response]
"""Writes a refusal as a protocol's clients expect it."""


def refusal(status: int, message: str, hint: str = "") -> Refusal:
    """What goes wrong before any part of Fairlead is asked."""
    return Refusal(status, CODES.get(status, "bad_request"), message, hint)


SITE_REFUSALS: dict[Fault, Refusal] = {
    "unreadable": refusal(400, "The Host or Origin of the request is not valid."),
    "misdirected": refusal(
        421,
        "This address is not one of this platform's.",
        "'hosts' under [server] lists further names of it.",
    ),
    "foreign": refusal(403, "Pages of other sites may not send anything here."),
}


def refusal_of(error: Exception) -> Refusal:
    """What an error says to a caller; what was not raised on purpose tells nothing."""
    if not isinstance(error, FairleadError):
        return refusal(500, "The server made a mistake.", "Its own log says more.")
    return Refusal(
        status_of(error),
        error.code,
        error.message,
        error.hint,
        error.problems if isinstance(error, InputError) else (),
        _headers(error),
    )


def status_of(error: FairleadError) -> int:
    """The HTTP status of an error: that of its nearest class in the table."""
    return next(STATUS[cls] for cls in type(error).__mro__ if cls in STATUS)


def _headers(error: FairleadError) -> tuple[tuple[bytes, bytes], ...]:
    if isinstance(error, UnauthorizedError):
        return ((b"www-authenticate", b'Bearer realm="fairlead"'),)
    if not isinstance(error, UnavailableError):
        return ()
    return ((b"retry-after", str(max(1, math.ceil(error.retry_after_s))).encode()),)


def native_shape(refused: Refusal) -> Response:
    """The native body of an error: `{"error": {"code", "message", "hint"?, "problems"?}}`."""
    body: dict[str, object] = {"code": refused.code, "message": refused.message}
    if refused.hint:
        body["hint"] = refused.hint
    if refused.problems:
        body["problems"] = refused.problems
    response = json_response({"error": body}, refused.status)
    return Response(response.status, response.body, headers=refused.headers)
