"""The shell: rows that were answered lately are not computed again, nor is what is under way."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from msgspec.structs import replace

from fairlead.clock import Clock
from fairlead.errors import DeadlineError, FairleadError, UnavailableError
from fairlead.routing import Route
from fairlead.serving.arm import LiveArm
from fairlead.serving.cache.keep import Keep, kept_of
from fairlead.serving.cache.key import digests
from fairlead.serving.cache.pieces import Pieces
from fairlead.serving.cache.types import CacheLimits, Kept, Key
from fairlead.serving.counters import CacheCounters
from fairlead.serving.types import Answered, Work
from fairlead.signature import Batch, concat


class _Run(NamedTuple):
    """Rows of a request that follow one another and come by their answers in one way.

    Args:
        start: the first one's place.
        keys: of each.
        kept: their answers, if they are known.
        waits: whether another's computation gives the answer; of such rows each is alone.
    """

    start: int
    keys: list[Key]
    kept: list[Kept]
    waits: bool


class _Waiter(NamedTuple):
    """One row, and who would compute it."""

    arm: LiveArm
    work: Work


class ResponseCache:
    """The answers that one worker keeps for one endpoint.

    The same row is computed once at a time: who asks for it meanwhile waits, and gets the same
    answer. An error is kept by nobody, and is nobody's but his whose rows were computed: those
    who waited try again.

    Args:
        limits: of age and size.
        clock: for ages and deadlines.
        counters: of this endpoint's cache.
        secret: that digests are made with.
    """

    def __init__(
        self, limits: CacheLimits, clock: Clock, counters: CacheCounters, secret: bytes
    ) -> None:
        self._clock = clock
        self._counters = counters
        self._secret = secret
        self._keep = Keep(limits)
        self._flights: dict[Key, list[_Waiter]] = {}
        self._waiting = 0

    def digests(self, batch: Batch) -> list[bytes] | None:
        """By what each row is known; None if they are known by nothing."""
        return digests(batch, self._secret)

    def stale(self, version: str, digest: bytes) -> tuple[Batch, float] | None:
        """The last answer to a row, however old it is.

        Args:
            version: digest of its bundle.
            digest: of the row, as `digests` gives it.

        Returns:
            The answer, one row, and its age in seconds; None if there is none any more.
        """
        kept = self._keep.stale((version, digest))
        return None if kept is None else (kept.outputs, self._clock.monotonic_s() - kept.made_s)

    def submit(self, arm: LiveArm, work: Work) -> None:
        """Have rows answered: by what is kept, by what is under way, and the others by the model.

        Args:
            arm: that computes what must be.
            work: the rows.

        Raises:
            UnavailableError: too many rows wait already for what is under way.
        """
        now_s = self._clock.monotonic_s()
        known = self.digests(work.ask.batch) if arm.repeatable else None
        if known is None or work.ask.deadline_s <= now_s:
            _send(arm, work)
            return
        keys = [(arm.version.ref.digest, digest) for digest in known]
        if self._is_full(keys, arm.queue_rows_max):
            raise UnavailableError("The model is busy and its queue is full.", shed="queue")
        self._submit(arm, work, keys, now_s)

    def _is_full(self, keys: Sequence[Key], rows_max: int) -> bool:
        """Whether those of some rows that would wait are too many beside those that do."""
        if not self._waiting or self._waiting + len(keys) <= rows_max:
            return False
        more = sum(key in self._flights for key in keys)
        return bool(more) and self._waiting + more > rows_max

    def _submit(self, arm: LiveArm, work: Work, keys: Sequence[Key], now_s: float) -> None:
        runs = [self._look(place, key, now_s) for place, key in enumerate(keys)]
        if len(runs) > 1:
            runs = _joined(runs)
        if len(runs) == 1:
            self._begin(arm, work, runs[0], now_s)
            return
        pieces = Pieces(work, len(runs))
        for run in sorted(
            runs, key=lambda run: not run.waits
        ):  # who waits is noted before anyone has an answer
            self._begin(arm, pieces.some(run.start, len(run.keys)), run, now_s)

    def _look(self, place: int, key: Key, now_s: float) -> _Run:
        """How a row comes by its answer; if it is computed, that is from now on under way."""
        kept = self._keep.fresh(key, now_s)
        if kept is not None:
            self._counters.hit()
            return _Run(place, [key], [kept], False)
        waits = key in self._flights
        if waits:
            self._counters.joined()
        else:
            self._counters.missed()
            self._flights[key] = []
        return _Run(place, [key], [], waits)

    def _begin(self, arm: LiveArm, work: Work, run: _Run, now_s: float) -> None:
        if run.kept:
            ages_s = [now_s - kept.made_s for kept in run.kept]
            arm.answer(work, concat([kept.outputs for kept in run.kept]), ages_s)
        elif run.waits:
            self._flights[run.keys[0]].append(_Waiter(arm, work))
            self._waiting += 1
            arm.version.in_flight += 1
        else:
            _send(arm, replace(work, done=partial(self._landed, run.keys, work)))

    def _landed(self, keys: Sequence[Key], work: Work, result: Answered | FairleadError) -> None:
        """Keep what was computed, and share it with those who waited for it."""
        now_s = self._clock.monotonic_s()
        for place, key in enumerate(keys):
            waiters = self._flights.pop(key)
            self._waiting -= len(waiters)
            for waiter in waiters:
                waiter.arm.version.in_flight -= 1
            if isinstance(result, Answered):
                kept = kept_of(result.outputs.batch, result.start + place, now_s)
                self._counters.evicted(self._keep.put(key, kept))
                self._share(waiters, kept, now_s)
            else:
                self._try_again(key, waiters, result, now_s)
        self._counters.holds(self._keep.size_bytes)
        work.done(result)

    def _share(self, waiters: Sequence[_Waiter], kept: Kept, now_s: float) -> None:
        for arm, work in waiters:
            if work.ask.deadline_s <= now_s:
                _send(arm, work)  # which notes that it is late
            else:
                arm.answer(work, kept.outputs, [now_s - kept.made_s])

    def _try_again(
        self, key: Key, waiters: Sequence[_Waiter], error: FairleadError, now_s: float
    ) -> None:
        """Have rows computed whose computation failed for another.

        If his time was up, the one who has the most left tries, and the others wait for that;
        else it is the model's fault, or the log's, and each tries alone.
        """
        if isinstance(error, DeadlineError):
            for arm, work in sorted(waiters, key=lambda one: -one.work.ask.deadline_s):
                if work.ask.deadline_s <= now_s:
                    _send(arm, work)
                else:
                    self._submit(arm, work, [key], now_s)
        else:
            for arm, work in waiters:
                _send(arm, work)


def _joined(runs: Sequence[_Run]) -> list[_Run]:
    """Rows that come by their answers in one way, together; but each that waits alone."""
    found = [runs[0]]
    for run in runs[1:]:
        last = found[-1]
        if run.waits or last.waits or bool(run.kept) != bool(last.kept):
            found.append(run)
        else:
            last.keys.extend(run.keys)
            last.kept.extend(run.kept)
    return found


def takes_part(route: Route) -> bool:
    """Whether answers to a route's requests may come from a cache.

    Only where one version answers that is on no trial: evidence of a release is what models do.
    """
    return (
        len(route.arms) == 1
        and route.arms[0].role == "stable"
        and not route.shadows
        and route.automation.mode == "full"
    )


def _send(arm: LiveArm, work: Work) -> None:
    """Have rows computed, or say that there is no room for them."""
    try:
        arm.submit(work)
    except UnavailableError as error:
        work.done(error)
