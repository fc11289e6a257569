"""From what people write of a release to its plan, and the plans that are there without it.

strategy = "canary"
steps = ["shadow for 1h", "1% for 30m", "10% for 2h", "approve", "100%"]
guard = { failures = "ratio <= 1.25", disagreement = "<= 0.05" }
prove = ["failures"]
bake = "1h"
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, get_args

import msgspec

from fairlead.durations import read_duration
from fairlead.errors import ConfigError
from fairlead.nearest import nearest
from fairlead.releases.pairs import answer_of, is_number
from fairlead.releases.types import Guard, GuardName, Plan, Step, Strategy
from fairlead.routing import SLOTS
from fairlead.signature import Signature

_SHARE = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,2})?)%(?: for ([0-9]{1,9}[smhd]))?")
_SHADOW = re.compile(r"shadow(?: ([0-9]{1,3}(?:\.[0-9]{1,2})?)%)? for ([0-9]{1,9}[smhd])")
_HUMAN = re.compile(r"human:[A-Za-z0-9_.-]{1,64}")
_APPROVE = re.compile(r"approve(?::([A-Za-z0-9_.-]{1,64}))?")
_RATIO = re.compile(r"ratio <= ([0-9]{1,3}(?:\.[0-9]{1,4})?)")
_MOST = re.compile(r"<= ([0-9]{1,12}(?:\.[0-9]{1,9})?)")
_STEPS = (
    "Steps are 'shadow for 1h' or 'shadow 20% for 1h' at the beginning, '5% for 2h', 'approve', "
    "'approve:NAME' and, at the end, '100%'."
)
_GUARDS = "Guards are written 'ratio <= 1.25': at most so many times as much as the stable arm."
_ANSWERS = "Write 'disagreement = \"<= 0.05\"' or 'difference = \"<= 2.5\"'."

GUARDS = (Guard("failures", 1.25), Guard("latency_p95", 1.5))
"""What must not get worse unless a plan says otherwise."""

ANSWERS: tuple[GuardName, ...] = ("disagreement", "difference")
"""Guards that hold a shadow's answers against those that callers were given."""


class PlanSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table of a plan.

    Args:
        strategy: `canary`, `blue-green`, `shadow` or `now`.
        steps: of a canary.
        share: of a shadow, the requests that it sees; all if not given.
        duration: of a shadow, at least; a day if not given.
        stable: of a shadow, `human:QUEUE` where a person decides and nobody else answers.
        rows: that each step of a shadow compares at least.
        slices: input fields by whose values a shadow is compared, too.
        guard: by name, how much worse than the stable arm is too much.
        prove: guards that must be proven kept before more traffic is let in.
        bake: for how long what was replaced stays warm and the guards are looked at.
        longest: after which a step that proves nothing asks a person.
    """

    strategy: Strategy = "canary"
    steps: list[str] | None = None
    share: str | None = None
    duration: str | None = None
    stable: str | None = None
    rows: Annotated[int, msgspec.Meta(ge=1)] = 500
    slices: list[str] = []
    guard: dict[str, str] | None = None
    prove: list[str] = []
    bake: str = "30m"
    longest: str = "7d"


CANARY = ("1% for 10m", "5% for 30m", "25% for 1h", "100%")


def plan_of(told: PlanSettings) -> Plan:
    """Read a plan.

    Raises:
        ConfigError: it cannot be carried out; says what is wrong with it.

    Example:
        >>> plan = plan_of(PlanSettings(steps=["5% for 2h", "100%"]))
        >>> [(step.slots, step.hold_us // 10**6) for step in plan.steps]
        [(500, 7200), (10000, 0)]
    """
    _check_keys(told)
    guards = _default(told.strategy) if told.guard is None else _guards(told.guard)
    if told.strategy == "now":
        guards = ()
    prove = tuple(_named(name, [guard.name for guard in guards], "prove") for name in told.prove)
    plan = Plan(
        strategy=told.strategy,
        steps=_steps_of(told),
        guards=guards,
        prove=prove,
        bake_us=0 if told.strategy == "now" else _us(told.bake, "bake"),
        longest_us=_us(told.longest, "longest"),
        rows_min=told.rows,
        slices=tuple(told.slices),
        decided_by=told.stable or "",
    )
    _check_guards(plan)
    return plan


def check_fit(plan: Plan, signature: Signature) -> None:
    """Check that a version has what a plan compares.

    Raises:
        ConfigError: it has no such field, or no such answer.
    """
    if not plan.is_compared:
        return
    if answer_of(signature) is None:
        raise ConfigError("The version answers nothing of one value a row that could be compared.")
    fields = [field.name for field in signature.inputs]
    for name in plan.slices:
        if name not in fields:
            close = nearest(name, fields)
            hint = f"Did you mean '{close}'?" if close else f"There are: {', '.join(fields)}."
            raise ConfigError(f"The version has no input '{name}' for 'slices'.", hint=hint)
    fitting = ANSWERS[is_number(signature)]
    for guard in plan.guards:
        if guard.most is not None and guard.name != fitting:
            raise ConfigError(
                f"The guard '{guard.name}' does not fit what the version answers.",
                hint=f"'{fitting}' does.",
            )


def _check_keys(told: PlanSettings) -> None:
    keys = {"steps": "canary", "share": "shadow", "duration": "shadow", "stable": "shadow"}
    for key, strategy in keys.items():
        if getattr(told, key) is not None and told.strategy != strategy:
            raise ConfigError(f"A release by '{told.strategy}' has no '{key}'.")
    if told.stable is None:
        return
    if not _HUMAN.fullmatch(told.stable):
        raise ConfigError(
            f"'{told.stable}' is nobody who could be 'stable'.",
            hint="Write 'human:QUEUE' where people decide; else leave it out.",
        )
    if told.share not in (None, "100%"):
        raise ConfigError("Where a person decides, the shadow sees all: leave out 'share'.")


def _check_guards(plan: Plan) -> None:
    """Refuse what could never be known."""
    for guard in plan.guards:
        if guard.most is not None and not plan.is_compared:
            raise ConfigError(
                f"The guard '{guard.name}' compares a shadow, and no step is one.", hint=_STEPS
            )
        if guard.most is None and plan.strategy == "shadow":
            raise ConfigError(
                f"A shadow answers nobody: the guard '{guard.name}' sees nothing.", hint=_ANSWERS
            )


def _default(strategy: Strategy) -> tuple[Guard, ...]:
    return () if strategy == "shadow" else GUARDS


def _steps_of(told: PlanSettings) -> tuple[Step, ...]:
    if told.strategy == "canary":
        return _steps(CANARY if told.steps is None else told.steps)
    if told.strategy == "shadow":
        share, duration = told.share or "100%", told.duration or "1d"
        return (_step(f"shadow {share} for {duration}"),)
    return (Step("share", SLOTS),)


def _steps(written: Sequence[str]) -> tuple[Step, ...]:
    steps = tuple(_step(text) for text in written)
    shares = [step.slots for step in steps if step.kind == "share"]
    if not shares or steps[-1].kind != "share" or shares[-1] != SLOTS:
        raise ConfigError("The last of the 'steps' must be '100%'.", hint=_STEPS)
    if shares != sorted(set(shares)):
        raise ConfigError("Each share of the 'steps' must be larger than the one before.")
    first = next(place for place, step in enumerate(steps) if step.kind == "share")
    if any(step.kind == "shadow" for step in steps[first:]):
        raise ConfigError("A shadow comes before the first share of the 'steps'.", hint=_STEPS)
    return steps


def _step(text: str) -> Step:
    approve, share = _APPROVE.fullmatch(text), _SHARE.fullmatch(text)
    if approve:
        return Step("approve", who=approve[1] or "")
    shadow = _SHADOW.fullmatch(text)
    found = share or shadow
    if found is None:
        raise ConfigError(f"'{text}' is no step of a release.", hint=_STEPS)
    slots = round(float(found[1] or 100) * SLOTS / 100)
    if not 0 < slots <= SLOTS:
        raise ConfigError(f"The step '{text}' is not between 0.01% and 100%.")
    if share is None:
        return Step("shadow", slots, _us(found[2], "steps"))
    if not share[2] and slots < SLOTS:
        raise ConfigError(f"The step '{text}' does not say for how long.", hint=_STEPS)
    return Step("share", slots, _us(share[2], "steps") if share[2] else 0)


def _guards(told: Mapping[str, str]) -> tuple[Guard, ...]:
    return tuple(_guard(name, text) for name, text in told.items())


def _guard(name: str, text: str) -> Guard:
    known = _named(name, get_args(GuardName), "guard")
    if known in ANSWERS:
        return Guard(known, most=_most(known, text))
    found = _RATIO.fullmatch(text)
    if found is None or float(found[1]) < 1:
        raise ConfigError(f"The guard '{name}' cannot be read, or is below 1.", hint=_GUARDS)
    return Guard(known, float(found[1]))


def _most(name: GuardName, text: str) -> float:
    """What a guard of answers allows: of all rows only a part can disagree."""
    found = _MOST.fullmatch(text)
    most = float(found[1]) if found else 0.0
    if most <= 0 or (name == "disagreement" and most >= 1):
        raise ConfigError(f"The guard '{name}' cannot be read, or allows all.", hint=_ANSWERS)
    return most


def _named(name: str, known: Sequence[str], where: str) -> GuardName:
    if name in known:
        found: GuardName = msgspec.convert(name, GuardName)
        return found
    close = nearest(name, known)
    hint = f"Did you mean '{close}'?" if close else f"There are: {', '.join(known) or 'none'}."
    raise ConfigError(f"There is no guard '{name}' that '{where}' could name.", hint=hint)


def _us(text: str, where: str) -> int:
    seconds = read_duration(text)
    if seconds is None:
        raise ConfigError(
            f"'{text}' is no length of time for '{where}'.", hint="Write 90s, 10m, 6h or 3d."
        )
    return int(seconds * 1e6)
