"""The values of this package: what an update is to do, how it goes on, and what came of it."""

from __future__ import annotations

from typing import Literal

import msgspec

from fairlead.bundle import Learnt as Learnt  # which bundles keep, too
from fairlead.bundle import Mode as Mode
from fairlead.bundle import RowRange as RowRange
from fairlead.records import Kind
from fairlead.schedules import Line, Timing
from fairlead.stats import Estimate

Engine = Literal["local", "ray"]
CauseKind = Literal["schedule", "drift", "accuracy", "alert", "labels", "asked"]
Stage = Literal["data", "train", "package", "evaluate"]
STAGES: tuple[Stage, ...] = ("data", "train", "package", "evaluate")
State = Literal["waiting", "running", "asking", "releasing", "ended"]
"""Of these, `asking` waits for a person's word before the release."""
Outcome = Literal[
    "promoted", "registered", "rolled back", "rejected", "not enough data", "declined",
    "cancelled", "failed",
]  # fmt: skip
Change = Literal["data", "model"]
Verdict = Literal["promote", "reject", "not enough data"]


class DataSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What an update learns from.

    Args:
        log: the endpoint whose log it is.
        labels: whether rows without a label are left out (`required`) or given without one.
        window_us: how far back rows are taken, microseconds; 0 for all there are.
        plus: a file of rows that always belong to them; empty for none.
        label: what the column of labels is called, in the file and for the function.
        time: what the column is called that says when a row was asked for.
        rows_min: labelled rows below which nothing is trained.
    """

    log: str
    labels: Literal["required", "optional"] = "required"
    window_us: int = 0
    plus: str = ""
    label: str = "label"
    time: str = "time"
    rows_min: int = 100


class Gate(msgspec.Struct, frozen=True, kw_only=True):
    """When a challenger is better than the champion.

    Args:
        metric: that decides, as of an evaluation: `roc_auc`, `accuracy`, `rmse`; empty takes
            roc_auc of two classes, accuracy of more, and mae of numbers.
        holdout: share of the rows, the latest, that nothing is trained on.
        margin: by how much more than this it must be better, in the metric's unit; below 0 it
            must only be proven not to be worse by as much (non-inferiority), as a version on newer
            data that is about as good.
        slices: fields by whose values no part may be worse.
        slice_margin: by how much a part may be worse, in the metric's unit.
        rows_min: of the holdout, below which nothing is decided.
        calibration_margin: by how much the calibration error may rise; None lets it.
        latency_ratio: how many times as long as the champion it may take; 0 for any time.
        size_ratio: how many times as large as the champion's its bundle may be; 0 for any size.
        alpha: chance to promote a challenger that is no better, at most.
    """

    metric: str = ""
    holdout: float = 0.2
    margin: float = 0.0
    slices: tuple[str, ...] = ()
    slice_margin: float = 0.02
    rows_min: int = 50
    calibration_margin: float | None = 0.05
    latency_ratio: float = 2.0
    size_ratio: float = 4.0
    alpha: float = 0.05


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one attempt may take.

    Args:
        time_us: microseconds.
        memory_bytes: of its process and what that starts; 0 for all there is.
        retries: further attempts after the first one that fails.
        retry_us: before the first of these, microseconds; it doubles from one to the next.
    """

    time_us: int = 2 * 3_600_000_000
    memory_bytes: int = 0
    retries: int = 2
    retry_us: int = 60_000_000


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """Something beside the clock on which an update begins.

    Args:
        kind: `drift` and `accuracy` are alerts of that family, `alert` one rule by its name,
            `labels` so many new ones.
        name: of the rule.
        count: of labels.
    """

    kind: Literal["drift", "accuracy", "alert", "labels"]
    name: str = ""
    count: int = 0


class UpdateSpec(msgspec.Struct, frozen=True, kw_only=True):
    """How the model of an endpoint is kept right.

    Args:
        endpoint: whose model.
        train: module and name of the function that fits: `churn_model:train`.
        folder: where the module's file is.
        data: what it learns from.
        timing: when it is due; None for never by the clock.
        when: what else makes it due; any of these.
        usual: whether training goes on from the version before, or begins anew.
        scratch_every: of so many updates one begins anew; 0 for none.
        params: given to the function.
        gate: what it must prove.
        release: the strategy or the plan's name by which it goes out; empty only registers it.
        approve: `auto`, or whose word the release waits for: a role.
        limits: of one attempt.
        debounce_us: for how long further causes are waited for after the first alert.
        cooldown_us: after an update ended, before the next one that nobody asked for; it doubles
            with each in a row that changed nothing.
        engine: where the function runs.
        ray_address: of the Ray cluster; empty for a Ray of the update's own.
        announce: channels that are told how each ended.
    """

    endpoint: str
    train: str
    folder: str
    data: DataSpec
    timing: Timing | None = None
    when: tuple[Condition, ...] = ()
    usual: Mode = "scratch"
    scratch_every: int = 0
    params: dict[str, str | int | float | bool] = {}
    gate: Gate = Gate()
    release: str = "canary"
    approve: str = "auto"
    limits: Limits = Limits()
    debounce_us: int = 60_000_000
    cooldown_us: int = 3_600_000_000
    engine: Engine = "local"
    ray_address: str = ""
    announce: tuple[str, ...] = ()


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """Why an update is due.

    Args:
        kind: what it was.
        time_us: when it was seen, microseconds since 1970.
        name: of the alert, `churn/drift/age`, or who asked.
        episode_us: since when that alert's signals held, which tells its episodes apart.
        reason: in words.
    """

    kind: CauseKind
    time_us: int
    name: str = ""
    episode_us: int = 0
    reason: str = ""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that the gate looked at.

    Args:
        name: `roc_auc`, `roc_auc of plan=pro`, `calibration`, `latency`, `size`, `parity`, `leak`,
            `constant`.
        verdict: what it says by itself.
        reason: in words, with its numbers.
        champion: the value of the version that answers; None where there is none.
        challenger: the value of the new one.
        difference: challenger - champion, with its interval.
        limit: that the difference or the ratio is held against.
        rows: it was seen on.
    """

    name: str
    verdict: Verdict
    reason: str
    champion: float | None = None
    challenger: float | None = None
    difference: Estimate | None = None
    limit: float | None = None
    rows: int = 0


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What the gate decided, and on what.

    Args:
        verdict: of all findings together.
        reason: in a sentence.
        findings: in the order in which they were looked at.
        needed: about how many more rows would decide; None if that is not the question.
        seed: of what was drawn.
    """

    verdict: Verdict
    reason: str
    findings: tuple[Finding, ...] = ()
    needed: int | None = None
    seed: int = 0


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """What an attempt made: a version, and what the gate says of it.

    Args:
        champion: that it was held against: `churn:7`.
        candidate: `churn:8`; empty where nothing was trained.
        change: newer data alone, or also other code or parameters.
        learnt: the data.
        judgement: of the gate.
        train_us: how long the function took, microseconds.
    """

    champion: str
    candidate: str
    change: Change
    learnt: Learnt
    judgement: Judgement
    train_us: int = 0


class Word(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody said of an update.

    Args:
        name: `approve` or `decline` it before its release, or `cancel` it.
        actor: who.
        reason: why.
    """

    name: Literal["approve", "decline", "cancel"]
    actor: str
    reason: str = ""


class Update(msgspec.Struct, frozen=True, kw_only=True):
    """One update: why, how far it is, what came of it.

    Args:
        id: the time at which it was decided on, in UTC: `2026-11-22T030000Z`.
        endpoint: whose model.
        causes: why, the first one first.
        created_us: when, microseconds since 1970.
        due_us: when its next attempt is due, while it waits.
        mode: how it is trained.
        state: where it is.
        stage: what its attempt is doing.
        progress: how far that is, 0 to 1, as the function says; None if it says nothing.
        holder: who made the last attempt, as it holds the lease.
        begun_us: when it was first started.
        ended_us: when it ended.
        failures: attempts that failed.
        interruptions: attempts that ended with the platform.
        made: what came of the attempt that did not fail.
        word: that was said and not heard yet.
        approved_by: whose word let it out.
        release: id of the release.
        outcome: what came of it; None before it ended.
        error: why the last attempt failed, or why it ended as it did, in words.
        log: the last lines of what it said, and of what its process wrote.
    """

    id: str
    endpoint: str
    causes: tuple[Cause, ...]
    created_us: int
    due_us: int
    mode: Mode = "scratch"
    state: State = "waiting"
    stage: Stage | None = None
    progress: float | None = None
    holder: str = ""
    begun_us: int | None = None
    ended_us: int | None = None
    failures: int = 0
    interruptions: int = 0
    made: Made | None = None
    word: Word | None = None
    approved_by: str = ""
    release: str = ""
    outcome: Outcome | None = None
    error: str = ""
    log: tuple[Line, ...] = ()

    @property
    def name(self) -> str:
        """As people write it: `churn/2026-11-22T030000Z`."""
        return f"{self.endpoint}/{self.id}"


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where the updates of an endpoint stand.

    Args:
        endpoint: whose.
        taken_us: the last slot that was taken, or over when this was first seen.
        known_us: up to when what came in has been learnt from: the `as_of` of the last update.
        waiting: causes of the next update, which is not due yet.
        consumed: alerts that updates were made for, by name, with their episode.
        update: id of the one that waits or is under way; empty if none is.
        last: id of the one that ended last; empty before the first.
        made: updates that trained something, since the last one from scratch.
        idle: updates in a row that changed nothing.
        ended_us: when the last one ended.
        failed: updates in a row that failed.
    """

    endpoint: str
    taken_us: int
    known_us: int = 0
    waiting: tuple[Cause, ...] = ()
    consumed: dict[str, int] = {}
    update: str = ""
    last: str = ""
    made: int = 0
    idle: int = 0
    ended_us: int = 0
    failed: int = 0


UPDATES = Kind("update", Update)
"""By endpoint and id."""
UPDATING = Kind("updating", Standing)
"""By endpoint."""


class Doing(msgspec.Struct, frozen=True, tag="doing"):
    """How far an attempt is.

    Args:
        stage: what it is doing.
        progress: how far that is, 0 to 1; None if it is not known.
    """

    stage: Stage
    progress: float | None = None


class Done(msgspec.Struct, frozen=True, tag="done"):
    """An attempt did what it was to do.

    Args:
        made: what came of it.
    """

    made: Made


class Broken(msgspec.Struct, frozen=True, tag="broken"):
    """An attempt failed.

    Args:
        error: why, in words without secrets.
        again: whether another attempt may fare better.
    """

    error: str
    again: bool = True


Told = Doing | Done | Broken


class Sampled(msgspec.Struct, frozen=True):
    """Rows that people are asked to label.

    Args:
        queue: that they wait in.
        rows: why each was chosen, by the prediction's id.
    """

    queue: str
    rows: dict[str, str]


def lease_of(endpoint: str) -> str:
    """The lease that is held while an attempt is under way, by who makes it."""
    return f"update/{endpoint}"
