"""Versions in this worker's memory: fetched, verified, loaded, proven and warm."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from fairlead.batching import Lane
from fairlead.bundle import BundleCache
from fairlead.clock import Clock
from fairlead.routing import VersionRef
from fairlead.runners import Runner
from fairlead.runners.device import CPU, Device
from fairlead.runners.load import load_runner, payload_bytes, rehearse, replay
from fairlead.runners.pace import rows_within
from fairlead.serving.loading.footprint import footprint, resident_bytes
from fairlead.signature import Batch, Field

ON_LOOP_S_MAX = 0.001
"""A batch that is expected to take longer runs beside the loop, and so holds up nobody else."""


@dataclass(slots=True)
class LoadedVersion:
    """A version that is ready to answer.

    Args:
        ref: what it is.
        fields: of its outputs.
        runner: executes it.
        lane: where its batches run.
        in_flight: requests that are under way on it.
        size_bytes: of memory that it takes, as estimated.
        used_s: when it was last asked, on the monotonic clock.
    """

    ref: VersionRef
    fields: tuple[Field, ...]
    runner: Runner
    lane: Lane
    in_flight: int = field(default=0)
    size_bytes: int = 0
    used_s: float = 0.0

    def close(self) -> None:
        """Free it; no request may be under way."""
        self.lane.close()
        self.runner.close()


class VersionLoader:
    """Makes versions ready. Slow: to be called beside the loop.

    Args:
        bundles: of this machine.
        clock: for durations.
        python_timeout_s: for one batch, where a model is Python code.
        device_of: tells where an endpoint's models run.
        recent: what was lately asked of an endpoint; see `LogSink.recent`.
    """

    def __init__(
        self,
        bundles: BundleCache,
        clock: Clock,
        *,
        python_timeout_s: float,
        device_of: Callable[[str], Device] = lambda _: CPU,
        recent: Callable[[str], Sequence[Batch]] = lambda _: (),
    ) -> None:
        self._device_of = device_of
        self._recent = recent
        self._bundles = bundles
        self._clock = clock
        self._python_timeout_s = python_timeout_s

    def load(self, ref: VersionRef, endpoint: str) -> LoadedVersion:
        """Fetch, verify, load, prove and warm a version.

        It is warmed by its reference rows, and by what the endpoint was asked lately.

        Args:
            ref: what it is.
            endpoint: that it is loaded for.

        Raises:
            ConfigError: it cannot run here on the device that is set for the endpoint.
            BundleError: the bundle is damaged, forged, or does not reproduce its receipt.
            NotFoundError: the blob store has no such bundle.
            ModelError: the model cannot be loaded.
            StorageError: the cache cannot be written.
        """
        bundle = self._bundles.get(ref.blob, ref.digest)
        before_bytes = resident_bytes()
        runner = load_runner(
            bundle,
            allow_pickle=ref.allow_pickle,
            python_timeout_s=self._python_timeout_s,
            device=self._device_of(endpoint),
        )
        try:
            rows = replay(runner, bundle)
            rows_on_loop = rows_within(ON_LOOP_S_MAX, runner, rows, self._clock)
            rehearse(runner, self._recent(endpoint), self._clock)
        except BaseException:
            runner.close()
            raise
        pid = runner.process_id()
        size_bytes = (resident_bytes(pid) if pid else 0) or footprint(
            payload_bytes(bundle), resident_bytes() - before_bytes
        )
        signature = bundle.info.signature
        if any(field.kind == "text" or -1 in field.shape for field in signature.inputs):
            rows_on_loop = 0  # one row may be as long as a body
        outputs = signature.outputs
        return LoadedVersion(
            ref,
            outputs,
            runner,
            Lane(rows_on_loop, ref.name),
            size_bytes=size_bytes,
            used_s=self._clock.monotonic_s(),  # it was not asked yet, but is about to be
        )
