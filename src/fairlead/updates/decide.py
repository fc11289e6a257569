"""When an update is due, and what becomes of it: no clock, no I/O.

Causes gather until they are due together, so that ten alerts of one fault are one update. While one
is under way none begins; what comes up meanwhile is the cause of the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace

from fairlead.alerts import Alert
from fairlead.durations import write_duration
from fairlead.schedules.narrate import lengthen
from fairlead.schedules.slots import latest_slot, run_id
from fairlead.updates.types import (
    Cause,
    Condition,
    Doing,
    Made,
    Mode,
    Outcome,
    Standing,
    Update,
    UpdateSpec,
)

FAMILIES: Mapping[str, frozenset[str]] = {
    "drift": frozenset({"drift", "prediction_drift", "joint_drift"}),
    "accuracy": frozenset(
        {"accuracy", "rmse", "concept_drift", "estimated_accuracy", "estimated_rmse"}
    ),
}
"""Metrics of the alerts that a word of the settings stands for."""
INTERRUPTIONS_MAX = 20
"""Attempts that ended with the platform: what ends it each time must not be begun for ever."""
RETRY_US_MAX = 3_600_000_000
COOLDOWN_US_MAX = 7 * 86_400_000_000
CHANGING: frozenset[Outcome] = frozenset({"promoted", "registered"})
"""Outcomes after which what fired was answered."""


def note(
    spec: UpdateSpec,
    before: Standing | None,
    alerts: Sequence[Alert],
    labels: int,
    known_us: int,
    now_us: int,
) -> Standing:
    """Note what speaks for an update now.

    Args:
        spec: of the endpoint.
        before: where its updates stood; None if they are seen for the first time, when no slot
            that has passed is due.
        alerts: of the endpoint that fire.
        labels: that came in and were not learnt from yet.
        known_us: up to when what came in is known to the version that answers, where no update
            has been made; microseconds since 1970.
        now_us: microseconds since 1970.
    """
    latest_us = latest_slot(spec.timing, now_us) if spec.timing is not None else None
    if before is None:
        taken_us = now_us if latest_us is None else latest_us
        return Standing(endpoint=spec.endpoint, taken_us=taken_us, known_us=known_us)
    if not before.known_us:  # somebody asked before it was looked at
        before = replace(before, known_us=known_us)
    before = _set_right(before, latest_us or now_us, now_us)
    found = [
        *_slot(before, latest_us, now_us),
        *_alerts(spec, before, alerts, now_us),
        *_labels(spec, before, labels, now_us),
    ]
    taken_us = max(before.taken_us, latest_us or 0)
    return replace(before, taken_us=taken_us, waiting=(*before.waiting, *found))


def _set_right(before: Standing, slot_us: int, now_us: int) -> Standing:
    """Forget what a clock noted that was far ahead: no slot and no label would count till then."""
    far_us = now_us + COOLDOWN_US_MAX
    if before.taken_us > far_us:
        before = replace(before, taken_us=slot_us)
    return replace(before, known_us=now_us) if before.known_us > far_us else before


def _slot(before: Standing, latest_us: int | None, now_us: int) -> Iterator[Cause]:
    """Of the slots that have passed, only the last; one wait for a schedule is enough."""
    is_waiting = any(cause.kind == "schedule" for cause in before.waiting)
    if latest_us is not None and latest_us > before.taken_us and not is_waiting:
        yield Cause(kind="schedule", time_us=now_us, reason="It is due.")


def _alerts(
    spec: UpdateSpec, before: Standing, alerts: Sequence[Alert], now_us: int
) -> Iterator[Cause]:
    waiting = {(cause.name, cause.episode_us) for cause in before.waiting}
    for alert in alerts:
        kind = next((one.kind for one in spec.when if _meets(one, alert)), None)
        known = before.consumed.get(alert.name) == alert.since_us
        if kind is None or known or (alert.name, alert.since_us) in waiting:
            continue
        yield Cause(
            kind=kind, time_us=now_us, name=alert.name, episode_us=alert.since_us,
            reason=alert.steps[-1].reason,
        )  # fmt: skip


def _meets(condition: Condition, alert: Alert) -> bool:
    if condition.kind == "alert":
        return condition.name == alert.rule
    return alert.metric in FAMILIES.get(condition.kind, frozenset())


def _labels(spec: UpdateSpec, before: Standing, labels: int, now_us: int) -> Iterator[Cause]:
    wanted = min((one.count for one in spec.when if one.kind == "labels"), default=None)
    is_waiting = any(cause.kind == "labels" for cause in before.waiting)
    if wanted is not None and labels >= wanted and not is_waiting:
        yield Cause(kind="labels", time_us=now_us, reason=f"{labels} new labels came in.")


def due_us(spec: UpdateSpec, standing: Standing) -> int | None:
    """When the causes that wait become an update, microseconds since 1970; None if none do.

    What somebody asked for is due at once. Alerts wait for more of their kind, and all but that
    for the time of rest after the last update, which grows while updates change nothing.
    """
    if standing.update or not standing.waiting:
        return None
    if any(cause.kind == "asked" for cause in standing.waiting):
        return 0
    first = standing.waiting[0]
    wait_us = 0 if first.kind in ("schedule", "labels") else spec.debounce_us
    return max(first.time_us + wait_us, rested_us(spec, standing))


def rested_us(spec: UpdateSpec, standing: Standing) -> int:
    """Until when no update begins that nobody asked for, microseconds since 1970."""
    if not standing.ended_us:
        return 0
    doubled_us = spec.cooldown_us << min(max(standing.idle - 1, 0), 20)
    return standing.ended_us + min(doubled_us, max(spec.cooldown_us, COOLDOWN_US_MAX))


def is_due(due_at_us: int, now_us: int, most_us: int = COOLDOWN_US_MAX) -> bool:
    """Whether a time has come; a clock that was set back delays nothing for long.

    Args:
        due_at_us: microseconds since 1970.
        now_us: as well.
        most_us: that anything of this kind waits.

    Example:
        >>> is_due(100, 99), is_due(100, 100), is_due(100 + 2 * COOLDOWN_US_MAX, 100)
        (False, True, True)
    """
    wait_us = due_at_us - now_us
    return wait_us <= 0 or wait_us > most_us


def open_update(spec: UpdateSpec, standing: Standing, now_us: int) -> tuple[Standing, Update]:
    """Make one update of all causes that wait.

    Args:
        spec: of the endpoint.
        standing: with causes that are due.
        now_us: microseconds since 1970.

    Returns:
        Where the endpoint's updates stand then, and the update.
    """
    causes = standing.waiting
    made = Update(
        id=run_id(now_us), endpoint=spec.endpoint, causes=causes, created_us=now_us,
        due_us=now_us, mode=_mode(spec, standing),
        log=lengthen((), now_us, *(f"Because of {in_words(cause)}" for cause in causes)),
    )  # fmt: skip
    episodes = {cause.name: cause.episode_us for cause in causes if cause.episode_us}
    after = replace(
        standing, waiting=(), consumed={**standing.consumed, **episodes}, update=made.id
    )
    return after, made


def _mode(spec: UpdateSpec, standing: Standing) -> Mode:
    is_turn = spec.scratch_every and standing.made + 1 >= spec.scratch_every
    return "scratch" if is_turn else spec.usual


def in_words(cause: Cause) -> str:
    """A cause, as a person says it.

    Example:
        >>> in_words(Cause(kind="drift", time_us=0, name="churn/drift/age", reason="It moved."))
        'the alert churn/drift/age: It moved.'
    """
    if cause.kind == "asked":
        return f"{cause.name}, who asked for it." + (f" {cause.reason}" if cause.reason else "")
    if cause.kind == "schedule":
        return f"its schedule: {cause.reason}"
    if cause.kind == "labels":
        return f"its labels: {cause.reason}"
    return f"the alert {cause.name}: {cause.reason}"


def begin(update: Update, holder: str, now_us: int) -> Update:
    """An attempt is made."""
    begun_us = now_us if update.begun_us is None else update.begun_us
    begun = replace(update, state="running", stage=None, begun_us=begun_us, holder=holder)
    said = "It begins." if update.begun_us is None else "It is tried again."
    return say(begun, now_us, said)


def go_on(update: Update, told: Doing, now_us: int) -> Update:
    """An attempt tells how far it is."""
    after = replace(update, stage=told.stage, progress=told.progress)
    return say(after, now_us, f"Now: {told.stage}." if told.stage != update.stage else "")


def make(spec: UpdateSpec, update: Update, made: Made, now_us: int) -> Update:
    """An attempt did what it was to do: what it made goes out, waits for a word, or stays."""
    judgement = made.judgement
    after = replace(update, made=made, progress=None, error="")
    after = say(after, now_us, f"{judgement.verdict.capitalize()}: {judgement.reason}")
    if judgement.verdict != "promote":
        outcome: Outcome = "rejected" if judgement.verdict == "reject" else "not enough data"
        return end(after, outcome, judgement.reason, now_us)
    if not spec.release:
        return end(after, "registered", judgement.reason, now_us)
    if spec.approve != "auto":
        return say(replace(after, state="asking"), now_us, "It waits for a person's word.")
    return replace(after, state="releasing")


def fail(spec: UpdateSpec, update: Update, error: str, now_us: int, *, again: bool) -> Update:
    """An attempt failed: another one is due later, or the update is given up."""
    limits = spec.limits
    failures = update.failures + 1
    update = replace(update, failures=failures, error=error, progress=None)
    update = say(update, now_us, f"Attempt {failures} of {limits.retries + 1} failed: {error}")
    if failures > limits.retries or not again:
        return end(update, "failed", error, now_us)
    wait_us = min(limits.retry_us << (failures - 1), RETRY_US_MAX)
    update = say(update, now_us, f"It is tried again after {write_duration(wait_us / 1e6)}.")
    return replace(update, state="waiting", stage=None, due_us=now_us + wait_us)


def too_long(spec: UpdateSpec, taken_s: float) -> str:
    """Why an attempt must end that has taken some time; empty if it may go on."""
    if taken_s * 1e6 <= spec.limits.time_us:
        return ""
    return f"It took longer than {write_duration(spec.limits.time_us / 1e6)}, its limit of time."


def pause(update: Update, now_us: int) -> Update:
    """An attempt was ended in order: whoever comes next makes another."""
    return replace(update, state="waiting", stage=None, progress=None, due_us=now_us)


def interrupt(update: Update, now_us: int) -> Update:
    """An attempt ended with who made it, without a word: another one is due at once."""
    update = replace(update, interruptions=update.interruptions + 1)
    update = say(update, now_us, "It was interrupted by the end of the platform.")
    if update.interruptions < INTERRUPTIONS_MAX:
        return pause(update, now_us)
    error = f"It was interrupted {update.interruptions} times by the end of the platform."
    return end(update, "failed", error, now_us)


def hear(update: Update, now_us: int) -> Update:
    """Do as the word says that was spoken; the same update if there is none."""
    word = update.word
    if word is None:
        return update
    heard = replace(update, word=None)
    said = f"{word.actor}: {word.name}." + (f" {word.reason}" if word.reason else "")
    heard = say(heard, now_us, said)
    if word.name == "approve" and update.state == "asking":
        return replace(heard, state="releasing", approved_by=word.actor)
    if word.name == "decline" and update.state == "asking":
        return end(heard, "declined", f"{word.actor} declined it. {word.reason}".strip(), now_us)
    if word.name == "cancel" and update.state in ("waiting", "running", "asking"):
        return end(heard, "cancelled", f"{word.actor} cancelled it. {word.reason}".strip(), now_us)
    return heard  # it came too late


def end(update: Update, outcome: Outcome, reason: str, now_us: int) -> Update:
    """It has ended."""
    ended = replace(
        update, state="ended", stage=None, progress=None, outcome=outcome, ended_us=now_us,
        error=reason if outcome not in CHANGING else "",
    )  # fmt: skip
    return say(ended, now_us, f"It has ended: {outcome}.")


def close(standing: Standing, update: Update, now_us: int) -> Standing:
    """Where the endpoint's updates stand after one has ended."""
    assert update.outcome is not None
    changed = update.outcome in CHANGING
    learnt = update.made.learnt.as_of_us if update.made is not None else 0
    trained = update.made is not None and update.made.candidate != ""
    names = {cause.name for cause in update.causes}
    kept = {name: since for name, since in standing.consumed.items() if name not in names}
    scratch = update.mode == "scratch"
    return replace(
        standing,
        update="",
        last=update.id,
        known_us=max(standing.known_us, learnt),
        consumed=standing.consumed if changed else kept,
        made=(0 if scratch else standing.made + 1) if trained else standing.made,
        idle=0 if changed else standing.idle + 1,
        failed=standing.failed + 1 if update.outcome == "failed" else 0,
        ended_us=now_us,
    )


def say(update: Update, now_us: int, *texts: str) -> Update:
    """An update with further lines of what it says of itself."""
    return replace(update, log=lengthen(update.log, now_us, *texts))
