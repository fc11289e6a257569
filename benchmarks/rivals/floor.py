"""The floors: Fairlead's own transport with an empty handler, and with the bare model behind it."""

from __future__ import annotations

import asyncio
import sys

import uvloop

from fairlead.serving.message import Response
from fairlead.serving.refusal import native_shape
from fairlead.serving.transport.http import Connection
from fairlead.serving.transport.server import HttpLimits, HttpServer

EMPTY = Response(200, b"{}")


async def serve(port: int) -> None:
    loop = asyncio.get_running_loop()
    server = HttpServer(
        loop,
        lambda request, reply: reply(EMPTY),
        lambda path, refused: native_shape(refused),
        HttpLimits(4 << 20),
    )
    await loop.create_server(lambda: Connection(server), "127.0.0.1", port)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
