"""A form of a page: what it asks for is done, or the page is shown again with what went wrong."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Annotated

from fastapi import Depends, Request, Response

from fairlead.api.form import read_form
from fairlead.errors import ConfigError, FairleadError


async def _given(request: Request) -> dict[str, str]:
    return read_form(await request.body())


Form = Annotated[Mapping[str, str], Depends(_given)]
"""What a route is sent by a form; the guard has seen that it is from a page of ours."""


def obey(deed: Callable[[], Response], page: Callable[[FairleadError], Response]) -> Response:
    """Do what a form asks for.

    Args:
        deed: does it, and answers: with a way on, so that to load it again does nothing twice; or
            with a page, if that shows what is shown once.
        page: the page again, with what went wrong.
    """
    try:
        return deed()
    except FairleadError as error:
        return page(error)


def not_offered() -> ConfigError:
    """What is said of an order that no page of ours has."""
    return ConfigError("The page asked for what there is not.", hint="Load it again.")


def number(form: Mapping[str, str], name: str) -> float | None:
    """A number that may be left out.

    Args:
        form: that was sent.
        name: of the field.

    Raises:
        ConfigError: it is none.

    Example:
        >>> number({"days": "2", "rate": ""}, "days"), number({"days": "2", "rate": ""}, "rate")
        (2.0, None)
    """
    text = form.get(name, "").strip()
    try:
        found = float(text) if text else None
    except ValueError:
        found = math.nan
    if found is not None and not math.isfinite(found):
        raise ConfigError(f"What stands under '{name}' is no number.")
    return found
