"""From what people write of a release to its plan, and the plans that are there without it.

strategy = "canary"
steps = ["1% for 30m", "10% for 2h", "approve", "100%"]
guard = { failures = "ratio <= 1.25" }
prove = ["failures"]
bake = "1h"
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import get_args

import msgspec

from fairlead.durations import read_duration
from fairlead.errors import ConfigError
from fairlead.nearest import nearest
from fairlead.releases.types import Guard, GuardName, Plan, Step, Strategy
from fairlead.routing import SLOTS

_SHARE = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,2})?)%(?: for ([0-9]{1,9}[smhd]))?")
_APPROVE = re.compile(r"approve(?::([A-Za-z0-9_.-]{1,64}))?")
_RATIO = re.compile(r"ratio <= ([0-9]{1,3}(?:\.[0-9]{1,4})?)")
_STEPS = "Steps are '5% for 2h', 'approve', 'approve:NAME' and, at the end, '100%'."
_GUARDS = "Guards are written 'ratio <= 1.25': at most so many times as much as the stable arm."

GUARDS = (Guard("failures", 1.25), Guard("latency_p95", 1.5))
"""What must not get worse unless a plan says otherwise."""


class PlanSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table of a plan.

    Args:
        strategy: `canary`, `blue-green` or `now`.
        steps: of a canary.
        guard: by name, how much worse than the stable arm is too much.
        prove: guards that must be proven kept before more traffic is let in.
        bake: for how long what was replaced stays warm and the guards are looked at.
        longest: after which a step that proves nothing asks a person.
    """

    strategy: Strategy = "canary"
    steps: list[str] | None = None
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
    if told.strategy != "canary" and told.steps is not None:
        raise ConfigError(f"A release by '{told.strategy}' has no 'steps'.")
    written = CANARY if told.steps is None else told.steps
    steps = _steps(written) if told.strategy == "canary" else (Step("share", SLOTS),)
    guards = GUARDS if told.guard is None else _guards(told.guard)
    if told.strategy == "now":
        guards = ()
    prove = tuple(_named(name, [guard.name for guard in guards], "prove") for name in told.prove)
    return Plan(
        strategy=told.strategy,
        steps=steps,
        guards=guards,
        prove=prove,
        bake_us=0 if told.strategy == "now" else _us(told.bake, "bake"),
        longest_us=_us(told.longest, "longest"),
    )


def _steps(written: Sequence[str]) -> tuple[Step, ...]:
    steps = tuple(_step(text) for text in written)
    shares = [step.slots for step in steps if step.kind == "share"]
    if not shares or steps[-1].kind != "share" or shares[-1] != SLOTS:
        raise ConfigError("The last of the 'steps' must be '100%'.", hint=_STEPS)
    if shares != sorted(set(shares)):
        raise ConfigError("Each share of the 'steps' must be larger than the one before.")
    return steps


def _step(text: str) -> Step:
    approve, share = _APPROVE.fullmatch(text), _SHARE.fullmatch(text)
    if approve:
        return Step("approve", who=approve[1] or "")
    if share is None:
        raise ConfigError(f"'{text}' is no step of a release.", hint=_STEPS)
    slots = round(float(share[1]) * SLOTS / 100)
    if not 0 < slots <= SLOTS:
        raise ConfigError(f"The step '{text}' is not between 0.01% and 100%.")
    if not share[2] and slots < SLOTS:
        raise ConfigError(f"The step '{text}' does not say for how long.", hint=_STEPS)
    return Step("share", slots, _us(share[2], "steps") if share[2] else 0)


def _guards(told: Mapping[str, str]) -> tuple[Guard, ...]:
    return tuple(_guard(name, text) for name, text in told.items())


def _guard(name: str, text: str) -> Guard:
    known = _named(name, get_args(GuardName), "guard")
    found = _RATIO.fullmatch(text)
    if found is None or float(found[1]) < 1:
        raise ConfigError(f"The guard '{name}' cannot be read, or is below 1.", hint=_GUARDS)
    return Guard(known, float(found[1]))


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
