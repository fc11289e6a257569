"""One caller of an ASGI app, with no server between."""

from __future__ import annotations

import asyncio
from typing import Any

from fairlead.serving.transport.asgi import Message


class Caller:
    """One request: what the server receives of it, piece by piece, and is told.

    Args:
        path: that it is to.
        more: of its scope.
    """

    def __init__(self, path: str = "/", **more: Any) -> None:
        self.scope: dict[str, Any] = {
            "type": "http", "method": "POST", "path": path, "query_string": b"", "headers": [],
        } | more  # fmt: skip
        self.pieces: asyncio.Queue[Message] = asyncio.Queue()
        self.told: list[Message] = []
        self.gone = False

    def send(self, body: bytes, *, more: bool = False) -> None:
        self.pieces.put_nowait({"type": "http.request", "body": body, "more_body": more})

    async def take(self, message: Message) -> None:
        if self.gone:
            raise OSError("the caller is gone")
        self.told.append(message)

    @property
    def status(self) -> int:
        found: int = self.told[0]["status"]
        return found

    @property
    def body(self) -> bytes:
        found: bytes = self.told[1]["body"]
        return found
