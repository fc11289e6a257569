"""What `/metrics` tells on either port, put together."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from fairlead.app.home import Home
from fairlead.app.settings import CostSettings
from fairlead.serving.types import FleetStatus
from fairlead.telemetry import Cards, Sample, counted, gauged, measure_process, read

if TYPE_CHECKING:
    from fairlead.control import Controller


def data_plane_samples(home: Home, cost: CostSettings) -> list[Sample]:
    """What the workers counted, and what they count on: the disk, and the machine's price."""
    space = os.statvfs(home.path)
    samples = [
        *read(home.metrics),
        _build(),
        gauged("fairlead_home_free_bytes", space.f_bavail * space.f_frsize),
        gauged("fairlead_home_size_bytes", space.f_blocks * space.f_frsize),
    ]
    if cost.machine_per_hour is not None:
        price = cost.machine_per_hour
        samples.append(gauged("fairlead_machine_hourly_price", price, currency=cost.currency))
    return samples


class ControlSamples:
    """What the control plane tells: of all processes, of itself, and of graphics cards.

    Args:
        supervisor_pid: of the process that started all others.
        controller: of this process.
    """

    def __init__(self, supervisor_pid: int, controller: Controller) -> None:
        self._supervisor_pid = supervisor_pid
        self._controller = controller
        self._cards = Cards()

    def measure(self, fleet: FleetStatus) -> list[Sample]:
        """How everything is now.

        Args:
            fleet: the workers that live.
        """
        samples = [_build(), *_fleet(fleet), *_controller(self._controller)]
        for name, pid in self._processes(fleet).items():
            samples += measure_process(name, pid)
        return samples + self._cards.measure()

    def _processes(self, fleet: FleetStatus) -> dict[str, int]:
        """Number of each process by its name."""
        found = {"supervisor": self._supervisor_pid, "controller": os.getpid()}
        for worker in fleet.workers:
            name = f"worker-{worker.worker}"
            found[name] = worker.pid
            found |= {f"{name}/{version}": pid for version, pid in worker.processes.items()}
        return found


def _build() -> Sample:
    labels = {"version": _installed(), "python": platform.python_version()}
    return gauged("fairlead_build_info", 1, **labels)


def _installed() -> str:
    try:
        return version("fairlead")
    except PackageNotFoundError:
        return "unknown"


def _fleet(fleet: FleetStatus) -> Iterator[Sample]:
    for name, deaths in fleet.deaths.items():
        yield counted("fairlead_process_restarts_total", deaths, process=name)
    for worker in fleet.workers:
        name = f"worker-{worker.worker}"
        yield gauged("fairlead_worker_ready", worker.ready, process=name)


def _controller(controller: Controller) -> Iterator[Sample]:
    yield gauged("fairlead_controller_problems", len(controller.problems))
    yield gauged("fairlead_controller_silence_seconds", max(0.0, controller.silent_s))
