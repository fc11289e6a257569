"""Homes whose endpoint `churn` has a release in any state, made of records alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from msgspec.structs import replace

from fairlead.app.workspace import Workspace
from fairlead.clock import ManualClock
from fairlead.registry.types import MODELS, VERSIONS, Model, Version
from fairlead.releases import RELEASES, Evidence, Order, Plan, PlanSettings, Release, plan_of
from fairlead.releases.course import COURSE, Course, add_look, look_at
from fairlead.releases.fold import EVIDENCE, Folded
from fairlead.releases.outcomes.metrics import Arrived, Beside, Outcomes, Seen
from fairlead.releases.outcomes.reckoning import OUTCOMES, Reckoned
from fairlead.releases.shadow.comparison import Agreement, Comparison, Differing
from fairlead.routing import ROUTES, SLOTS, Route
from fairlead.signature import Field, Signature
from fairlead.stats import Failures, FailureStep, Split, SplitStep, moments
from fairlead.store import Event, Put
from support.routes import route, version

HOSTILE = "=<img onerror='window.hit=1' src=x>\u202e{{7*7}}" + "x" * 160
MINUTE_US = 60_000_000
NOW_US = 20_000 * 24 * 60 * MINUTE_US
BEGUN_US = NOW_US - 125 * MINUTE_US
LABELS = Signature(
    inputs=(Field(name="x", kind="number"),),
    outputs=(Field(name="label", kind="category", categories=("no", "yes")),),
    task="classification",
)
CANARY = plan_of(
    PlanSettings(
        steps=["1% for 30m", "5% for 2h", "approve", "25% for 6h", "100%"],
        guard={"failures": "ratio <= 1.25", "latency_p95": "ratio <= 1.5"},
        prove=["failures"],
    )
)
SHADOW = plan_of(
    PlanSettings(strategy="shadow", share="50%", guard={"disagreement": "<= 0.05"}, slices=["x"])
)
AB = plan_of(
    PlanSettings(strategy="ab", goal="mean:revenue", mde="3%", duration="14d", units=4_000)
)


def evidence(part: float = 1.0, worse: float = 1.0) -> Evidence:
    """What a canary has seen after a part of its time, of a candidate that fails so many times."""
    requests = int(4_000 * part)
    failures = Failures((FailureStep(0.05, int(40 * part * worse), int(760 * part)),))
    latency = {
        arm: {place: round(60 * part) for place in range(first, first + 60)}
        for arm, first in (("candidate", 52), ("control", 50))
    }
    return Evidence(
        candidate=requests, control=19 * requests, failures=failures, latency=latency,
        until_us=NOW_US - MINUTE_US,
    )  # fmt: skip


def shadowed(rows: int = 1_200, apart: int = 40, text: str = "yes") -> Evidence:
    """What a shadow has answered beside what callers were given."""
    differing = tuple(
        Differing(f"01890a5d-ac96-774b-bcce-b302099a{n:04d}", text, "no", 1.0)
        for n in range(min(apart, 20))
    )
    return Evidence(
        compared=Comparison(
            whole=Agreement(rows, apart),
            slices={"x": {text: Agreement(rows // 2, apart), "2": Agreement(rows // 2, 0)}},
            labels={text: {text: rows // 2 - apart, "no": apart}, "no": {"no": rows // 2}},
            latency={"given": {40: rows}, "shadow": {60: rows}},
            worst=differing,
        )
    )


def revenues(units: int = 1_500, more: float = 1.0) -> Outcomes:
    """What came of an experiment's units."""
    random = np.random.default_rng(5)
    arms = [moments(random.lognormal(2, 0.4, units) * times) for times in (1.0, more)]
    seen = Seen((Beside(*arms),), Arrived(2 * units, units, 60.0), Arrived(2 * units, units, 60.0))
    split = Split((SplitStep((0.5, 0.5), (units, units)),))
    return Outcomes(split=split, metrics={"mean:revenue": seen})


def release_of(plan: Plan = CANARY, **more: Any) -> Release:
    """A canary at its second step, unless told otherwise."""
    told: dict[str, Any] = {
        "id": "01890a5d-0000-7000-8000-000000000001", "endpoint": "churn",
        "version": version(2, "churn"), "signature": LABELS, "actor": "ann",
        "created_us": BEGUN_US, "changed_us": NOW_US - 90 * MINUTE_US, "state": "holding",
        "reason": "churn:2 answers.", "plan": plan, "step": 1, "revision": 3,
        "step_us": NOW_US - 90 * MINUTE_US, "before": route("churn", 1, version(1, "churn")),
        "shares": {2: 100, 3: 500},
    }  # fmt: skip
    if plan.strategy in ("shadow", "ab"):
        told |= {"step": 0, "shares": {2: 0 if plan.strategy == "shadow" else SLOTS // 2}}
    return Release(**(told | more))


def put_release(
    workspace: Workspace,
    release: Release,
    seen: Evidence | None = None,
    outcomes: Outcomes | None = None,
    looks: int = 0,
) -> None:
    """Write a release as the controller would have: its records, and what the audit tells."""
    key = (release.endpoint, release.id)
    puts: list[Put[Any]] = [Put(RELEASES, RELEASES.key(*key), release, None)]
    if seen is not None:
        puts.append(Put(EVIDENCE, EVIDENCE.key(*key), Folded(evidence=seen), None))
    if outcomes is not None:
        puts.append(Put(OUTCOMES, OUTCOMES.key(*key), Reckoned(outcomes), None))
    course = Course()
    for place in range(1, looks + 1):
        known = replace(seen or Evidence(), outcomes=outcomes or Outcomes())
        if release.plan.strategy == "canary":
            known = evidence(place / looks)
        time_us = release.created_us + place * 120 * MINUTE_US // looks
        course = add_look(course, look_at(release, known, time_us))
    if looks:
        puts.append(Put(COURSE, COURSE.key(*key), course, None))
    subject = RELEASES.key(*key)
    told = [("requested", release.actor, ""), ("preparing", "controller", "Workers load churn:2.")]
    told += [("switching", "controller", "The route gives churn:2 1.00%.")]
    told += [("pause", "bob", release.reason), ("resume", "bob", "looks well")]
    told += [("switching", "controller", "The route gives churn:2 5.00%.")]
    told += [(release.state, "controller", release.reason)]
    events = [
        Event(
            time_us=release.created_us + (n if n < 4 else 30 + n) * MINUTE_US, actor=actor,
            action=f"release {did}", subject=subject,
            detail={"reason": reason, "step": 0 if n < 5 else release.step},
        )
        for n, (did, actor, reason) in enumerate(told)
    ]  # fmt: skip
    workspace.store.commit(*puts, events=events)


def begin(home: Path, *models: str) -> Workspace:
    """A home whose endpoint `churn` is answered by `churn:1`, with three versions of each model."""
    workspace = Workspace(home, ManualClock(NOW_US))
    answers = replace(route("churn", 3, version(1, "churn")), signature=LABELS)
    put_route(workspace, answers)
    for model in models or ("churn",):
        made = Model(name=model, latest=3)
        workspace.store.commit(Put(MODELS, MODELS.key(model), made, None))
        for number in (1, 2, 3):
            put_version(workspace, model, number)
    return workspace


def put_route(workspace: Workspace, answers: Route) -> None:
    workspace.store.commit(Put(ROUTES, ROUTES.key(answers.endpoint), answers, None))


def put_version(workspace: Workspace, model: str, number: int, **more: Any) -> None:
    ref = version(number, model)
    told: dict[str, Any] = {
        "model": model, "number": number, "digest": ref.digest, "blob": ref.blob,
        "signature": LABELS, "task": "classification", "framework": "sklearn", "runner": "onnx",
        "pickle": False, "trainable": None, "size_bytes": 1_000, "created_us": BEGUN_US,
    }  # fmt: skip
    made = Version(**(told | more))
    workspace.store.commit(Put(VERSIONS, f"version/{model}/{number:08d}", made, None))


def order(name: Any, actor: str = "bob", reason: str = "") -> Order:
    return Order(name, actor, reason)
