"""What answers requests, put together from a home and its settings."""

from __future__ import annotations

from functools import partial

from fairlead.access import Sites
from fairlead.app.home import Home
from fairlead.app.metrics import data_plane_samples
from fairlead.app.settings import Settings, device_of, features_of, ladders
from fairlead.bundle import BundleCache, KeyRing
from fairlead.clock import Clock, SystemClock
from fairlead.ids import IdSource
from fairlead.lookup import open_tables
from fairlead.predictionlog import JournalWriter
from fairlead.serving.arm import ArmLimits
from fairlead.serving.cache.types import limits_of
from fairlead.serving.core import Core, CoreOptions
from fairlead.serving.counters import Counters
from fairlead.serving.features.follow import FeatureTables
from fairlead.serving.loading.versions import VersionLoader
from fairlead.serving.lookup.follow import Followed
from fairlead.serving.sink import LogSink
from fairlead.serving.transport.server import HttpLimits
from fairlead.store import open_blobs, open_store
from fairlead.telemetry import MetricsFile, fold


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
        models_bytes=server.models_memory_mb and server.models_memory_mb * 1_000_000,
        first_request=server.first_request,
        first_requests={
            name: endpoint.first_request
            for name, endpoint in settings.endpoint.items()
            if endpoint.first_request is not None
        },
        ladders=ladders(settings),
        caches={
            name: limits
            for name, endpoint in settings.endpoint.items()
            if (limits := limits_of(name, endpoint.cache)) is not None
        },
    )
    url, timeout_s = server.lookup or home.lookup_url, server.lookup_timeout_s
    followed = Followed(open_tables(url, timeout_s), clock, counters.looked_up)
    sink = LogSink(journal, server.log_full, on_full, counters)
    return Core(
        options,
        open_store(server.store or home.store_url),
        VersionLoader(
            bundles,
            clock,
            python_timeout_s=server.python_timeout_s,
            device_of=partial(device_of, settings),
            recent=sink.recent,
        ),
        sink,
        journal,
        counters,
        partial(data_plane_samples, home, settings.cost),
        clock,
        followed,
        _features(followed, settings, clock),
    )


def _features(followed: Followed, settings: Settings, clock: Clock) -> FeatureTables | None:
    """In which is looked up what requests leave out; None where they must not."""
    specs = {name: features_of(settings, name) for name in settings.endpoint}
    return FeatureTables(followed, specs, clock) if any(specs.values()) else None
