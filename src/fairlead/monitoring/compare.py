"""What differs between a window and a reference, with a stated chance of being wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt

import numpy as np
from msgspec.structs import replace

from fairlead.monitoring.duplicates import beside_past, beside_reference
from fairlead.monitoring.flatten import Pair, Single, clocked, cutoff, flatten, unlisted
from fairlead.monitoring.quality import inspect
from fairlead.monitoring.types import Comparison, Drift, Quality, Repetition, Rule
from fairlead.profiles import Numeric, Profile
from fairlead.stats import (
    Counts,
    Dispersion,
    benjamini_hochberg,
    chi_square,
    counts_of,
    dispersed_p_value,
    jensen_shannon,
    kolmogorov_smirnov,
    pool,
    psi,
    psi_null_mean,
    wasserstein,
)

_NOTHING: Mapping[str, Dispersion] = {}
_ALL: Mapping[str, str] = {}


def compare(
    reference: Profile,
    current: Profile,
    *,
    rule: Rule | None = None,
    past: Mapping[str, Dispersion] = _NOTHING,
    untested: Mapping[str, str] = _ALL,
    usual: Sequence[Repetition] | None = None,
) -> Comparison:
    """Compare a window with a reference, field by field.

    Each field gets a two-sample chi-square test over the reference's bins, with bins of their own
    for values under, over, missing and of no known category; its effect is the population
    stability index less its mean by chance. All tests of a window, those of quality among them,
    are adjusted together (Benjamini and Hochberg). What is significant and large enough is an
    alert: where nothing moved, that is a share of `rule.alpha` of all windows at most.

    Args:
        reference: counts over its own bins.
        current: counts over the reference's bins.
        rule: when to alert.
        past: by field, how much more the rows of past windows varied than independent ones do;
            the tests are widened by it.
        untested: fields whose values may differ without a change, each with the reason; it is
            told of them whether values are missing. Those of `clocked` are among them.
        usual: how many rows of earlier windows like it repeated each other; if not given, as many
            as those of the reference do, which is fair for rows that are independent.

    Example:
        >>> from fairlead.profiles import Categorical
        >>> def plans(*counts):
        ...     plan = Categorical(categories=("free", "pro"), counts=counts)
        ...     return Profile(rows=sum(counts), inputs={"plan": plan})
        >>> found = compare(plans(700, 300), plans(400, 600))
        >>> found.alarm, found.fields["plan"].drifted, round(found.fields["plan"].effect, 2)
        (True, True, 0.37)
        >>> compare(plans(700, 300), plans(690, 310)).alarm
        False
    """
    rule = rule or Rule()
    untested = {**clocked(current), **untested}
    pairs = flatten(reference, current)
    drifts: dict[str, Drift] = {}
    quality: list[Quality] = []
    enough = min(reference.rows, current.rows) >= rule.rows_min
    for pair in pairs:
        spread = past.get(pair.name, Dispersion())
        if pair.reference is not None and pair.current is not None:
            drifts[pair.name] = _drift(pair, pair.reference, pair.current, spread)
        quality += (q for q in inspect(pair, spread.worst) if _counts_for(q, untested))
    repeated = (
        beside_reference(reference.repeats, current.repeats)
        if usual is None
        else beside_past(current.repeats, usual)
    )
    quality += [] if repeated is None else [repeated]
    if not enough:
        why = f"Not tested: {current.rows} rows against {reference.rows}, below {rule.rows_min}."
        drifts = {n: replace(d, test="none", p_value=1.0, why=why) for n, d in drifts.items()}
        quality = [q if q.kind == "schema" else replace(q, p_value=1.0, why=why) for q in quality]
    for name in drifts.keys() & untested.keys():
        drifts[name] = replace(
            drifts[name], test="none", p_value=1.0, effect=0.0, why=untested[name]
        )
    fields, findings = _judged(drifts, quality, rule)
    return Comparison(
        rows=current.rows, reference_rows=reference.rows, fields=fields, quality=findings
    )


def _counts_for(quality: Quality, untested: Mapping[str, str]) -> bool:
    return quality.kind in ("schema", "missing") or quality.field not in untested


def _drift(pair: Pair, reference: Single, current: Single, past: Dispersion) -> Drift:
    before, after = counts_in(reference), counts_in(current)
    a, b = _pooled(reference, before, after)
    test = chi_square(a, b)
    tested = test.degrees > 0
    index = psi(a, b) if tested else 0.0
    chance = psi_null_mean(len(a), float(a.sum()), float(b.sum())) if tested else 0.0
    effect = index - past.factor * chance
    gap = moved = None
    if isinstance(reference, Numeric):
        there, edges = slice(0, -1), np.array(reference.edges)
        gap = kolmogorov_smirnov(before[there], after[there]).statistic
        moved = wasserstein(edges, before[there], after[there])
    p_value = dispersed_p_value(test.statistic, test.degrees, past)
    return Drift(
        side=pair.side, test="chi_square" if tested else "none", statistic=test.statistic,
        degrees=test.degrees, p_value=p_value, adjusted_p=1.0, effect=effect, psi=index,
        jensen_shannon=jensen_shannon(a, b), kolmogorov_smirnov=gap, wasserstein=moved,
        drifted=False, why="Nothing to compare.",
    )  # fmt: skip


def counts_in(summary: Single) -> Counts:
    """Counts of all bins, that of missing values last and that of other categories before it."""
    if isinstance(summary, Numeric):
        return counts_of([*summary.counts, summary.missing])
    return counts_of([*summary.counts, unlisted(summary), summary.missing])


def _pooled(reference: Single, before: Counts, after: Counts) -> tuple[Counts, Counts]:
    if isinstance(reference, Numeric):
        return pool(before, after, ordered=len(before) - 1)
    # The reference listed its most frequent categories, so that those near the cut look rarer
    # later on: only categories that chance would not have cut keep a bin of their own.
    level = cutoff(reference)
    surely = (level + 4.0 * sqrt(level) + 4.0) if level else 0.0
    rows, both = before.sum(), before.sum() + after.sum()
    return pool(
        before,
        after,
        unlisted=len(before) - 2,
        listed_min=surely * float(both / max(rows, 1.0)),
    )


def _judged(
    drifts: Mapping[str, Drift], quality: list[Quality], rule: Rule
) -> tuple[dict[str, Drift], tuple[Quality, ...]]:
    """Drifts and findings with their p-values adjusted together, and what comes of it."""
    tests = [d.p_value for d in drifts.values() if d.test != "none"]
    tests += [q.p_value for q in quality if q.kind != "schema"]
    adjusted = iter(benjamini_hochberg(tests))
    fields = {
        name: drift if drift.test == "none" else _decided(drift, next(adjusted), rule, len(tests))
        for name, drift in drifts.items()
    }
    found = tuple(q if q.kind == "schema" else _broken(q, next(adjusted), rule) for q in quality)
    return fields, found


def _decided(drift: Drift, adjusted_p: float, rule: Rule, tests: int) -> Drift:
    significant, large = adjusted_p <= rule.alpha, drift.effect >= rule.effect_min
    why = (
        f"Its PSI is {drift.psi:.3g}, {drift.effect:.3g} above chance "
        f"({'at least' if large else 'less than'} {rule.effect_min:g}); p = {adjusted_p:.2g}, "
        f"adjusted for {tests} tests ({'at most' if significant else 'more than'} {rule.alpha:g})."
    )
    return replace(drift, adjusted_p=adjusted_p, drifted=significant and large, why=why)


def _broken(quality: Quality, adjusted_p: float, rule: Rule) -> Quality:
    floor = rule.repeats_min if quality.kind == "duplicates" else rule.rise_min
    broken = adjusted_p <= rule.alpha and quality.rise.value >= floor
    return replace(quality, adjusted_p=adjusted_p, broken=broken)
