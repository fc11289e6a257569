"""Where a page gets a figure from, and how a notebook does."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlencode


@dataclass(frozen=True)
class FigureLink:
    """A figure's addresses.

    Args:
        path: that answers with it.
        call: that makes it in Python.
    """

    path: str
    call: str


def link(endpoint: str, name: str, hours: float, **options: str) -> FigureLink:
    """Name a figure.

    Args:
        endpoint: of which.
        name: of it.
        hours: how far it looks back.
        options: what else is said; those that are empty are left out.

    Example:
        >>> found = link("churn", "drift", 24.0, version="churn:1", field="")
        >>> found.path
        '/v1/endpoints/churn/figures/drift?hours=24&version=churn%3A1'
        >>> found.call
        "fairlead.figure('churn', 'drift', hours=24, version='churn:1')"
    """
    said = {key: value for key, value in options.items() if value}
    query = urlencode({"hours": f"{hours:g}", **said})
    arguments = [repr(endpoint), repr(name), f"hours={hours:g}"]
    arguments += [f"{key}={value!r}" for key, value in said.items()]
    return FigureLink(
        f"/v1/endpoints/{quote(endpoint, safe='')}/figures/{quote(name, safe='')}?{query}",
        f"fairlead.figure({', '.join(arguments)})",
    )
