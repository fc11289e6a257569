"""The control plane over a home, with no server and no worker: its application is called."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import unquote, urlencode

import uvicorn
from fastapi import FastAPI
from msgspec.json import encode

from fairlead.access import Sessions, Sites
from fairlead.api import Guard, build_api
from fairlead.app.gauges import Seen
from fairlead.app.services import WorkspaceServices
from fairlead.app.sessions import porter_of
from fairlead.app.supervisor import Addresses
from fairlead.app.workspace import Workspace
from fairlead.console import build_console, error_page
from fairlead.control import Controller
from fairlead.serving.types import FleetStatus
from support.application import application
from support.reply import Reply
from support.waiting import until


class Control:
    """Its application.

    Args:
        workspace: of the home.
        keys: whether callers need one.
        api: of the data plane.
        seen: what monitoring saw.
    """

    def __init__(
        self,
        workspace: Workspace,
        *,
        keys: bool,
        api: str = "http://localhost:1",
        seen: Callable[[], Seen] = Seen,
    ) -> None:
        self.workspace = workspace
        store, clock = workspace.store, workspace.clock
        self.services = WorkspaceServices(
            workspace,
            Addresses(1, api, "http://localhost:2", keys=keys),
            Controller(store, "here", {}, clock),
            lambda: FleetStatus((), {}),
            seen,
        )
        self.sessions = Sessions("fairlead_1", b"s" * 32, secure=False)
        self.porter = porter_of(workspace, self.sessions)
        self.guard = Guard(Sites(), 1 << 20, keys, self.porter)

    @property
    def app(self) -> FastAPI:
        """The application, over this home until it is asked for over another."""
        guard = self.guard
        shared = application(guard.sites, guard.body_bytes_max, keys=guard.keys)
        return shared.over(self.services, self.porter)

    def ask(
        self, path: str, body: object | None = None, secret: str = "", method: str = "",
        form: Mapping[str, str] | None = None,
    ) -> Reply:  # fmt: skip
        """Send a request, with a body or a form, or to get something.

        The path may end in a query.
        """
        place, _, query = path.partition("?")
        raw = b"" if body is None else encode(body)
        raw = raw if form is None else urlencode(form).encode()
        kind = "application/json" if form is None else "application/x-www-form-urlencoded"
        named = {
            "host": "localhost", "content-type": kind,
            "content-length": str(len(raw)), **({"x-api-key": secret} if secret else {}),
        }  # fmt: skip
        scope = {
            "type": "http", "method": method or ("POST" if raw else "GET"),
            "path": unquote(place), "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in named.items()],
        }  # fmt: skip
        sent: list[MutableMapping[str, Any]] = []

        async def receive() -> dict[str, object]:
            return {"type": "http.request", "body": raw, "more_body": False}

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message)

        asyncio.run(self.app(scope, receive, send))
        headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return Reply(sent[0]["status"], headers, b"".join(m.get("body", b"") for m in sent[1:]))

    def order(self, path: str, secret: str = "", **fields: str) -> Reply:
        """Send a form, as a page's button does."""
        return self.ask(path, secret=secret, form=fields)

    @contextmanager
    def serve(self) -> Iterator[str]:
        """Let browsers ask it, at an address of this machine: an application of its own."""
        console = build_console(self.services, self.guard)
        app = build_api(self.services, self.guard, console.routers, error_page)
        config = uvicorn.Config(app, port=0, ws="none", log_config=None, lifespan="off")
        server = uvicorn.Server(config)
        thread = Thread(target=server.run)
        thread.start()
        try:
            until(lambda: server.started, "the server")
            port = server.servers[0].sockets[0].getsockname()[1]
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            console.feed.close()
            thread.join()


@contextmanager
def control_of(home: Path, *, keys: bool = False) -> Iterator[Control]:
    """The control plane of a home."""
    workspace = Workspace(home)
    yield Control(workspace, keys=keys)
    workspace.close()
