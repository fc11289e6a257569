"""What people do with learners: look at them, freeze them, and let them learn again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec
from msgspec.structs import replace

from fairlead.clock import Clock
from fairlead.errors import ConflictError, NotFoundError
from fairlead.learning.decide import freeze
from fairlead.learning.measure import mean, score
from fairlead.learning.types import FOLLOWING, LEARNERS, Guard, Learner, OnlineSpec, Point
from fairlead.nearest import nearest
from fairlead.stats import Estimate, threshold
from fairlead.store import Delete, Event, Put, Store, Stored


class Watched(msgspec.Struct, frozen=True, kw_only=True):
    """What the guard has against a learner.

    Args:
        against: what its error is held against: a version's name, or `its own before`.
        margin: by how much it may be above that.
        evidence: that it is above it by more; it grows with each row that says so.
        enough: at which it stops.
    """

    against: str
    margin: float
    evidence: float
    enough: float


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a learner stands.

    Args:
        endpoint: whose.
        state: `waiting` for a version that answers, `learning` or `frozen`.
        reason: why it does not learn.
        by: who froze it.
        base: the version that it began with.
        good: the last version that it is held against, and that a roll back leads to.
        version: its newest checkpoint.
        answers: the version that shall answer.
        metric: `accuracy`, or `mae` of numbers.
        labels: that it was taught since it began.
        learner: the metric of each row before it was learnt, with an interval that holds at every
            look.
        base_score: the same of the base, on the same rows.
        gain: by how much its error is below the base's, with such an interval.
        unknown: labels for predictions that there are not.
        again: labels for rows that had one.
        unfit: labelled rows that it could not learn.
        upto_us: when the newest label that it has learnt was received, microseconds since 1970.
        files: of labels, that were taken since the newest checkpoint.
        checkpoint_us: when that was made, microseconds since 1970.
        failures: of its process since then.
        error: how that failed last.
        course: how it did from checkpoint to checkpoint.
        guard: what would stop it, and how near that is.
    """

    endpoint: str
    state: str = "waiting"
    reason: str = ""
    by: str = ""
    base: str = ""
    good: str = ""
    version: str = ""
    answers: str = ""
    metric: str = "accuracy"
    labels: int = 0
    learner: Estimate | None = None
    base_score: Estimate | None = None
    gain: Estimate | None = None
    unknown: int = 0
    again: int = 0
    unfit: int = 0
    upto_us: int | None = None
    files: int = 0
    checkpoint_us: int | None = None
    failures: int = 0
    error: str = ""
    course: tuple[Point, ...] = ()
    guard: tuple[Watched, ...] = ()


class OnlineBook:
    """The learners of a platform.

    Args:
        store: of the records.
        clock: for the audit.
        specs: of the endpoints whose models learn.
        is_numbers: whether a version, by its name, answers numbers.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        specs: Sequence[OnlineSpec],
        is_numbers: Callable[[str], bool],
    ) -> None:
        self._store = store
        self._clock = clock
        self._specs = {spec.endpoint: spec for spec in specs}
        self._is_numbers = is_numbers

    def learners(self) -> list[Standing]:
        """All of them, by endpoint."""
        return [self.learner(endpoint) for endpoint in sorted(self._specs)]

    def learner(self, endpoint: str) -> Standing:
        """The one of an endpoint.

        Raises:
            NotFoundError: there is none; names the nearest.
        """
        stored = self._stored(endpoint)
        kept = self._store.get(FOLLOWING, FOLLOWING.key(endpoint))
        if stored is None:
            return Standing(endpoint=endpoint)
        numbers = self._is_numbers(stored.value.base)
        shown = _shown(stored.value, self._specs[endpoint].guard, numbers=numbers)
        if kept is None:
            return shown
        if kept.value.at_us != stored.value.checkpoint_us:
            return shown
        return replace(shown, failures=kept.value.failures, error=kept.value.error)

    def freeze(self, endpoint: str, reason: str, actor: str) -> None:
        """Let it learn nothing more until it is resumed; its newest checkpoint goes on answering.

        Raises:
            NotFoundError: there is no learner.
            ConflictError: it does not learn, or it changes at this moment.
        """
        stored = self._stored(endpoint)
        if stored is None or stored.value.state != "learning":
            raise ConflictError(f"The learner of {endpoint} does not learn now.")
        frozen = freeze(stored.value, stored.value.now, actor, reason, back=False)
        self._commit(Put(LEARNERS, stored.key, frozen, stored.revision), stored, actor, reason)

    def resume(self, endpoint: str, reason: str, actor: str) -> None:
        """Let it learn again: from the version that answers, by labels that come from now on.

        Raises:
            NotFoundError: there is no learner.
            ConflictError: it is not frozen, or it changes at this moment.
        """
        stored = self._stored(endpoint)
        if stored is None or stored.value.state != "frozen":
            raise ConflictError(f"The learner of {endpoint} is not frozen.")
        self._commit(Delete(stored.key, stored.revision), stored, actor, reason)

    def _commit(
        self, change: Put[Learner] | Delete, stored: Stored[Learner], actor: str, reason: str
    ) -> None:
        action = "online resumed" if isinstance(change, Delete) else "online frozen"
        event = Event(
            time_us=self._clock.now_us(),
            actor=actor,
            action=action,
            subject=stored.key,
            detail={"reason": reason} if reason else {},
        )
        self._store.commit(change, events=(event,))

    def _stored(self, endpoint: str) -> Stored[Learner] | None:
        if endpoint not in self._specs:
            close = nearest(endpoint, self._specs)
            raise NotFoundError(
                "No model of this endpoint learns online.",
                hint=f"Did you mean '{close}'?"
                if close
                else "Write a table [endpoint.NAME.online] in fairlead.toml.",
            )
        return self._store.get(LEARNERS, LEARNERS.key(endpoint))


def _watched(learner: Learner, guard: Guard) -> Iterator[Watched]:
    enough, now = threshold(guard.false_alarm_labels, 1.0), learner.now
    worse = now.worse.value
    yield Watched(against=learner.good, margin=guard.margin, evidence=worse, enough=enough)
    if guard.fall:
        fell = now.fell.value
        yield Watched(against="its own before", margin=guard.fall, evidence=fell, enough=enough)


def _shown(learner: Learner, guard: Guard, *, numbers: bool) -> Standing:
    now = learner.now
    return Standing(
        endpoint=learner.endpoint,
        state=learner.state,
        reason=learner.reason,
        by=learner.by,
        base=learner.base,
        good=learner.good,
        version=learner.version,
        answers=learner.answers,
        metric="mae" if numbers else "accuracy",
        labels=now.learner.rows,
        learner=score(now.learner, numbers=numbers),
        base_score=score(now.base, numbers=numbers),
        gain=mean(now.gain),
        unknown=now.unknown,
        again=now.again,
        unfit=now.unfit,
        upto_us=now.upto_us,
        files=sum(map(len, learner.steps)),
        checkpoint_us=learner.checkpoint_us,
        course=learner.course,
        guard=tuple(_watched(learner, guard)),
    )
