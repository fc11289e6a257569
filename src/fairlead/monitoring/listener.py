"""The shell that notices hours in which nothing came where something was due."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from fairlead.clock import Clock
from fairlead.monitoring.collector import References
from fairlead.monitoring.detect import watch
from fairlead.monitoring.records import FINDINGS, WATCHES, Finding, Stream, Watch, moment
from fairlead.monitoring.retain import first_hour
from fairlead.monitoring.traffic import TRAFFIC, Traffic, usual, volume
from fairlead.monitoring.types import Plan, Volume
from fairlead.profiles import empty
from fairlead.store import ABSENT, Put, Store, Stored

PATIENCE_US = 180_000_000
"""After a window's end at least, by which all its rows are sealed and counted."""
PAUSE_US = 60_000_000
"""Between two ticks, or a window if that is longer: after more, nobody listened in between."""


class Listener:
    """Finds that traffic has stopped.

    A window without rows is none. Where the endpoint's own past says that some were due, it gets a
    finding nevertheless, which tells of the volume alone; the next window with rows ends it.
    Such an hour is not usual later, however long the silence lasts.

    Only what it listened to from beginning to end is judged, and of each endpoint the last window
    alone: that nothing came while the platform was down is no news, and after a month of that
    there is no month to be judged.

    Args:
        store: of traffic and findings.
        references: of versions, by name.
        plan: how an endpoint is watched, by its name.
        length_us: of a window.
        clock: tells which windows are over.
        answers: who answers an endpoint in the stable role now; None if nobody does any more.
        is_whole: whether no row that was answered waits behind a fault to be counted.
    """

    def __init__(
        self,
        store: Store,
        references: References,
        plan: Callable[[str], Plan],
        length_us: int,
        clock: Clock,
        answers: Callable[[str], Stream | None],
        is_whole: Callable[[], bool],
    ) -> None:
        self._store = store
        self._references = references
        self._plan = plan
        self._length_us = length_us
        self._clock = clock
        self._answers = answers
        self._is_whole = is_whole
        self._ticked_us: int | None = None
        self._since_us = 0
        self._judged_us: dict[str, int] = {}

    def tick(self) -> None:
        """Judge the last window of each endpoint, once."""
        now_us = self._clock.now_us()
        if not self._has_listened(now_us):
            self._since_us = now_us
        self._ticked_us = now_us
        if not self._is_whole():
            return
        for endpoint in {stored.value.stream.endpoint for stored in self._store.scan(WATCHES)}:
            patience_us = max(self._plan(endpoint).grace_us, PATIENCE_US)
            end_us = (now_us - patience_us) // self._length_us * self._length_us
            start_us = end_us - self._length_us
            if start_us >= self._since_us and self._judged_us.get(endpoint) != start_us:
                self._judge(endpoint, start_us)
                self._judged_us[endpoint] = start_us

    def _has_listened(self, now_us: int) -> bool:
        """Whether the last tick was just now, by a clock that was not set."""
        pause_us = max(self._length_us, PAUSE_US)
        return self._ticked_us is not None and 0 <= now_us - self._ticked_us <= pause_us

    def _judge(self, endpoint: str, start_us: int) -> None:
        stored = self._store.get(TRAFFIC, TRAFFIC.key(endpoint))
        stream = self._answers(endpoint)
        if stored is None or stream is None or start_us in stored.value.rows:
            return
        past = usual(stored.value, start_us)
        found = volume(0, past, self._plan(endpoint).volume_alpha)
        if found is not None and found.broken:
            self._tell(stream, start_us, found, stored)

    def _tell(self, stream: Stream, start_us: int, found: Volume, stored: Stored[Traffic]) -> None:
        """Keep the finding of a window without rows, and that this is not usual."""
        key, reference = WATCHES.key(stream.place), self._references(stream.version)
        known = self._store.get(WATCHES, key)
        before = Watch(stream=stream, archived_us=first_hour(start_us))
        if known is not None:
            before = known.value
        place = FINDINGS.key(stream.place, moment(start_us))
        waiting = any(pending <= start_us for pending in before.pending)
        if reference is None or waiting or self._store.get(FINDINGS, place) is not None:
            return
        plan, nothing = self._plan(stream.endpoint), empty(reference)
        state, comparison, detection = watch(
            before.state, reference, nothing, budget=plan.budget, rule=plan.rule
        )
        end_us = start_us + self._length_us
        finding = Finding(
            stream=stream,
            start_us=start_us,
            end_us=end_us,
            comparison=comparison,
            detection=detection,
            volume=found,
        )
        after = replace(before, until_us=end_us, state=state)
        traffic = stored.value
        quiet = replace(traffic, stopped=(*traffic.stopped, start_us))
        self._store.commit(
            Put(FINDINGS, place, finding, ABSENT),
            Put(WATCHES, key, after, ABSENT if known is None else known.revision),
            Put(TRAFFIC, stored.key, quiet, stored.revision),
        )
