"""The process of one worker: puts its parts together and runs it."""

from __future__ import annotations

import asyncio
import resource
import signal
from pathlib import Path

import uvloop

from fairlead.app.channel import Channel, Order
from fairlead.app.child import Start, leave, read_start
from fairlead.app.exposure import sites_of
from fairlead.app.settings import ServerSettings
from fairlead.app.tls import server_context
from fairlead.bundle import BundleCache, KeyRing
from fairlead.clock import SystemClock
from fairlead.ids import IdSource
from fairlead.predictionlog import JournalWriter
from fairlead.serving.arm import ArmLimits
from fairlead.serving.counters import Counters
from fairlead.serving.server import HttpLimits
from fairlead.serving.sink import LogSink
from fairlead.serving.types import RpcPlace
from fairlead.serving.versions import VersionLoader
from fairlead.serving.worker import Worker, WorkerOptions
from fairlead.store import open_blobs, open_store
from fairlead.telemetry import MetricsFile, fold, read


def build(start: Start, channel: Channel[Order]) -> Worker:
    """Put a worker together from its settings."""
    server, home, clock = start.settings.server, start.home, SystemClock()
    fold(home.metrics)
    metrics = MetricsFile(home.metrics / f"{start.name}-{IdSource(clock).one()}.metrics")
    counters = Counters(metrics)
    journal = JournalWriter(home.journals, start.name, clock, durability=server.durability)
    bundles = BundleCache(
        open_blobs(server.blobs or home.blobs_url), home.cache, KeyRing(home.keys)
    )
    on_full = {
        name: endpoint.log_full
        for name, endpoint in start.settings.endpoint.items()
        if endpoint.log_full is not None
    }
    return Worker(
        _options(start, server),
        open_store(server.store or home.store_url),
        VersionLoader(bundles, clock, python_timeout_s=server.python_timeout_s),
        LogSink(journal, server.log_full, on_full, counters),
        journal,
        counters,
        lambda: read(home.metrics),
        clock,
        channel.send,
    )


def _options(start: Start, server: ServerSettings) -> WorkerOptions:
    cert, key = server.tls_cert, server.tls_key
    return WorkerOptions(
        place=int(start.name.rpartition("-")[2]),
        workers=server.workers,
        http=HttpLimits(body_bytes_max=server.body_bytes_max),
        arms=ArmLimits(server.batch_rows_max, server.queue_rows_max),
        sites=sites_of(server, shared=True),
        keys=server.keys,
        deadline_s=server.deadline_s,
        rows_max=server.rows_max,
        default_endpoint=server.default_endpoint,
        tls=server_context(cert, key) if cert else None,
        rpc=_rpc_place(start),
    )


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
    uvloop.run(serve(read_start()))
    leave()


if __name__ == "__main__":
    main()
