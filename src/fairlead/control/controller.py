"""The reconcile loop: while it holds the lease it ticks every controller when something changed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from fairlead.clock import Clock
from fairlead.errors import ConflictError, FairleadError
from fairlead.logs import tell, tell_error
from fairlead.store import Store

LOOK_S = 0.1
TICK_S = 1.0
LEASE = "controller"
LEASE_US = 10_000_000

Tick = Callable[[], object]
"""One controller's step: reads records, decides, commits. Safe to repeat at any time."""


class Controller:
    """Calls ticks until stopped, at most one process of an installation at a time.

    A tick that fails is told on stderr and called again; it never keeps the others from theirs.

    Args:
        store: that the loop closes in.
        holder: this process's name for the lease.
        ticks: by name, in their order.
        clock: for the lease and the pace.
    """

    def __init__(self, store: Store, holder: str, ticks: Mapping[str, Tick], clock: Clock) -> None:
        self._store = store
        self._holder = holder
        self._ticks = dict(ticks)
        self._clock = clock
        self._wake = threading.Event()
        self._stopped = False
        self._revision = -1
        self._ticked_s = float("-inf")
        self._failing: dict[str, str] = {}

    @property
    def problems(self) -> tuple[str, ...]:
        """What keeps ticks from doing their work, in words."""
        return tuple(f"{name}: {why}" for name, why in self._failing.items())

    @property
    def silent_s(self) -> float:
        """Seconds since it last ticked."""
        return self._clock.monotonic_s() - self._ticked_s

    def wake(self) -> None:
        """Tick soon: something changed that the store does not tell of."""
        self._wake.set()

    def stop(self) -> None:
        """Ask `run` to end."""
        self._stopped = True
        self._wake.set()

    def run(self) -> None:
        """Tick until stopped, then give the lease back."""
        while not self._stopped:
            self._attempt("store", self._look)
        self._attempt("lease", lambda: self._store.release(LEASE, self._holder))

    def once(self, name: str) -> None:
        """Call one tick now, lease or not; for what remains to be done after `run`."""
        self._attempt(name, self._ticks[name])

    def finish(self, name: str, work: Tick) -> None:
        """Do what ends a tick's work, after `run`; a fault in it is told, and keeps nobody."""
        self._attempt(name, work)

    def _look(self) -> None:
        woken = self._wake.wait(LOOK_S)
        self._wake.clear()
        revision = self._store.revision()
        if not woken and revision == self._revision and self.silent_s < TICK_S:
            return
        self._revision = revision
        if self._store.acquire(LEASE, self._holder, self._clock.now_us(), LEASE_US):
            for name, tick in self._ticks.items():
                self._attempt(name, tick)
        self._ticked_s = self._clock.monotonic_s()

    def _attempt(self, name: str, tick: Tick) -> None:
        try:
            tick()
        except ConflictError:
            self._revision = -1  # someone else was first; look again, at the usual pace
        except FairleadError as error:
            self._note(name, str(error))
        except Exception as error:  # a fault in one tick must not end the control plane
            why = f"failed with {type(error).__name__}"
            if self._failing.get(name) != why:  # it is called again every second
                tell_error("tick_failed", error, tick=name)
            self._note(name, why)
        else:
            self._failing.pop(name, None)

    def _note(self, name: str, why: str) -> None:
        if self._failing.get(name) != why:
            tell("error", "tick_failed", f"{name}: {why}", tick=name)
        self._failing[name] = why
