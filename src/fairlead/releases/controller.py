"""The shell: requests releases, and takes each open one as far as it can go now."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from fairlead.clock import Clock
from fairlead.errors import ConflictError, NotFoundError
from fairlead.ids import IdSource
from fairlead.names import check_name
from fairlead.releases.course import Course
from fairlead.releases.decide import decide, follow, give_way, reset
from fairlead.releases.opened import OpenReleases
from fairlead.releases.outcomes.standing import Standing
from fairlead.releases.permit import GO_ON, refuse
from fairlead.releases.plan import check_fit
from fairlead.releases.recorder import Recorder
from fairlead.releases.types import (
    NOW,
    OPEN,
    RELEASES,
    Evidence,
    Judged,
    Order,
    Plan,
    Release,
    WorkerView,
)
from fairlead.routing import ROUTES, Route, VersionRef
from fairlead.signature import Signature
from fairlead.store import ABSENT, Event, Put, Store, Stored

View = Callable[[Release], Sequence[WorkerView]]

JUMP_US = 5_000_000
"""By so much the two faces of the clock part only when somebody sets it, or the machine slept."""


class ReleaseController:
    """Moves endpoints from version to version.

    Args:
        store: of releases and routes.
        clock: for the times of records.
        evidence: tells what was seen of a release.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        evidence: Callable[[Release], Evidence] = lambda _: Evidence(),
    ) -> None:
        self._store = store
        self._evidence = evidence
        self._clock = clock
        self._ids = IdSource(clock)
        self._recorder = Recorder(store)
        self._opened = OpenReleases(store)
        self._apart_us: int | None = None

    def request(
        self,
        endpoint: str,
        version: VersionRef,
        signature: Signature,
        actor: str,
        plan: Plan = NOW,
        reason: str = "",
    ) -> Release:
        """Ask for a release; a controller's next ticks carry it out.

        Args:
            endpoint: that is to be answered.
            version: by which.
            signature: of it.
            actor: who asks.
            plan: how it goes on.
            reason: why.

        Raises:
            ConfigError: no endpoint can have this name, or the plan asks for what the version does
                not have.
            ConflictError: another release of the endpoint is under way.
        """
        check_name(endpoint, "endpoint")
        check_fit(plan, signature)
        other = self.under_way(endpoint)
        if other is not None and other.state != "baking":
            raise ConflictError(
                f"A release of {other.version.name} to the endpoint '{endpoint}' is under way "
                f"({other.state}).",
                hint="Wait until it has ended, or end it: 'fairlead release abort'.",
            )
        now_us = self._clock.now_us()
        release = Release(
            id=self._ids.one(),
            endpoint=endpoint,
            version=version,
            signature=signature,
            actor=actor,
            created_us=now_us,
            changed_us=now_us,
            plan=plan,
            reason=reason,
        )
        self._commit(release, ABSENT, ())
        return release

    def order(self, endpoint: str, order: Order, release_id: str = "") -> Release:
        """Tell the release that is under way what to do; a controller's next tick obeys.

        Args:
            endpoint: whose.
            order: what.
            release_id: of the release that is meant, and no other; empty for whichever it is.

        Raises:
            NotFoundError: none is under way.
            ConflictError: the one that is meant is under way no more, it is being told something
                else at this moment, or this makes no sense.
            ForbiddenError: it waits for the word of somebody else.
        """
        stored = self._meant(endpoint, release_id)
        release = stored.value
        if release.order is not None:
            raise ConflictError(
                f"The release of {release.version.name} has not obeyed the order before.",
                hint="Try again in a moment.",
            )
        refused = refuse(release, order, self._seen(release, order))
        if refused is not None:
            raise refused
        told = replace(release, order=order)
        event = Event(
            time_us=self._clock.now_us(),
            actor=order.actor,
            action=f"release {order.name}",
            subject=stored.key,
            detail={"reason": order.reason},
        )
        self._store.commit(Put(RELEASES, stored.key, told, stored.revision), events=(event,))
        return told

    def under_way(self, endpoint: str) -> Release | None:
        """The release of an endpoint that has not ended: of two, of which one bakes, the newer."""
        stored = self._under_way(endpoint)
        return None if stored is None else stored.value

    def _meant(self, endpoint: str, release_id: str) -> Stored[Release]:
        """The release that an order is for.

        Raises:
            NotFoundError: none is under way.
            ConflictError: only others are.
        """
        found = self._opened.find(endpoint)
        if not found:
            raise NotFoundError(
                f"No release of the endpoint '{endpoint}' is under way.",
                hint="'fairlead release list' shows those there were.",
            )
        meant = [stored for stored in found if release_id in ("", stored.value.id)]
        if not meant:
            raise ConflictError(
                "Another release is under way by now than the one that this was meant for.",
                hint="Look at it before you tell it something.",
            )
        return meant[-1]

    def _under_way(self, endpoint: str) -> Stored[Release] | None:
        found = self._opened.find(endpoint)
        return found[-1] if found else None

    def all_under_way(self) -> list[Release]:
        """The releases of all endpoints that have not ended, oldest first within each."""
        return [stored.value for stored in self._opened.find()]

    def get(self, release: Release) -> Release:
        """The release as it is now."""
        stored = self._store.get(RELEASES, _key(release))
        assert stored is not None, "releases are never deleted"
        return stored.value

    def releases(self, endpoint: str = "") -> list[Release]:
        """All releases, of one endpoint or of all, oldest first within each."""
        prefix = f"{endpoint}/" if endpoint else ""
        return [stored.value for stored in self._store.scan(RELEASES, prefix)]

    def last(self, endpoint: str, limit: int, skip: int = 0) -> list[Release]:
        """Releases of an endpoint, the newest first.

        Args:
            endpoint: whose.
            limit: how many at most.
            skip: how many to leave out before these.
        """
        found = self._store.last(RELEASES, f"{endpoint}/", limit=limit, skip=skip)
        return [stored.value for stored in found]

    def count(self, endpoint: str) -> int:
        """How many releases an endpoint has had."""
        return self._store.count(RELEASES, f"{endpoint}/")

    def course(self, release: Release) -> Course:
        """What was known of a release over time."""
        return self._recorder.course(release)

    def tick(self, view: View) -> None:
        """Take every open release one step further, where there is a step to take.

        Args:
            view: what each living worker has of a release.

        Raises:
            Exception: what kept an endpoint's release from its step; others have had theirs.
        """
        found = self._after_jump()
        found.sort(key=lambda stored: stored.value.state == "requested")  # under way comes first
        first: dict[str, Release] = {}
        asked = {s.value.endpoint for s in found if s.value.state == "requested"}
        kept_from: dict[str, Exception] = {}
        for stored in found:
            endpoint = stored.value.endpoint
            if endpoint in kept_from:
                continue
            try:
                if stored.value.state == "baking" and endpoint in asked:
                    self._commit(follow(stored.value, self._clock.now_us()), stored.revision, ())
                else:
                    self._step(stored, first.setdefault(endpoint, stored.value), view)
            except Exception as error:  # of this endpoint, whatever it is
                kept_from[endpoint] = error
        for kept in kept_from.values():
            raise kept

    def _after_jump(self) -> list[Stored[Release]]:
        """Releases that are open, with their times moved if the clock was set since the last look.

        Else a clock that leaps a day would end a step of a day at once.
        """
        now_us = self._clock.now_us()
        apart_us = now_us - round(self._clock.monotonic_s() * 1e6)
        jump_us = apart_us - (apart_us if self._apart_us is None else self._apart_us)
        found = self._opened.find()
        if abs(jump_us) <= JUMP_US:
            self._apart_us = apart_us
            return found
        moved = [(stored, reset(stored.value, jump_us, now_us)) for stored in found]
        why = f"The clock was set by {jump_us / 1e6:+.0f} s."
        if moved:  # all or, to be tried again, none
            self._store.commit(
                *(Put(RELEASES, stored.key, release, stored.revision) for stored, release in moved),
                events=[_event(replace(release, reason=why)) for _, release in moved],
            )
        self._apart_us = apart_us
        return self._opened.find()

    def _step(self, stored: Stored[Release], first: Release, view: View) -> None:
        release = stored.value
        route = self._store.get(ROUTES, ROUTES.key(release.endpoint))
        now_us = self._clock.now_us()
        if first.id != release.id:
            self._commit(give_way(release, first, now_us).release, stored.revision, ())
            return
        evidence = self._seen(release, release.order)
        decision = decide(release, route.value if route else None, view(release), evidence, now_us)
        if decision is not None:
            expect = route.revision if route else ABSENT
            puts: list[Put[Route]] = []
            if decision.route is not None:
                puts.append(Put(ROUTES, ROUTES.key(release.endpoint), decision.route, expect))
            self._commit(decision.release, stored.revision, puts)
        if release.order is None:  # after the step, which nothing of this may keep from being taken
            self._recorder.note(release, evidence, now_us)
        if decision is not None and decision.release.state not in OPEN:
            self._recorder.forget(release)

    def _seen(self, release: Release, order: Order | None) -> Evidence:
        """What is known of a release; nothing need be for an order that does not go by it."""
        goes_by_it = order is None or order.name in GO_ON
        return self._evidence(release) if goes_by_it else Evidence()

    def _commit(self, release: Release, expect: int, puts: Sequence[Put[Route]]) -> None:
        put = Put(RELEASES, _key(release), release, expect)
        self._store.commit(put, *puts, events=(_event(release),))


def _key(release: Release) -> str:
    return RELEASES.key(release.endpoint, release.id)


def _event(release: Release) -> Event:
    """What the audit tells of a step."""
    return Event(
        time_us=release.changed_us,
        actor=release.actor if release.state == "requested" else "controller",
        action=f"release {release.state}",
        subject=_key(release),
        detail={
            "version": release.version.name,
            "reason": release.reason,
            "step": release.step,
            **_told(release.judged),
            **_told_of(release.looked),
        },
    )


def _told(judged: Sequence[Judged]) -> dict[str, str | float | None]:
    """How guards stood, for the audit."""
    told: dict[str, str | float | None] = {}
    for one in judged:
        name, verdict = one.guard.name, one.verdict
        told |= {
            name: verdict.finding,
            f"{name}.bound": one.guard.bound,
            f"{name}.log_worse": verdict.log_worse,
            f"{name}.log_no_worse": verdict.log_no_worse,
            f"{name}.needed": verdict.needed,
            **{f"{name}.{key}": value for key, value in one.seen.items()},
        }
    return told


def _told_of(looked: Standing | None) -> dict[str, str | float | None]:
    """How the goal of an experiment stood, for the audit."""
    if looked is None:
        return {}
    apart = looked.difference
    ends = (None, None, None) if apart is None else (apart.value, apart.low, apart.high)
    return {
        "goal": looked.found,
        "goal.units": looked.units,
        "goal.needed": looked.needed,
        "goal.log_mismatch": looked.log_mismatch,
        **dict(zip(("goal.difference", "goal.low", "goal.high"), ends, strict=True)),
    }
