"""The process of the control plane: the controller's loop, the REST API and the pages."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial

import msgspec
import uvicorn
from fastapi import FastAPI
from uvicorn.config import LOGGING_CONFIG

from fairlead.access import Sessions
from fairlead.alerts import AlertController
from fairlead.alerts.courier import Courier
from fairlead.api import Guard, build_api
from fairlead.app.channel import Channel, Order
from fairlead.app.child import Start, leave, read_start
from fairlead.app.exposure import sites_of
from fairlead.app.jobs import job_controller
from fairlead.app.learning.prune import Pruner
from fairlead.app.learning.specs import learners
from fairlead.app.learning.start import learning_controller
from fairlead.app.leftovers import Leftovers
from fairlead.app.looker import Looker
from fairlead.app.monitoring import Monitor
from fairlead.app.services import WorkspaceServices
from fairlead.app.sessions import porter_of, session_secret
from fairlead.app.settings import ServerSettings, Settings, rules, schedules, told_of_decisions
from fairlead.app.signals import job_signals, learner_signals, update_signals
from fairlead.app.tls import server_context
from fairlead.app.updating.controller import update_controller
from fairlead.app.workspace import Workspace
from fairlead.clock import Clock
from fairlead.console import build_console, error_page
from fairlead.control import Controller, Tick, view
from fairlead.learning.tutor import is_read
from fairlead.logs import inherit_logs, tell, tells_json
from fairlead.predictionlog.compact import Compactor
from fairlead.predictionlog.sealer import SEAL_S, Sealer
from fairlead.review.collect import Collector
from fairlead.review.deliver import Deliverer
from fairlead.serving.types import FleetStatus, WorkerStatus
from fairlead.store import Store

REPORT_S = 1.0
NICER = 5
"""Where cores are short, answers come before sealing and watching them."""


class ControlPlane:
    """The parts of the control plane, put together.

    Args:
        start: what the supervisor said.
    """

    def __init__(self, start: Start) -> None:
        self.beside = ThreadPoolExecutor(1, "beside")  # a tick that took long would hold up all
        self.workspace = Workspace(start.home.path, settings=start.settings, beside=self.beside)
        self.fleet = FleetStatus(())
        releases = self.workspace.releases
        store, blobs, clock = self.workspace.store, self.workspace.blobs, self.workspace.clock
        seal_s = min(SEAL_S, start.settings.monitoring.window_s)
        self.looker = Looker(clock)
        self.sealer = Sealer(
            store, blobs, self.workspace.home.journals, clock, seal_s, self.looker.describe
        )
        self.monitor = monitor = Monitor(self.workspace, lambda: self.sealer.is_whole)
        alerts = alert_controller(store, clock, start.settings)
        self.jobs, jobs = job_controller(self.workspace), schedules(start.settings)
        self.updates = update_controller(self.workspace)
        self.learning, self.learners = learning_controller(self.workspace), learners(start.settings)
        self.courier = Courier(store, clock, start.settings.alerts.channel)
        folder = self.workspace.home.journals
        self.questions = Collector(store, blobs, folder, clock)
        told = partial(told_of_decisions, start.settings)
        self.decisions = Deliverer(store, blobs, folder, clock, told)
        ticks: dict[str, Tick] = {
            "evidence": self.workspace.witness.tick,
            "releases": lambda: releases.tick(lambda release: view(self.fleet, release)),
            "questions": self.questions.tick,  # before the log is sealed, which keeps no pictures
            "decisions": self.decisions.tick,
            "log": self.sealer.tick,
            "windows": monitor.collector.tick,
            "findings": monitor.assessor.tick,
            "silence": monitor.listener.tick,
            "accounts": monitor.bookkeeper.tick,
            "archive": monitor.archivist.tick,
            "operations": monitor.keeper.tick,
            "refusals": monitor.refusals.tick,
            "compaction": Compactor(store, blobs, clock, self._is_read).tick,
            "leftovers": Leftovers(self.workspace).tick,
            "jobs": self.jobs.tick,
            "updates": self.updates.tick,
            "learning": self.learning.tick,
            "checkpoints": Pruner(self.workspace, self.learners).tick,
            "alerts": lambda: alerts.tick(
                [
                    *monitor.signals(),
                    *job_signals(store, clock, jobs),
                    *update_signals(store, clock, self.workspace.update_specs),
                    *learner_signals(store, clock, self.learners),
                ]
            ),
            "notifications": self.courier.tick,
        }
        if start.settings.monitoring.joint_drift:
            ticks["days"] = monitor.comparer.tick
        holder = f"{socket.gethostname()}-{os.getpid()}"
        self.controller = Controller(store, holder, ticks, clock)
        self.services = WorkspaceServices(
            self.workspace,
            start.addresses,
            self.controller,
            lambda: self.fleet,
            lambda: monitor.seen,
        )

    def _is_read(self, segment: str) -> bool:
        """Whether all who read each sealed file once have read one."""
        readers = (self.monitor, self.workspace.witness, self.questions)
        if not is_read(self.workspace.store, [one.endpoint for one in self.learners], segment):
            return False
        return all(reader.is_read(segment) for reader in readers)

    def hear(self, fleet: FleetStatus) -> None:
        """Take what the supervisor tells of the workers."""
        if fleet != self.fleet:
            self.fleet = fleet
            self.controller.wake()


def alert_controller(store: Store, clock: Clock, settings: Settings) -> AlertController:
    """Decides on alerts as the settings say."""
    channels = {name: channel.severities for name, channel in settings.alerts.channel.items()}
    hour = settings.alerts.digest_hour
    return AlertController(store, clock, cache(partial(rules, settings)), channels, hour)


def guard(start: Start, workspace: Workspace) -> Guard:
    """Who may ask."""
    server, port = start.settings.server, start.listener.getsockname()[1]
    sessions = Sessions(
        f"fairlead_{port}", session_secret(workspace.home), secure=bool(server.tls_cert)
    )
    porter = porter_of(workspace, sessions)
    return Guard(sites_of(server, shared=False), server.body_bytes_max, server.keys, porter)


def configured(app: FastAPI, settings: ServerSettings) -> uvicorn.Config:
    """How the application is served.

    Args:
        app: of the control plane.
        settings: whose word on who asks is believed, and whether it speaks TLS, as the data plane
            does.
    """
    config = uvicorn.Config(
        app,
        log_level="warning",
        log_config=None if tells_json() else LOGGING_CONFIG,
        lifespan="off",
        timeout_graceful_shutdown=5,
        proxy_headers=bool(settings.proxies),  # by itself it believes everybody on this machine
        forwarded_allow_ips=settings.proxies,
    )
    config.load()
    if settings.tls_cert:
        config.ssl = server_context(settings.tls_cert, settings.tls_key)
    return config


async def serve(start: Start) -> None:
    """Run until told to stop, or until the supervisor is gone."""
    loop = asyncio.get_running_loop()
    plane = ControlPlane(start)
    channel = Channel(start.channel, _Told)
    thread = threading.Thread(target=plane.controller.run, name="controller")
    thread.start()
    guarded = guard(start, plane.workspace)
    console = build_console(plane.services, guarded)
    app = build_api(plane.services, guarded, console.routers, error_page)
    server = uvicorn.Server(configured(app, start.settings.server))

    def end() -> None:
        console.feed.close()
        server.should_exit = True

    def hear() -> None:
        told = channel.receive()
        if told is None:
            loop.remove_reader(channel.sock)
            end()
            return
        for message in told:
            if message.order == "drain":
                end()
            elif message.workers is not None:
                plane.hear(FleetStatus(message.workers, message.deaths))

    loop.add_reader(channel.sock, hear)
    reporting = asyncio.create_task(_report(channel))
    try:
        await server.serve(sockets=[start.listener])
    finally:
        reporting.cancel()
        plane.controller.stop()
        thread.join()
        plane.controller.finish("jobs", plane.jobs.close)
        plane.controller.finish("updates", plane.updates.close)
        plane.controller.finish("learning", plane.learning.close)
        plane.decisions.close()
        plane.controller.once("log")  # what the workers wrote last
        plane.beside.shutdown(wait=False, cancel_futures=True)
        plane.looker.close()
        plane.courier.close()
        plane.monitor.close()
        plane.workspace.close()


class _Told(Order, frozen=True):
    """An order or the state of the fleet: the two things a controller is told."""

    order: str = ""
    workers: tuple[WorkerStatus, ...] | None = None
    deaths: dict[str, int] = msgspec.field(default_factory=dict)


async def _report(channel: Channel[_Told]) -> None:
    """Tell the supervisor that this loop still turns."""
    while True:
        channel.send(WorkerStatus(worker=-1, pid=os.getpid(), ready=True))
        await asyncio.sleep(REPORT_S)


def main() -> None:
    """Entry of the process."""
    # The server ends on SIGTERM and raises it again: that must not skip what comes after.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    os.nice(NICER)
    start = read_start()
    inherit_logs(start.name)
    asyncio.run(serve(start))
    tell("info", "process_ended", f"{start.name} has ended.")
    leave()
