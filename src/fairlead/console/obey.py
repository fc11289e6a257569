"""A form of a page: what it asks for is done, and the page is shown again."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool

from fairlead.api.form import read_form
from fairlead.api.reply import actor_of
from fairlead.errors import FairleadError

Deed = Callable[[Mapping[str, str], str], str]
"""Does what a form's fields say for who asks, and gives the path to go on at."""


async def obey(request: Request, deed: Deed, page: Callable[[FairleadError], Response]) -> Response:
    """Do what a form asks for.

    Args:
        request: with the form; the guard has seen that it is from a page of ours.
        deed: what is done.
        page: the page again, with what went wrong.

    Returns:
        A way on, so that to load it again does nothing twice; or the page with the error.
    """
    form = read_form(await request.body())
    try:
        path = await run_in_threadpool(deed, form, actor_of(request))
    except FairleadError as error:
        return await run_in_threadpool(page, error)
    return Response(b"", 303, {"location": path, "cache-control": "no-store"})
