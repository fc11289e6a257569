"""From method and path to a handler, by one visible list for each dialect.

Nothing reaches a handler but through `Router.handle`, which asks at the door that it found what
the door itself demands: there is no second list of paths that could differ from the first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import msgspec

from fairlead.access import Scope, fault_of
from fairlead.errors import FairleadError
from fairlead.serving.entry import OPEN, Entry
from fairlead.serving.message import ARM_HEADER, Reply, Request, Response
from fairlead.serving.refusal import SITE_REFUSALS, Refusal, Shape, refusal, refusal_of

Names = dict[str, str]
"""What stands for each `{name}` of a path."""

PathHandler = Callable[[Request, Reply, Names], None]

CACHE_PATHS_MAX = 4096
CACHE_LENGTH_MAX = 200
CACHE_HOSTS_MAX = 64
PREFLIGHT = (
    (b"access-control-allow-headers", b"*, authorization"),  # `*` does not stand for it
    (b"access-control-max-age", b"600"),
)


@dataclass(frozen=True, slots=True)
class Door:
    """One method and path, and who answers there.

    Args:
        method: in capitals.
        path: with `{name}`s, each of which stands for one segment or a part of it.
        scope: that a caller's key needs; `open` is for everyone.
        handler: of its requests.
        about: tells which endpoint a request is to, where that is not the path's `{name}`; empty
            for no single one, None where the handler alone can tell, and asks the gate itself.
        repeated: whether the same paths are asked for again and again.
    """

    method: str
    path: str
    scope: Scope | Literal["open"]
    handler: PathHandler
    about: Callable[[Request], str | None] | None = None
    repeated: bool = True


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
        entry: who is let in.
    """

    def __init__(self, dialects: Sequence[Dialect], entry: Entry = OPEN) -> None:
        self._entry = entry
        self._hosts: set[bytes | None] = set()
        self._doors = [(door, _pattern(door.path)) for d in dialects for door in d.doors]
        self._shapes = [(prefix, d.shape) for d in dialects for prefix in d.prefixes]
        self._shapes.sort(key=lambda entry: -len(entry[0]))
        self._default = dialects[0].shape
        self._found: dict[tuple[str, str], tuple[Door, Names]] = {}

    def handle(self, request: Request, reply: Reply) -> None:
        """Hand a request to whom it is for, if its sender is let in."""
        headers = request.headers
        if b"origin" in headers or headers.get(b"host") not in self._hosts:
            shared = self._from_site(request, reply)
            if shared is None:
                return
            reply = shared
        found = self._found.get((request.method, request.path)) or self._find(request)
        if found is None:
            reply(self.refuse(request.path, self._unknown(request)))
            return
        door, names = found
        if self._entry.gate is not None and door.scope != "open":
            name = names.get("name", "") if door.about is None else door.about(request)
            try:
                key = self._entry.gate.admit(headers, door.scope, name)
                if ARM_HEADER in headers:
                    self._entry.gate.check(key, "operate", name)
            except FairleadError as error:
                self._turn_away(request, reply, refusal_of(error), name or "")
                return
        door.handler(request, reply, names)

    def _from_site(self, request: Request, reply: Reply) -> Reply | None:
        """How to reply to where a request comes from; None once that is refused, or answered."""
        host, origin = request.headers.get(b"host"), request.headers.get(b"origin")
        fault = fault_of(self._entry.sites, host, origin)
        if fault is not None:
            self._turn_away(request, reply, SITE_REFUSALS[fault], "")
            return None
        if origin is None:
            if len(self._hosts) < CACHE_HOSTS_MAX:
                self._hosts.add(host)
            return reply
        if origin not in self._entry.sites.origins:  # a page of our own
            return reply
        shared = partial(_share, reply, origin)
        if request.method == "OPTIONS" and b"access-control-request-method" in request.headers:
            shared(self._preflight(request))
            return None
        return shared

    def _preflight(self, request: Request) -> Response:
        """Tell a browser that it may send what a page of an allowed site wants to."""
        methods = self._methods(request.path)
        if not methods:
            return self.refuse(request.path, self._unknown(request))
        allow = (b"access-control-allow-methods", ", ".join(methods).encode())
        return Response(200, b"", headers=(allow, *PREFLIGHT))

    def _turn_away(self, request: Request, reply: Reply, refused: Refusal, name: str) -> None:
        self._entry.count(refused, name)
        reply(self.refuse(request.path, refused))

    def refuse(self, path: str, refused: Refusal) -> Response:
        """A refusal in the shape of the dialect that a path belongs to."""
        for prefix, shape in self._shapes:
            if path.startswith(prefix):
                return shape(refused)
        return self._default(refused)

    def is_open(self, path: str) -> bool:
        """Whether a path is for everyone, and answered at once, however busy the server is."""
        return any(d.scope == "open" and pattern.fullmatch(path) for d, pattern in self._doors)

    def _find(self, request: Request) -> tuple[Door, Names] | None:
        method = "GET" if request.method == "HEAD" else request.method
        for door, pattern in self._doors:
            match = pattern.fullmatch(request.path)
            if match and door.method == method:
                found = door, match.groupdict()
                few = door.repeated and len(self._found) < CACHE_PATHS_MAX
                if few and len(request.path) <= CACHE_LENGTH_MAX:
                    self._found[request.method, request.path] = found
                return found
        return None

    def _unknown(self, request: Request) -> Refusal:
        methods = self._methods(request.path)
        if not methods:
            return refusal(404, "There is nothing at this path.")
        allow = ", ".join(methods)
        refused = refusal(405, f"This path takes {allow}.")
        return msgspec.structs.replace(refused, headers=((b"allow", allow.encode()),))

    def _methods(self, path: str) -> list[str]:
        """The methods that a path takes, each once."""
        return [*dict.fromkeys(d.method for d, pattern in self._doors if pattern.fullmatch(path))]


def _share(reply: Reply, origin: bytes, response: Response) -> None:
    """Reply such that a browser shows it to a page of another site."""
    extra = (
        (b"access-control-allow-origin", origin),
        (b"access-control-expose-headers", b"*"),
        (b"vary", b"origin"),
    )
    reply(msgspec.structs.replace(response, headers=(*response.headers, *extra)))


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(path)))
