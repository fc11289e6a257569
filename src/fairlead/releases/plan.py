"""From what people write of a release to its plan, and the plans that are there without it.

strategy = "canary"
steps = ["shadow for 1h", "1% for 30m", "10% for 2h", "approve", "100%"]
guard = { failures = "ratio <= 1.25", disagreement = "<= 0.05" }
prove = ["failures"]
bake = "1h"

strategy = "ab"
split = "50%"
goal = "mean:revenue"
mde = "3%"
duration = "14d"
decide = "ask"
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec.structs import replace

from fairlead.durations import read_duration
from fairlead.errors import ConfigError
from fairlead.monitoring.answer import answer_of, is_number
from fairlead.nearest import nearest
from fairlead.releases.guards import ANSWERS, metric_of, read_guard
from fairlead.releases.outcomes.metrics import Goal
from fairlead.releases.types import Guard, Plan, Step, Strategy
from fairlead.routing import SLOTS
from fairlead.signature import Signature

_SHARE = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,2})?)%(?: for ([0-9]{1,9}[smhd]))?")
_SHADOW = re.compile(r"shadow(?: ([0-9]{1,3}(?:\.[0-9]{1,2})?)%)? for ([0-9]{1,9}[smhd])")
_HUMAN = re.compile(r"human:[A-Za-z0-9_.-]{1,64}")
_APPROVE = re.compile(r"approve(?::([A-Za-z0-9_.-]{1,64}))?")
_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,4})?)%")
_STEPS = (
    "Steps are 'shadow for 1h' or 'shadow 20% for 1h' at the beginning, '5% for 2h', 'approve', "
    "'approve:NAME' and, at the end, '100%'."
)
TWO_ARMS = (
    "An experiment has two arms: what answers now, and one candidate with its 'split'. Of several "
    "candidates, try one after the other; 'fairlead evaluate' compares them on labelled rows first."
)
LESS = ("error", "absolute_error")
"""Metrics of which less is better."""

GUARDS = (Guard("failures", 1.25), Guard("latency_p95", 1.5))
"""What must not get worse unless a plan says otherwise."""


class PlanSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table of a plan.

    Args:
        strategy: `canary`, `blue-green`, `shadow`, `ab` or `now`.
        steps: of a canary, or the slices in which a blue-green moves; all at once if not given.
        share: of a shadow, the requests that it sees; all if not given.
        duration: of a shadow, at least, a day if not given; of an ab, at most, 14 days if not
            given.
        stable: of a shadow, `human:QUEUE` where a person decides and nobody else answers.
        rows: that each step of a shadow compares at least.
        slices: input fields by whose values a shadow is compared, too.
        guard: by name, how much worse than the stable arm is too much.
        prove: guards that must be proven kept before more traffic is let in.
        bake: for how long what was replaced stays warm and the guards are looked at.
        longest: after which a step that proves nothing asks a person.
        goal: of an ab, as all that follow: the metric that shall get better.
        better: whether more of it is, `higher`, or less, `lower`.
        split: the candidate's share.
        mde: the least difference worth finding, relative to the stable version's.
        power: chance to find it.
        units: of both arms, at which a decision is planned; reckoned from the log if not given.
        covariate_before: for how long before it units are measured too, to know them.
        peek: whether it may be decided at any look; else at the planned units alone.
        decide: `auto` promotes what is proven better, `ask` asks.
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
    goal: str | None = None
    better: Literal["higher", "lower"] | None = None
    split: str | None = None
    mde: str | None = None
    power: float | None = None
    units: int | None = None
    covariate_before: str | None = None
    peek: bool | None = None
    decide: Literal["ask", "auto"] | None = None


_KEYS: dict[str, tuple[Strategy, ...]] = {
    "steps": ("canary", "blue-green"), "share": ("shadow",), "stable": ("shadow",),
    "duration": ("shadow", "ab"),
    **dict.fromkeys(
        ("goal", "better", "split", "mde", "power", "units", "covariate_before", "peek", "decide"),
        ("ab",),
    ),
}  # fmt: skip
"""What only some strategies have."""

CANARY = ("1% for 10m", "5% for 30m", "25% for 1h", "100%")


def hint_of(key: str) -> str:
    """What to write instead of a key that no plan has."""
    if key == "arms":
        return TWO_ARMS
    known = PlanSettings.__struct_fields__
    close = nearest(key, known)
    return f"Did you mean '{close}'?" if close else f"There are: {', '.join(known)}."


def settings_of(content: Mapping[str, Any]) -> PlanSettings:
    """A plan's table, of values as TOML or JSON have them.

    Raises:
        ConfigError: a key is unknown, or a value is of the wrong kind.
    """
    for key in content.keys() - set(PlanSettings.__struct_fields__):
        raise ConfigError(f"There is no key '{key}' in a plan.", hint=hint_of(key))
    try:
        return msgspec.convert(content, PlanSettings)
    except msgspec.ValidationError as error:
        raise ConfigError(f"The plan cannot be read: {error}.") from None


def chosen(told: Mapping[str, Any], named: PlanSettings | None) -> PlanSettings | None:
    """The plan that is meant: what is told, then what the plan of that name says, then the usual.

    Without a word of the strategy it is the named plan's, or that which has what is told. A named
    plan by another strategy is another plan: nothing of it counts.

    Args:
        told: values by key of the table.
        named: the settings' plan for the endpoint.

    Returns:
        None if nobody says anything.

    Example:
        >>> named = PlanSettings(strategy="shadow", share="50%", rows=200)
        >>> plan = chosen({"share": "10%"}, named)
        >>> plan.strategy, plan.share, plan.rows
        ('shadow', '10%', 200)
        >>> chosen({"goal": "mean:revenue"}, named).strategy
        'ab'
    """
    if not told:
        return named
    strategies = [*([named.strategy] if named else []), *get_args(Strategy)]
    fitting = (one for one in strategies if all(one in _KEYS.get(key, (one,)) for key in told))
    strategy = told.get("strategy") or next(fitting, "canary")
    base = named if named and named.strategy == strategy else PlanSettings()
    return replace(base, **{**told, "strategy": strategy})


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
    guards = _guards(told)
    plan = Plan(
        strategy=told.strategy,
        steps=_planned(told),
        guards=guards,
        prove=tuple(_named(name, [guard.name for guard in guards]) for name in told.prove),
        bake_us=0 if told.strategy == "now" else _us(told.bake, "bake"),
        longest_us=_us(told.longest, "longest"),
        rows_min=told.rows,
        slices=tuple(told.slices),
        decided_by=told.stable or "",
        goal=_goal(told) if told.strategy == "ab" else None,
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
        raise ConfigError(
            "The version has no answer of one value a row that could be compared, or several.",
            hint="Of several, one is compared if a classification names it 'label', or a "
            "regression 'prediction'.",
        )
    fields = [field.name for field in signature.inputs]
    for name in plan.slices:
        if name not in fields:
            close = nearest(name, fields)
            hint = f"Did you mean '{close}'?" if close else f"There are: {', '.join(fields)}."
            raise ConfigError(f"The version has no input '{name}' for 'slices'.", hint=hint)
    fitting = ANSWERS[is_number(signature)]
    for guard in plan.guards:
        if guard.kind == "value" and guard.name != fitting:
            raise ConfigError(
                f"The guard '{guard.name}' does not fit what the version answers.",
                hint=f"'{fitting}' does.",
            )


def _check_keys(told: PlanSettings) -> None:
    for key, strategies in _KEYS.items():
        if getattr(told, key) is not None and told.strategy not in strategies:
            others = " or ".join(strategies)
            raise ConfigError(
                f"A release by '{told.strategy}' has no '{key}'.", hint=f"One by {others} has."
            )
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
        if guard.kind == "value" and not plan.is_compared:
            raise ConfigError(
                f"The guard '{guard.name}' compares a shadow, and no step is one.", hint=_STEPS
            )
        if guard.kind != "value" and plan.strategy == "shadow":
            raise ConfigError(
                f"A shadow answers nobody: the guard '{guard.name}' sees nothing.",
                hint=f"{' and '.join(ANSWERS)} do.",
            )


def _guards(told: PlanSettings) -> tuple[Guard, ...]:
    if told.strategy == "now":
        return ()
    if told.guard is None:
        return () if told.strategy == "shadow" else GUARDS
    return tuple(read_guard(*one) for one in told.guard.items())


def _planned(told: PlanSettings) -> tuple[Step, ...]:
    switch = Step("share", SLOTS)
    match told.strategy:
        case "canary":
            return _steps(CANARY if told.steps is None else told.steps)
        case "blue-green" if told.steps is not None:
            return _steps(told.steps)
        case "shadow":
            seen = _slots(told.share or "100%", "share")
            return (Step("shadow", seen, _us(told.duration or "1d", "duration")),)
        case "ab":
            if told.split and _PERCENT.fullmatch(told.split) is None:
                raise ConfigError(f"'{told.split}' is no share for 'split'.", hint=TWO_ARMS)
            slots = _slots(told.split or "50%", "split")
            if slots == SLOTS:
                raise ConfigError("The 'split' must leave some traffic to both versions.")
            return Step("share", slots, _us(told.duration or "14d", "duration")), switch
        case _:
            return (switch,)


def _goal(told: PlanSettings) -> Goal:
    if told.goal is None:
        raise ConfigError(
            "A release by 'ab' needs a 'goal'.",
            hint='Such as goal = "mean:revenue" in the settings, under [release.NAME].',
        )
    metric = metric_of(told.goal)
    mde = read_share(told.mde or "5%", "mde")
    power = 0.8 if told.power is None else told.power
    if not mde > 0.0 or not 0.5 <= power < 1.0 or (told.units is not None and told.units < 1):
        raise ConfigError("The 'mde' and 'units' are above 0, the 'power' is from 0.5 to below 1.")
    usual = "lower" if metric.kind in LESS else "higher"
    return Goal(
        name=told.goal,
        metric=metric,
        higher=(told.better or usual) == "higher",
        mde=mde,
        power=power,
        units=told.units or 0,
        before_us=_us(told.covariate_before, "covariate_before") if told.covariate_before else 0,
        peek=told.peek is not False,
        auto=told.decide == "auto",
    )


def read_share(text: str, where: str) -> float:
    """Read a share.

    Args:
        text: `2.5%`.
        where: it is said, for the error.

    Raises:
        ConfigError: it is none.
    """
    found = _PERCENT.fullmatch(text)
    if found is None:
        raise ConfigError(f"'{text}' is no share for '{where}'.", hint="Write 50% or 2.5%.")
    return float(found[1]) / 100.0


def _slots(text: str, where: str) -> int:
    slots = round(read_share(text, where) * SLOTS)
    if not 0 < slots <= SLOTS:
        raise ConfigError(f"'{text}' for '{where}' is not between 0.01% and 100%.")
    return slots


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
    slots = _slots(f"{found[1] or 100}%", "steps")
    if share is None:
        return Step("shadow", slots, _us(found[2], "steps"))
    if not share[2] and slots < SLOTS:
        raise ConfigError(f"The step '{text}' does not say for how long.", hint=_STEPS)
    return Step("share", slots, _us(share[2], "steps") if share[2] else 0)


def _named(name: str, known: Sequence[str]) -> str:
    if name in known:
        return name
    close = nearest(name, known)
    hint = f"Did you mean '{close}'?" if close else f"There are: {', '.join(known) or 'none'}."
    raise ConfigError(f"There is no guard '{name}' that 'prove' could name.", hint=hint)


def _us(text: str, where: str) -> int:
    seconds = read_duration(text)
    if seconds is None:
        raise ConfigError(
            f"'{text}' is no length of time for '{where}'.", hint="Write 90s, 10m, 6h or 3d."
        )
    return int(seconds * 1e6)
