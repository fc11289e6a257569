"""Which fields have drifted over a sequence of windows, within a budget of false alarms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from fairlead.monitoring.compare import compare
from fairlead.monitoring.flatten import flatten
from fairlead.monitoring.types import (
    Budget,
    Comparison,
    Detection,
    Drift,
    Past,
    Repetition,
    Rule,
    State,
    Watched,
)
from fairlead.monitoring.vary import by_chance, learn, part_of, vary
from fairlead.profiles import Profile
from fairlead.stats import Evidence, e_bh, evidence, follow, threshold

# A past of K windows vouches for no chance much rarer than 1 / K: one window that belongs to one
# large user is no drift.
TRUST = 10.0
# Half of the budget is kept for what one past of all hours does not tell: by night fewer rows of
# as many users vary more than by day.
RESERVE = 2.0
QUIET_P = 0.05
QUIET_WINDOWS = 3


def watch(
    state: State,
    reference: Profile,
    current: Profile,
    *,
    budget: Budget,
    rule: Rule | None = None,
    start_us: int = 0,
    usual: Sequence[Repetition] = (),
) -> tuple[State, Comparison, Detection]:
    """Compare one more window, with tests as wide as the past demands, and detect.

    Args:
        state: after the windows before it; `State()` before the first one.
        reference: of training, or of the same hour of past weeks (see `recall`).
        current: the window.
        budget: of false alarms.
        rule: when a window is worth an alert; its least effect holds here too.
        start_us: of the window, microseconds since 1970, for the hours of a day differ.
        usual: how many rows of earlier windows like it repeated each other.

    Returns:
        The new state, what differs in this window, and what all windows together say.
    """
    rule = rule or Rule()
    sizes, part = (current.rows, reference.rows), part_of(start_us)
    past = {name: by_chance(field.past, *sizes, part) for name, field in state.fields.items()}
    found = compare(reference, current, rule=rule, past=past, usual=usual)
    varied = {
        pair.name: vary(
            state.fields.get(pair.name, Watched()).past,
            found.fields[pair.name],
            pair.current,
            part,
            budget.learn // 2,
        )
        for pair in flatten(reference, current)
        if pair.current is not None and pair.name in found.fields
    }
    after, detection = detect(state, found, varied, budget=budget, effect_min=rule.effect_min)
    return after, found, detection


def detect(
    state: State,
    found: Comparison,
    varied: Mapping[str, Past],
    *,
    budget: Budget,
    effect_min: float,
) -> tuple[State, Detection]:
    """Add a window's evidence to that of the windows before it.

    Of each field an e-detector sums up the evidence of a change; a field alarms when it stands
    under e-BH over all fields and its effect in this window is large enough. False alarms come
    once in `budget.windows / budget.alarms` windows or less often, over all fields together and
    however these depend on each other, where a window's p-values are valid given the windows
    before it. An alarm sets the field's evidence back; it counts as drifting until three windows
    in a row look like the reference, and teaches nothing about the past in that time. A window
    that looks like a change teaches once another one does not: else the first hour of a great
    change would hide the second. No single
    window is trusted to be rarer than a tenth of one in all past ones, so that an alarm takes
    about three windows.

    Args:
        state: after the windows before.
        found: in this window, compared with the past of `state`.
        varied: by field, how the window varies around that past (see `vary`).
        budget: of false alarms.
        effect_min: least effect of an alarm.

    Returns:
        The new state, and what it says.
    """
    fields = dict(state.fields)
    for name, drift in found.fields.items():
        if drift.test != "none":
            before = fields.get(name, Watched())
            fields[name] = _after(before, drift, varied[name], budget, effect_min)
    bar = RESERVE * threshold(budget.windows, budget.alarms)
    evidences = {name: field.evidence.value for name, field in fields.items()}
    alarms = _alarms(evidences, found.fields, bar, effect_min)
    for name in alarms:
        fields[name] = replace(
            fields[name], evidence=Evidence(), held=Past(), drifting=True, quiet=0
        )
    recovered = tuple(n for n, f in state.fields.items() if f.drifting and not fields[n].drifting)
    drifting = tuple(name for name, field in fields.items() if field.drifting)
    after = State(windows=state.windows + 1, fields=fields)
    return after, Detection(
        alarms=alarms,
        recovered=recovered,
        drifting=drifting,
        evidence=evidences,
        threshold=bar * max(len(fields), 1),
        why=_why(alarms, evidences, bar * max(len(fields), 1), budget),
    )


def _after(
    field: Watched, drift: Drift, varied: Past, budget: Budget, effect_min: float
) -> Watched:
    if field.drifting:
        alike = drift.effect < effect_min or drift.p_value > QUIET_P
        quiet = field.quiet + 1 if alike else 0
        return replace(field, quiet=quiet, drifting=quiet < QUIET_WINDOWS)
    window = learn(field.held, varied)
    if field.past.windows < budget.learn:
        return replace(field, past=learn(field.past, window))
    p_value = max(drift.p_value, 1.0 / (TRUST * (field.past.windows + 1)))
    after = replace(field, evidence=follow(field.evidence, evidence(p_value)))
    if drift.p_value <= QUIET_P:
        return replace(after, held=window)
    return replace(after, past=learn(field.past, window), held=Past())


def _alarms(
    evidences: Mapping[str, float], drifts: Mapping[str, Drift], bar: float, effect_min: float
) -> tuple[str, ...]:
    """Names that stand under e-BH; a field whose effect is small has no say."""
    names = list(evidences)
    large = {n for n in names if n in drifts and drifts[n].effect >= effect_min}
    standing = e_bh([evidences[n] if n in large else 0.0 for n in names], bar)
    return tuple(names[place] for place in standing)


def _why(
    alarms: tuple[str, ...], evidences: Mapping[str, float], bar: float, budget: Budget
) -> str:
    often = f"{budget.alarms:g} false alarms in {budget.windows:g} windows"
    if alarms:
        listed = ", ".join(f"{name} {evidences[name]:.3g}" for name in alarms)
        return f"Evidence of a change: {listed}; {bar / len(alarms):.3g} is enough for {often}."
    if not evidences:
        return "No window was tested yet."
    most = max(evidences, key=lambda name: evidences[name])
    return f"No change: {most} has the most evidence, {evidences[most]:.3g} of {bar:.3g} ({often})."
