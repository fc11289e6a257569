"""The process of one worker: puts its parts together and runs it."""

from __future__ import annotations

import asyncio
import gc
import resource
import signal
from pathlib import Path

import uvloop

from fairlead.app.channel import Channel, Order
from fairlead.app.child import Start, leave, read_start
from fairlead.app.core import build_core
from fairlead.app.exposure import sites_of
from fairlead.app.tls import server_context
from fairlead.logs import inherit_logs, tell
from fairlead.serving.types import RpcPlace
from fairlead.serving.worker import Worker, WorkerOptions

COLLECT_AFTER = 10_000
"""Objects that are new, as a thousand requests under way have: the collector of cycles shall not
look through what is no garbage."""


def build(start: Start, channel: Channel[Order]) -> Worker:
    """Put a worker together from its settings."""
    server = start.settings.server
    cert, key = server.tls_cert, server.tls_key
    options = WorkerOptions(
        place=int(start.name.rpartition("-")[2]),
        tls=server_context(cert, key) if cert else None,
        rpc=_rpc_place(start),
    )
    core = build_core(start.name, start.home, start.settings, sites_of(server, shared=True))
    return Worker(options, core, channel.send)


def _rpc_place(start: Start) -> RpcPlace | None:
    """Where gRPC is spoken, with the certificate that HTTP shows."""
    server, address = start.settings.server, start.addresses.grpc
    if not address:
        return None
    if not server.tls_cert:
        return RpcPlace(address)
    key, certificate = Path(server.tls_key), Path(server.tls_cert)
    return RpcPlace(address, (key.read_bytes(), certificate.read_bytes()))


async def serve(start: Start) -> None:
    """Run until told to stop, or until the supervisor is gone."""
    loop = asyncio.get_running_loop()
    channel = Channel(start.channel, Order)
    worker = build(start, channel)

    def hear() -> None:
        orders = channel.receive()
        if orders is None:
            loop.remove_reader(channel.sock)
        if orders is None or any(order.order == "drain" for order in orders):
            worker.stop()

    loop.add_reader(channel.sock, hear)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, worker.stop)
    await worker.run(start.listener)


def allow_connections() -> None:
    """Take as many files as the system lets a process have: each connection is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def main() -> None:
    """Entry of the process."""
    allow_connections()
    gc.set_threshold(COLLECT_AFTER)
    start = read_start()
    inherit_logs(start.name)
    uvloop.run(serve(start))
    tell("info", "process_ended", f"{start.name} has ended.")
    leave()
