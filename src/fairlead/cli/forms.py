"""The forms of a model as `fairlead compress` shows them: a table, a page, JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from fairlead.app.compressing import Compressed
from fairlead.app.report import render
from fairlead.app.report.types import Report, Row, Section, Table
from fairlead.bundle import described
from fairlead.cli.output import moment, say, table
from fairlead.clock import SystemClock
from fairlead.compress.pareto import choose
from fairlead.compress.refuse import drop_of, in_words
from fairlead.compress.run import Line
from fairlead.compress.search import Refusal, priced_of
from fairlead.compress.types import Compared, Limits, Target
from fairlead.figures import Figure, draw_trade
from fairlead.stats import Estimate

REFUSED_SHOWN = 12
GAINS: Mapping[Target, str] = {
    "size": "in size",
    "latency": "in time by more than noise",
    "both": "in size and time together",
}
"""In what a form must gain, by the target."""


def print_forms(found: Compressed, limits: Limits) -> None:
    """Print the forms that no other beats, what was refused and why, and what came of it."""
    say(_divided(found))
    for note in found.outcome.notes:
        say(f"Note: {note}")
    say()
    table(_heads(found), _rows(found))
    refused = found.outcome.refused
    if refused:
        say("\nNot taken")
        table(("form", "why"), [_refusal(one) for one in refused[:REFUSED_SHOWN]])
    if len(refused) > REFUSED_SHOWN:
        say(f"… and {len(refused) - REFUSED_SHOWN} more; --json has all.")
    say()
    for sentence in _ending(found, limits):
        say(sentence)


def _divided(found: Compressed) -> str:
    parts = found.outcome.parts
    return (
        f"{found.original.name}: {parts.fit.rows} rows to fit forms to, {parts.choose.rows.rows} "
        f"to choose one by, {parts.report.rows.rows} to report on; intervals of 95%."
    )


def _heads(found: Compressed) -> tuple[str, ...]:
    metric = next((line.reported.metric for line in found.outcome.lines), "")
    return ("", "form", "kB", "smaller", "1 row", "64 rows", metric or "metric", "agreement")


def _rows(found: Compressed) -> list[Row]:
    """The original, and each form beside it; the chosen one has a mark."""
    outcome, cost = found.outcome, found.outcome.original
    first: Row = (
        "", "as it is", cost.size_bytes / 1e3, None, f"{cost.one_us:.1f} µs",
        f"{cost.many_us:.1f} µs", _value(outcome.lines), None,
    )  # fmt: skip
    return [
        first,
        *(_row(line, place == outcome.chosen) for place, line in enumerate(outcome.lines)),
    ]


def _value(lines: tuple[Line, ...]) -> str | None:
    if not lines or lines[0].reported.original is None:
        return None
    return f"{lines[0].reported.original:.4g}"


def _row(line: Line, chosen: bool) -> Row:
    told = line.reported
    return (
        "*" if chosen else "",
        described(line.form.steps),
        len(line.form.raw) / 1e3,
        f"{line.smaller:.1f}x",
        _times(line.faster_one),
        _times(line.faster_many),
        _change(told),
        f"{told.agreement.value:.2%} ({told.agreement.low:.2%} to {told.agreement.high:.2%})",
    )


def _times(ratio: Estimate) -> str:
    return f"{ratio.value:.2f}x ({ratio.low:.2f} to {ratio.high:.2f})"


def _change(told: Compared) -> str | None:
    if told.change is None:
        return None
    value, low, high = (
        in_words(told.metric, end) for end in (told.change.value, told.change.low, told.change.high)
    )
    return f"{value} ({low} to {high})"


def _refusal(refusal: Refusal) -> tuple[str, str]:
    return described(refusal.steps), refusal.reason


def _ending(found: Compressed, limits: Limits) -> Iterator[str]:
    outcome = found.outcome
    if outcome.chosen is None:
        yield from _nothing(found, limits)
        return
    line = outcome.lines[outcome.chosen]
    for name, cold in outcome.cold.items():
        yield (
            f"A new process with the {name} answers after {cold['cpu_ms']:.0f} CPU ms, of which "
            f"{cold['load_ms']:.1f} for the model, and holds {cold['memory_mb']:.0f} MB."
        )
    yield f"Measured on {', '.join(f'{k} {v}' for k, v in sorted(outcome.measured_on.items()))}."
    change = line.reported.change
    if change is not None and change.value < -drop_of(limits, line.reported.original):
        yield "Here it loses more than was allowed: by chance, or it was chosen by luck."
    if found.version is None:
        yield "Nothing is registered."
    elif found.known:
        yield f"{found.version.name} is this form already: {described(line.form.steps)}."
    else:
        yield f"Registered as {found.version.name}: {described(line.form.steps)}."


def _nothing(found: Compressed, limits: Limits) -> Iterator[str]:
    """That no form is taken, and what would take one."""
    outcome = found.outcome
    if not outcome.lines:
        yield "No form is smaller or faster and loses little enough; nothing is registered."
        yield "Where one loses too much, --max-drop, --min-agreement and --sure may allow it."
        return
    yield f"No form gains {GAINS[limits.target]}; nothing is registered."
    forms = [priced_of(line.form) for line in outcome.lines]
    for target in GAINS:
        place = choose(forms, outcome.original, target)
        if target != limits.target and place is not None:
            line = outcome.lines[place]
            yield (
                f"--target {target} takes {described(line.form.steps)}: {line.smaller:.1f}x "
                f"smaller, {line.faster_one.value:.2f}x faster for one row, "
                f"{line.faster_many.value:.2f}x for 64."
            )


def figure_of(found: Compressed, limits: Limits) -> Figure:
    """What each form loses, over its size."""
    lines = found.outcome.lines
    metric = next((line.reported.metric for line in lines), "")
    told = [line.reported.change if metric else line.reported.agreement for line in lines]
    values = [(0.0, None, None) if one is None else (one.value, one.low, one.high) for one in told]
    original = next((line.reported.original for line in lines), None)
    limit = -drop_of(limits, original) if metric else 1.0 - limits.max_drop
    return draw_trade(
        "What each form loses",
        [described(line.form.steps) for line in lines],
        [len(line.form.raw) / 1e3 for line in lines],
        values,
        original=found.outcome.original.size_bytes / 1e3,
        limit=limit,
        chosen=found.outcome.chosen,
        unit=f"change of {metric}" if metric else "rows answered alike",
        note=_divided(found),
    )


def page_of(found: Compressed, limits: Limits) -> str:
    """A page of HTML with the plot and the tables."""
    heads = _heads(found)
    section = Section(
        title="Forms that no other beats",
        text="Sizes and CPU times are beside the original's; what is lost is on rows that nothing "
        "was chosen by.",
        figures=(figure_of(found, limits),),
        tables=(
            Table(caption="Forms", heads=(*heads[1:], "taken"),
                  rows=tuple((*row[1:], "yes" if row[0] else None) for row in _rows(found))),
            Table(caption="Not taken", heads=("form", "why"),
                  rows=tuple(_refusal(one) for one in found.outcome.refused)),
        ),
    )  # fmt: skip
    taken = found.version.name if found.version else "nothing registered"
    now = moment(SystemClock().now_us())
    report = Report(title=f"{found.original.name} made smaller", verdict=taken, alarm=False,
                    time=now, sections=(section,), chapters=())  # fmt: skip
    return render(report)


def in_json(found: Compressed) -> str:
    """All that was found, as JSON."""
    outcome = found.outcome
    told = {
        "original": {"version": found.original.name, "cost": outcome.original},
        "rows": {
            "fit": outcome.parts.fit.rows,
            "choose": outcome.parts.choose.rows.rows,
            "report": outcome.parts.report.rows.rows,
        },
        "forms": [
            {
                "steps": line.form.steps,
                "cost": line.form.cost,
                "metric": line.reported.metric or None,
                "evidence": line.evidence(),
            }
            for line in outcome.lines
        ],
        "chosen": outcome.chosen,
        "refused": [{"steps": one.steps, "reason": one.reason} for one in outcome.refused],
        "notes": outcome.notes,
        "cold_start": outcome.cold,
        "measured_on": outcome.measured_on,
        "registered": found.version is not None and not found.known,
        "version": found.version.name if found.version else None,
    }
    return msgspec.json.format(msgspec.json.encode(told), indent=2).decode()
