"""A page: a template with what all pages share, under the policy that keeps it from elsewhere."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
from fastapi import Request, Response

from fairlead.access import Scope, role_of
from fairlead.api.reply import caller_of
from fairlead.console.format import FILTERS
from fairlead.console.types import NOBODY, Viewer
from fairlead.errors import FairleadError
from fairlead.forms import FORMS
from fairlead.serving.refusal import Refusal, refusal_of

PAGES = Path(__file__).parent / "pages"
"""The templates, and the files that the pages fetch from `STATIC`."""

STATIC = "/static"
NAVIGATION: tuple[tuple[str, str, str, Scope], ...] = (
    ("overview", "Overview", "/", "view"),
    ("review", "Review", "/review", "view"),
    ("models", "Models", "/models", "view"),
    ("alerts", "Alerts", "/alerts", "view"),
    ("updates", "Updates", "/updates", "view"),
    ("learners", "Learners", "/learners", "view"),
    ("jobs", "Jobs", "/jobs", "view"),
    ("audit", "Audit", "/audit", "operate"),
    ("settings", "Settings", "/settings", "view"),
    ("api", "API", "/docs", "view"),
)
"""What leads everywhere: a page's `here`, its title, its path, and the scope that it needs."""
# Plotly and Swagger UI set styles on elements and draw icons from data: URLs; scripts are ours.
POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "media-src 'self' data: blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; "
    "object-src 'none'"
)


def show(
    request: Request, name: str, problem: FairleadError | None = None, /, **context: Any
) -> Response:
    """Answer with a page.

    Args:
        request: that asked for it; tells who looks.
        name: of the template.
        problem: why what was asked for was not done; the reply has its status.
        context: what the template takes beside what all pages share.
    """
    page = render(name, viewer(request), problem=problem, **context)
    return answer_with(page, None if problem is None else refusal_of(problem))


def viewer(request: Request) -> Viewer:
    """Who looks, as the guard found."""
    found = caller_of(request)
    role = role_of(found.scopes) or ""
    return Viewer(found.actor, role, found.csrf, found.scopes, found.has_password)


def render(name: str, who: Viewer = NOBODY, /, **context: Any) -> str:
    """Write a page: a template with what all pages share."""
    return template(name).render(who=who, navigation=NAVIGATION, **context)


def answer_with(page: str, refused: Refusal | None = None) -> Response:
    """A reply with a page, under the policy; with the status and headers of what it tells of."""
    headers = {
        "content-security-policy": POLICY,
        "cache-control": "no-store",
        # Without a referrer a browser would not say either that a form is on a page of ours.
        "referrer-policy": "same-origin",
    }
    status = 200
    if refused is not None:
        status = refused.status
        headers |= {name.decode(): value.decode() for name, value in refused.headers}
    return Response(page, status, headers, "text/html; charset=utf-8")


def redirect(path: str, cookie: str = "") -> Response:
    """A reply that leads on.

    Args:
        path: of ours.
        cookie: the value of `Set-Cookie`; none is set if empty.
    """
    headers = {"location": path, "cache-control": "no-store"}
    return Response(b"", 303, headers | ({"set-cookie": cookie} if cookie else {}))


def template(name: str) -> jinja2.Template:
    """One of the pages' templates."""
    return _templates().get_template(name)


def address(endpoint: str, *parts: str) -> str:
    """The path of an endpoint's page.

    Example:
        >>> address("a/b", "release")
        '/endpoints/a%2Fb/release'
    """
    return path_of("endpoints", endpoint, *parts)


def path_of(*parts: str) -> str:
    """The path of a page.

    Example:
        >>> path_of("models", "churn", "7")
        '/models/churn/7'
    """
    return "".join(f"/{quote(part, safe='')}" for part in parts)


@cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader((PAGES, FORMS)),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"static": STATIC, "address": address, "path_of": path_of}
    environment.filters |= FILTERS
    return environment
