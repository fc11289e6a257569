"""The files that pages fetch: ours, and those of installed packages."""

from __future__ import annotations

import gzip
import importlib.util
from functools import cache
from hashlib import sha256
from pathlib import Path

from fastapi import APIRouter, Request, Response

from fairlead.console.page import PAGES, STATIC
from fairlead.errors import NotFoundError
from fairlead.forms import FORMS

OURS = {
    "favicon.svg": PAGES,
    "look.css": FORMS,
    "console.css": PAGES,
    "console.js": PAGES,
    "try.js": PAGES,
    "fields.js": FORMS,
    "answer.js": FORMS,
    "review.js": PAGES,
    "snippets.js": PAGES,
    "docs.css": PAGES,
    "docs.js": PAGES,
}
# Of which package, and where in it.
OTHERS = {
    "plotly.min.js": ("plotly", "package_data/plotly.min.js"),
    "swagger-ui.css": ("fastapi_offline", "static/swagger-ui.css"),
    "swagger-ui-bundle.js": ("fastapi_offline", "static/swagger-ui-bundle.js"),
}
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
COMPRESSED_BYTES_MIN = 1400


class StaticFile:
    """A file, as it is sent.

    Args:
        path: of it.
    """

    def __init__(self, path: Path) -> None:
        self.content = path.read_bytes()
        self.media_type = MEDIA_TYPES[path.suffix]
        self.tag = f'"{sha256(self.content).hexdigest()[:20]}"'
        is_long = len(self.content) >= COMPRESSED_BYTES_MIN
        self.compressed = gzip.compress(self.content, 6, mtime=0) if is_long else None


def build_static() -> APIRouter:
    """The route of the files."""
    router = APIRouter(include_in_schema=False)

    @router.get(STATIC + "/{name}")
    def static(name: str, request: Request) -> Response:
        file = _file(name)
        headers = {"cache-control": "no-cache", "etag": file.tag, "vary": "accept-encoding"}
        if file.tag in request.headers.get("if-none-match", ""):
            return Response(b"", 304, headers)
        content = file.content
        if file.compressed is not None and "gzip" in request.headers.get("accept-encoding", ""):
            content, headers["content-encoding"] = file.compressed, "gzip"
        return Response(content, 200, headers, file.media_type)

    return router


@cache
def _file(name: str) -> StaticFile:
    """A file; only those that are named here are served."""
    if name in OURS:
        return StaticFile(OURS[name] / name)
    if name in OTHERS:
        package, place = OTHERS[name]
        return StaticFile(_folder(package) / place)
    raise NotFoundError("There is nothing at this path.")


def _folder(package: str) -> Path:
    """Found without an import, which would cost its own."""
    found = importlib.util.find_spec(package)
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent
