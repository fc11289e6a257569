"""The page of what went wrong: what, and what to do about it."""

from __future__ import annotations

from fastapi import Request, Response

from fairlead.console.page import answer_with, render, viewer
from fairlead.console.types import NOBODY
from fairlead.serving.refusal import Refusal

TITLES = {
    401: "Sign in first",
    403: "You may not do this",
    404: "Nothing here",
    409: "Not as things are",
    429: "Too often",
    503: "Not now",
}
BAD, BROKEN = "That does not work", "Something broke"


def error_page(request: Request, refused: Refusal) -> Response:
    """Write what was refused for a person, with its status.

    Args:
        request: that was refused, perhaps before it was known who asks.
        refused: why.
    """
    title = TITLES.get(refused.status, BAD if refused.status < 500 else BROKEN)
    who = viewer(request) if hasattr(request.state, "caller") else NOBODY
    return answer_with(render("error.html", who, title=title, refused=refused), refused)
