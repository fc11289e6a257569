"""People before the console of a home: each with the session of a role, in process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

from fairlead.access import Role, UserBook
from fairlead.app.workspace import Workspace
from fairlead.clock import ManualClock
from support.control import Control
from support.guarded import CHEAP, HOST, PASSWORD, ask, cookie_of
from support.reply import Reply


class Person:
    """Who is signed in.

    Args:
        control: whose pages they look at.
        name: theirs.
        role: what they may do.
    """

    def __init__(self, control: Control, name: str, role: Role) -> None:
        self._app = control.app
        control.workspace.user_book.add(name, role, PASSWORD)
        form = urlencode({"name": name, "password": PASSWORD}).encode()
        self.cookie = cookie_of(ask(self._app, "POST", "/login", HOST, body=form))
        now_us = control.workspace.clock.now_us()
        found = control.sessions.read(self.cookie[1].encode(), now_us)
        assert found is not None
        self.csrf = found[1]

    def get(self, path: str) -> Reply:
        """Look at a page."""
        return ask(self._app, "GET", path, HOST, self.cookie)

    def post(self, path: str, **fields: str) -> Reply:
        """Press a button of a form."""
        body = urlencode({"csrf": self.csrf, **fields}).encode()
        return ask(self._app, "POST", path, HOST, self.cookie, body=body)


@contextmanager
def console_of(
    home: Path, api: str = "http://localhost:1"
) -> Iterator[tuple[Control, ManualClock]]:
    """The control plane of a home, and its clock; to try passwords costs next to nothing."""
    clock = ManualClock()
    workspace = Workspace(home, clock)
    workspace.__dict__["user_book"] = UserBook(workspace.store, clock, CHEAP)
    yield Control(workspace, keys=True, api=api), clock
    workspace.close()
