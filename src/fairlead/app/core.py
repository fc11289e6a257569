"""What answers requests, put together from a home and its settings."""

from __future__ import annotations

from fairlead.access import Sites
from fairlead.app.home import Home
from fairlead.app.settings import Settings
from fairlead.bundle import BundleCache, KeyRing
from fairlead.clock import SystemClock
from fairlead.ids import IdSource
from fairlead.predictionlog import JournalWriter
from fairlead.serving.arm import ArmLimits
from fairlead.serving.core import Core, CoreOptions
from fairlead.serving.counters import Counters
from fairlead.serving.server import HttpLimits
from fairlead.serving.sink import LogSink
from fairlead.serving.versions import VersionLoader
from fairlead.store import open_blobs, open_store
from fairlead.telemetry import MetricsFile, fold, read


def build_core(name: str, home: Home, settings: Settings, sites: Sites) -> Core:
    """Put everything together that answers requests.

    Args:
        name: of who answers, as its journals and its file of counters are called.
        home: whose endpoints answer.
        settings: how.
        sites: that browsers may send requests from and to.
    """
    server, clock = settings.server, SystemClock()
    fold(home.metrics)
    metrics = MetricsFile(home.metrics / f"{name}-{IdSource(clock).one()}.metrics")
    counters = Counters(metrics)
    journal = JournalWriter(home.journals, name, clock, durability=server.durability)
    bundles = BundleCache(
        open_blobs(server.blobs or home.blobs_url), home.cache, KeyRing(home.keys)
    )
    on_full = {
        name: endpoint.log_full
        for name, endpoint in settings.endpoint.items()
        if endpoint.log_full is not None
    }
    options = CoreOptions(
        workers=server.workers,
        http=HttpLimits(body_bytes_max=server.body_bytes_max),
        arms=ArmLimits(server.batch_rows_max, server.queue_rows_max),
        sites=sites,
        keys=server.keys,
        deadline_s=server.deadline_s,
        rows_max=server.rows_max,
        default_endpoint=server.default_endpoint,
    )
    return Core(
        options,
        open_store(server.store or home.store_url),
        VersionLoader(bundles, clock, python_timeout_s=server.python_timeout_s),
        LogSink(journal, server.log_full, on_full, counters),
        journal,
        counters,
        lambda: read(home.metrics),
        clock,
    )
