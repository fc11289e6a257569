"""What sessions of a home are signed with, and who begins them."""

from __future__ import annotations

import secrets
from urllib.parse import urlencode

from fairlead.access import Gate, Porter, Sessions
from fairlead.app.home import Home
from fairlead.app.secret_file import read_or_make
from fairlead.app.workspace import Workspace

SECRET_BYTES = 32


def session_secret(home: Home) -> bytes:
    """The secret of a home's sessions, made on first use; without its file all sessions end."""
    return read_or_make(home.session_file, lambda: secrets.token_hex(SECRET_BYTES)).encode()


def sign_in_link(workspace: Workspace, control: str, actor: str, then: str = "") -> str:
    """A link that signs in to the console once, for everything.

    Args:
        workspace: whose console.
        control: where it is reached.
        actor: who asks for it.
        then: the path that it leads to; the first page if empty.
    """
    query = f"?{urlencode({'then': then}, safe='/')}" if then else ""
    return f"{control}/enter/{workspace.entry_book.make(actor)}{query}"


def porter_of(workspace: Workspace, sessions: Sessions) -> Porter:
    """Who tells of a home's platform who asks it for something.

    Args:
        workspace: of the home.
        sessions: that are begun and read.
    """
    gate = Gate(workspace.key_book.get, workspace.clock, 1)
    return Porter(gate, workspace.user_book, workspace.entry_book, sessions, workspace.clock)
