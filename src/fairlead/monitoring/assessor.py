"""The shell that looks at each window once, when it is over."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

from msgspec.structs import replace

from fairlead.clock import Clock
from fairlead.monitoring.collector import References
from fairlead.monitoring.detect import watch
from fairlead.monitoring.duplicates import repetition
from fairlead.monitoring.recall import DAY_US, WEEK_US
from fairlead.monitoring.records import (
    FINDINGS,
    WATCHES,
    WINDOWS,
    Finding,
    Stream,
    Watch,
    moment,
)
from fairlead.monitoring.span import Span
from fairlead.monitoring.traffic import (
    STABLE,
    TRAFFIC,
    Traffic,
    repeat,
    usual,
    usual_repeats,
    volume,
)
from fairlead.monitoring.types import Plan, Volume, Window
from fairlead.profiles import Profile, merge
from fairlead.store import ABSENT, Put, Store, Stored

Choice = Callable[[Stream, Span], Profile | None]

SEASONS = 6
"""Earlier periods that a season is told from."""


class Assessor:
    """Compares windows with their reference, in order, each once.

    What a window said when it was over stays said: rows that come later are counted, not tested.
    A finding and what is remembered of it are one commit.

    Args:
        store: of windows and findings.
        references: of versions, by name.
        chosen: of a stream and chosen days; None while there is none.
        plan: how an endpoint is watched, by its name.
        clock: tells which windows are over.
    """

    def __init__(
        self, store: Store, references: References, chosen: Choice, plan: Callable[[str], Plan],
        clock: Clock,
    ) -> None:  # fmt: skip
        self._store = store
        self._references = references
        self._chosen = chosen
        self._plan = plan
        self._clock = clock

    def tick(self) -> None:
        """Look at every window that is over and was not looked at."""
        for stored in self._store.scan(WATCHES):
            self._follow(stored)

    def _follow(self, stored: Stored[Watch]) -> None:
        kept, revision = stored.value, stored.revision
        plan = self._plan(kept.stream.endpoint)
        for start_us in kept.pending:
            window = self._window(kept.stream, start_us)
            if window is None or window.end_us + plan.grace_us > self._clock.now_us():
                return  # those behind it are not over either
            key = FINDINGS.key(kept.stream.place, moment(start_us))
            puts: list[Put[Any]] = []
            if self._store.get(FINDINGS, key) is None:
                traffic = self._traffic(kept.stream)
                finding, kept = self._look(window, kept, plan, traffic.value if traffic else None)
                puts += [Put(FINDINGS, key, finding, ABSENT), *_learned(window, finding, traffic)]
            else:  # by a clock that was set back since
                kept = replace(kept, pending=_behind(kept, start_us))
            revision = self._store.commit(*puts, Put(WATCHES, stored.key, kept, revision))

    def _look(
        self, window: Window, before: Watch, plan: Plan, traffic: Traffic | None
    ) -> tuple[Finding, Watch]:
        stream, start_us = before.stream, window.start_us
        repeats = () if traffic is None else usual_repeats(traffic, start_us, _inputs(window))
        state, comparison, detection = watch(
            before.state,
            self._reference(stream, window, plan),
            window.profile,
            budget=plan.budget,
            rule=plan.rule,
            start_us=start_us,
            usual=repeats,
        )
        finding = Finding(
            stream=stream,
            start_us=start_us,
            end_us=window.end_us,
            comparison=comparison,
            detection=detection,
            volume=None if traffic is None else _volume(traffic, window, plan),
        )
        pending = _behind(before, start_us)
        return finding, replace(before, pending=pending, until_us=window.end_us, state=state)

    def _traffic(self, stream: Stream) -> Stored[Traffic] | None:
        """What is known of the endpoint; told with the version whose part it is to answer it."""
        if stream.role != STABLE:
            return None
        return self._store.get(TRAFFIC, TRAFFIC.key(stream.endpoint))

    def _reference(self, stream: Stream, window: Window, plan: Plan) -> Profile:
        """The profile to compare with; of the training set until there is another."""
        training = self._references(stream.version)
        assert training is not None, "windows are made of versions with a reference alone"
        if plan.reference == "training":
            return training
        if isinstance(plan.reference, Span):
            chosen = self._chosen(stream, plan.reference)
            enough = chosen is not None and chosen.rows >= plan.rule.rows_min
            return chosen if chosen is not None and enough else training
        period_us = WEEK_US if plan.reference == "week" else DAY_US
        past = self._past(stream, window, period_us, SEASONS)
        if sum(each.profile.rows for each in past) < plan.rule.rows_min:
            return training
        return reduce(merge, (each.profile for each in past))

    def _past(self, stream: Stream, window: Window, period_us: int, most: int) -> list[Window]:
        """Windows that began a whole number of periods earlier, newest first."""
        starts = (window.start_us - back * period_us for back in range(1, most + 1))
        found = (self._window(stream, start_us) for start_us in starts)
        return [each for each in found if each is not None]

    def _window(self, stream: Stream, start_us: int) -> Window | None:
        stored = self._store.get(WINDOWS, WINDOWS.key(stream.place, moment(start_us)))
        return None if stored is None else stored.value


def _volume(traffic: Traffic, window: Window, plan: Plan) -> Volume | None:
    """All that the endpoint was asked."""
    rows = traffic.rows.get(window.start_us, window.profile.rows)
    return volume(rows, usual(traffic, window.start_us), plan.volume_alpha)


def _learned(window: Window, found: Finding, traffic: Stored[Traffic] | None) -> list[Put[Any]]:
    """The endpoint's traffic with what a window teaches of repeats; one with far too many none."""
    repeated = repetition(window.profile.repeats)
    faulty = any(one.kind == "duplicates" for one in found.comparison.broken)
    if traffic is None or repeated is None or faulty:
        return []
    after = repeat(traffic.value, window.start_us, _inputs(window), repeated)
    return [Put(TRAFFIC, traffic.key, after, traffic.revision)]


def _inputs(window: Window) -> tuple[str, ...]:
    return tuple(sorted(window.profile.inputs))


def _behind(watch: Watch, start_us: int) -> tuple[int, ...]:
    """What is still to be looked at after a window."""
    return tuple(start for start in watch.pending if start > start_us)
