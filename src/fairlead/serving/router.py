"""From method and path to a handler, by one visible list."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fairlead.serving.message import Reply, Request, Response
from fairlead.serving.status import plain_error

PathHandler = Callable[[Request, Reply, str], None]
"""A handler that also takes what stands for `{name}` in the path; empty if there is none."""

CACHE_PATHS_MAX = 4096
CACHE_LENGTH_MAX = 200


@dataclass(frozen=True, slots=True)
class Door:
    """One method and path, and who answers there.

    Args:
        method: in capitals.
        path: with at most one `{name}`, which stands for one segment.
        handler: of its requests.
    """

    method: str
    path: str
    handler: PathHandler


class Router:
    """Finds the handler of a request.

    Args:
        doors: all there are.
    """

    def __init__(self, doors: Sequence[Door]) -> None:
        self._doors = [(door, _pattern(door.path)) for door in doors]
        self._found: dict[tuple[str, str], tuple[PathHandler, str]] = {}

    def handle(self, request: Request, reply: Reply) -> None:
        """Hand a request to whom it is for."""
        found = self._found.get((request.method, request.path))
        if found is None:
            found = self._find(request)
            if found is None:
                reply(self._unknown(request))
                return
        handler, name = found
        handler(request, reply, name)

    def _find(self, request: Request) -> tuple[PathHandler, str] | None:
        method = "GET" if request.method == "HEAD" else request.method
        for door, pattern in self._doors:
            match = pattern.fullmatch(request.path)
            if match and door.method == method:
                found = door.handler, "".join(match.groups())
                if len(self._found) < CACHE_PATHS_MAX and len(request.path) <= CACHE_LENGTH_MAX:
                    self._found[request.method, request.path] = found
                return found
        return None

    def _unknown(self, request: Request) -> Response:
        methods = [d.method for d, pattern in self._doors if pattern.fullmatch(request.path)]
        if not methods:
            return plain_error(404, "There is nothing at this path.")
        allow = ", ".join(methods)
        error = plain_error(405, f"This path takes {allow}.")
        return Response(405, error.body, headers=((b"allow", allow.encode()),))


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.escape(path).replace(r"\{name\}", "([^/]+)"))
