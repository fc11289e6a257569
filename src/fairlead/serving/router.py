"""From method and path to a handler, by one visible list for each dialect."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from fairlead.serving.message import Reply, Request, Response
from fairlead.serving.refusal import Refusal, Shape, refusal

Scope = Literal["open", "predict", "feedback", "operate"]
"""What a caller must be allowed to do; `open` is for everyone."""

Names = dict[str, str]
"""What stands for each `{name}` of a path."""

PathHandler = Callable[[Request, Reply, Names], None]

CACHE_PATHS_MAX = 4096
CACHE_LENGTH_MAX = 200


@dataclass(frozen=True, slots=True)
class Door:
    """One method and path, and who answers there.

    Args:
        method: in capitals.
        path: with `{name}`s, each of which stands for one segment or a part of it.
        scope: that a caller needs.
        handler: of its requests.
    """

    method: str
    path: str
    scope: Scope
    handler: PathHandler


@dataclass(frozen=True, slots=True)
class Dialect:
    """One protocol: its doors, and how it says no.

    Args:
        doors: all there are.
        shape: of refusals at its paths.
        prefixes: of paths where its clients expect that shape, doors or not.
    """

    doors: Sequence[Door]
    shape: Shape
    prefixes: tuple[str, ...]


class Router:
    """Finds the handler of a request.

    Args:
        dialects: in order; the first one's shape is used where no prefix fits.
    """

    def __init__(self, dialects: Sequence[Dialect]) -> None:
        self._doors = [(door, _pattern(door.path)) for d in dialects for door in d.doors]
        self._shapes = [(prefix, d.shape) for d in dialects for prefix in d.prefixes]
        self._shapes.sort(key=lambda entry: -len(entry[0]))
        self._default = dialects[0].shape
        self._found: dict[tuple[str, str], tuple[PathHandler, Names]] = {}

    def handle(self, request: Request, reply: Reply) -> None:
        """Hand a request to whom it is for."""
        found = self._found.get((request.method, request.path)) or self._find(request)
        if found is None:
            reply(self.refuse(request.path, self._unknown(request)))
            return
        handler, names = found
        handler(request, reply, names)

    def refuse(self, path: str, refused: Refusal) -> Response:
        """A refusal in the shape of the dialect that a path belongs to."""
        for prefix, shape in self._shapes:
            if path.startswith(prefix):
                return shape(refused)
        return self._default(refused)

    def is_open(self, path: str) -> bool:
        """Whether a path is for everyone, and answered at once, however busy the server is."""
        return any(d.scope == "open" and pattern.fullmatch(path) for d, pattern in self._doors)

    def _find(self, request: Request) -> tuple[PathHandler, Names] | None:
        method = "GET" if request.method == "HEAD" else request.method
        for door, pattern in self._doors:
            match = pattern.fullmatch(request.path)
            if match and door.method == method:
                found = door.handler, match.groupdict()
                if len(self._found) < CACHE_PATHS_MAX and len(request.path) <= CACHE_LENGTH_MAX:
                    self._found[request.method, request.path] = found
                return found
        return None

    def _unknown(self, request: Request) -> Refusal:
        methods = [d.method for d, pattern in self._doors if pattern.fullmatch(request.path)]
        if not methods:
            return refusal(404, "There is nothing at this path.")
        allow = ", ".join(dict.fromkeys(methods))
        refused = refusal(405, f"This path takes {allow}.")
        return msgspec.structs.replace(refused, headers=((b"allow", allow.encode()),))


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(path)))
