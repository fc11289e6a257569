"""Advice as figures, tables, and a page that any browser opens, offline."""

from __future__ import annotations

from collections.abc import Iterator

from fairlead.app.report import render
from fairlead.app.report.types import Report, Row, Section, Table
from fairlead.durations import about
from fairlead.figures import Figure, draw_ages, draw_estimates, draw_paths
from fairlead.monitoring.draw_course import iso
from fairlead.stats import Estimate
from fairlead.updates.advice.types import Advice, Line


def heads_of(advice: Advice) -> tuple[str, ...]:
    """The heads of the table of policies."""
    others = tuple(advice.lines[0].others) if advice.lines else ()
    priced = any(line.cost is not None for line in advice.lines)
    net = any(line.net is not None for line in advice.lines)
    return (
        "policy", "trainings", *(("cost",) if priced else ()), advice.metric, "gain", "95 of 100",
        *(f"{other} gain" for other in others), *(("net in 30 days",) if net else ()), "verdict",
    )  # fmt: skip


def rows_of(advice: Advice) -> list[Row]:
    """The table of policies, as `heads_of` has it."""
    heads = heads_of(advice)
    return [tuple(_row(line, advice, "cost" in heads)) for line in advice.lines]


def _row(line: Line, advice: Advice, priced: bool) -> Iterator[str | int | float | None]:
    yield line.policy.name + (" *" if line.policy.name == advice.recommended else "")
    yield line.trainings
    if priced:
        yield None if line.cost is None else f"{line.cost:.2f} {advice.currency}"
    yield line.value
    is_first = line.policy.name == advice.lines[0].policy.name
    yield None if is_first else f"{line.gain.value:+.4f}"
    yield None if is_first else f"{line.gain.low:+.4f} to {line.gain.high:+.4f}"
    for gain in line.others.values():
        yield None if is_first else f"{gain.value:+.4f}"
    if line.net is not None:
        yield f"{line.net.value:.2f} ({line.net.low:.2f} to {line.net.high:.2f})"
    yield None if is_first else line.verdict


def figures_of(advice: Advice) -> tuple[Figure, ...]:
    """Plotly figures: the loss by age, the gains, and the metric over time."""
    found = []
    if advice.decay is not None and advice.decay.ages:
        found.append(_ages(advice))
    if advice.lines:
        others = advice.lines[1:]
        found.append(
            draw_estimates(
                f"Gain of {advice.metric} against never training again",
                [line.policy.name for line in others],
                [_interval(line.gain) for line in others],
                marked=[advice.recommended], unit=f"gain of {advice.metric}",
                note="All intervals hold at once with 95 %. What is recommended is marked.",
            )
        )  # fmt: skip
        found.append(_paths(advice))
    return tuple(found)


def page_of(advice: Advice, now_us: int) -> str:
    """A page of HTML.

    Args:
        advice: to be shown.
        now_us: when it was made, microseconds since 1970.
    """
    verdict = {"train": "train", "keep": "keep", "too little history": "too little history"}
    figures = figures_of(advice)
    tables = [
        Table(
            caption="Policies, played over the past", heads=heads_of(advice),
            rows=tuple(rows_of(advice)),
        )
    ] if advice.lines else []  # fmt: skip
    if advice.left_out:
        rows = tuple((one.policy, one.reason) for one in advice.left_out)
        tables.append(Table(caption="Not tried", heads=("policy", "why"), rows=rows))
    section = Section(
        title="What the past says",
        text=" ".join((*advice.words, *advice.notes, *(scope_of(advice),))),
        figures=figures,
        tables=tuple(tables),
    )
    report = Report(
        title=f"{advice.endpoint}: advice on training", verdict=verdict[advice.verdict],
        alarm=False, time=iso(now_us).replace("T", " "), sections=(section,), chapters=(),
    )  # fmt: skip
    return render(report)


def scope_of(advice: Advice) -> str:
    """On what the advice rests, in a sentence."""
    if not advice.blocks:
        return f"{advice.rows} labelled rows."
    block = about(advice.block_us / 1e6)
    return (
        f"{advice.rows} labelled rows in {advice.warm + advice.blocks} blocks of {block}; the "
        f"first model learns from {advice.warm} of them, {advice.blocks} are answered; "
        f"{advice.trained} trainings were done."
    )


def _ages(advice: Advice) -> Figure:
    assert advice.decay is not None
    block_s = advice.block_us / 1e6
    unit_s, unit = next(
        (pair for pair in ((86_400.0, "days"), (3600.0, "hours")) if block_s >= pair[0] / 4),
        (1.0, "seconds"),
    )
    return draw_ages(
        f"What models lose with age, {advice.metric}",
        [age.blocks * block_s / unit_s for age in advice.decay.ages],
        [_interval(age.loss) for age in advice.decay.ages],
        age=f"age in {unit}", unit=f"loss of {advice.metric}",
        note=f"{advice.decay.origins} models that learnt from equal stretches, on the same rows.",
    )  # fmt: skip


def _paths(advice: Advice) -> Figure:
    named = {line.policy.name: line for line in advice.lines}
    best = max(advice.lines, key=lambda line: line.gain.value).policy.name
    shown = dict.fromkeys([advice.lines[0].policy.name, advice.recommended or best, best])
    return draw_paths(
        f"{advice.metric} of each block",
        [iso(start_us) for start_us in advice.starts_us],
        {name: named[name].by_block for name in shown},
        unit=advice.metric,
    )


def _interval(found: Estimate) -> tuple[float, float, float]:
    return found.value, found.low, found.high
