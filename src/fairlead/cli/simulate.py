"""`fairlead simulate`: what a plan of a release would do, before it does it."""

from __future__ import annotations

import tomllib
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from fairlead.app.workspace import Workspace
from fairlead.cli.output import moment, say, table
from fairlead.clock import SystemClock
from fairlead.errors import ConfigError
from fairlead.nearest import nearest
from fairlead.releases import Plan, PlanSettings, State, plan_of

if TYPE_CHECKING:
    import numpy as np

    from fairlead.releases.simulation.simulate import Outcome
    from fairlead.releases.simulation.traffic import Traffic

HEADS = (
    "candidate", "rolled back", "95 of 100", "by", "after", "requests", "units", "promoted",
    "after", "asks a person",
)  # fmt: skip
GOOD = "no fault"


@click.command("simulate")
@click.argument("plan", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--from-log", metavar="ENDPOINT", help="Traffic of its last day.")
@click.option("--requests", type=float, help="An hour, where there is no log. Default: 10000.")
@click.option("--error-rate", type=float, help="Of 100 requests, that fail now. Default: 1.")
@click.option("--latency-ms", type=float, help="Median time in queue and model. Default: 20.")
@click.option("--units", type=float, help="That ask in a day. Default: one for each request.")
@click.option(
    "--inject", "faults", multiple=True, metavar="FAULT", default=["error_rate=3x"],
    show_default=True, help="Such as 'error_rate=10%,latency=+20%'; may be repeated.",
)  # fmt: skip
@click.option("--runs", type=click.IntRange(1, 100_000), default=1000, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False),
    help="Also write it to a page of HTML, with a plot.",
)  # fmt: skip
@click.pass_obj
def simulate_command(
    home: Path | None,
    plan: Path,
    from_log: str | None,
    requests: float | None,
    error_rate: float | None,
    latency_ms: float | None,
    units: float | None,
    faults: tuple[str, ...],
    runs: int,
    seed: int,
    output: Path | None,
) -> None:
    """Carry out the plan of a file many times on a virtual clock.

    The file PLAN has the keys of a table [release.NAME]. A candidate without a fault and one with
    each fault are released over traffic as told, or as an endpoint's log has it: how often they
    are rolled back, when, and how many requests and units they have answered until then.
    """
    from fairlead.releases.simulation.simulate import simulate
    from fairlead.releases.simulation.traffic import NO_FAULT, read_fault

    wanted = read_plan(plan)
    made = {
        "requests_per_h": requests,
        "failing": None if error_rate is None else error_rate / 100.0,
        "latency_ms": latency_ms,
        "units": units,
    }
    traffic = _traffic(home, from_log, {k: v for k, v in made.items() if v is not None})
    candidates = {GOOD: NO_FAULT} | {text: read_fault(text) for text in faults}
    say(in_words(traffic, runs))
    if wanted.is_compared:
        say("It begins after the plan's shadow, which reaches nobody.")
    say()
    outcomes = {
        name: simulate(wanted, traffic, fault, runs=runs, seed=seed)
        for name, fault in candidates.items()
    }
    rows = [row_of(name, outcome) for name, outcome in outcomes.items()]
    table(HEADS, rows)
    if output is not None:
        output.write_text(page_of(plan.name, outcomes, rows, in_words(traffic, runs)), "utf-8")
        say()
        say(f"Written to {output}.")


def read_plan(file: Path) -> Plan:
    """The plan in a file with the keys of a table `[release.NAME]`.

    Raises:
        ConfigError: the file cannot be read, or the plan not be carried out; names the file.
    """
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise ConfigError(f"{file} cannot be read: {error}.") from None
    known = PlanSettings.__struct_fields__
    for key in content.keys() - set(known):
        close = nearest(key, known)
        hint = f"Did you mean '{close}'?" if close else f"There are: {', '.join(known)}."
        raise ConfigError(f"{file}: there is no key '{key}' in a plan.", hint=hint)
    try:
        return plan_of(msgspec.convert(content, PlanSettings))
    except msgspec.ValidationError as error:
        raise ConfigError(f"{file}: {error}.") from None
    except ConfigError as error:
        raise ConfigError(f"{file}: {error.message}", hint=error.hint) from None


def _traffic(home: Path | None, endpoint: str | None, made: dict[str, float]) -> Traffic:
    from fairlead.releases.simulation.traffic import make_traffic, traffic_of

    if endpoint is None:
        return make_traffic(**made)
    if made:
        raise ConfigError(
            "The traffic is either that of a log or made up, not both.",
            hint="Leave out --from-log, or --requests, --error-rate, --latency-ms and --units.",
        )
    workspace = Workspace(home)
    return traffic_of(workspace.read(endpoint), workspace.clock.now_us())


def in_words(traffic: Traffic, runs: int) -> str:
    """What is simulated, in a line."""
    mean = sum(traffic.requests_per_h) / len(traffic.requests_per_h)
    median_ms = traffic.latency_us[len(traffic.latency_us) // 2] / 1e3
    who = f", of {traffic.units:,.0f} units a day" if traffic.units is not None else ""
    return (
        f"{runs:,} releases each. {mean:,.0f} requests an hour{who}; {traffic.failing:.2%} fail; "
        f"half of them take less than {median_ms:.3g} ms."
    )


def row_of(name: str, outcome: Outcome) -> tuple[str | None, ...]:
    """How the releases of a candidate ended."""
    back, found = outcome.of("rolled back"), outcome.share("rolled back")
    by = Counter(guard for guard in outcome.broken if guard).most_common()
    return (
        name,
        f"{found.value:.1%}",
        f"{found.low:.1%} to {found.high:.1%}",
        ", ".join(f"{guard} {count / back.sum():.1%}" for guard, count in by) or None,
        _time(outcome, "rolled back"),
        _median(outcome.requests[back]),
        _median(outcome.units[back]),
        f"{outcome.share('done').value:.1%}",
        _time(outcome, "done"),
        f"{outcome.share('asking').value:.1%}",
    )


def page_of(
    name: str, outcomes: dict[str, Outcome], rows: list[tuple[str | None, ...]], note: str
) -> str:
    """A page of HTML with the table and a plot of when candidates are rolled back."""
    from fairlead.app.report import render
    from fairlead.app.report.types import Report, Section, Table
    from fairlead.figures import draw_reached

    whens = {
        fault: (one.took_s[one.of("rolled back")] / 3600.0).tolist()
        for fault, one in outcomes.items()
    }
    runs = len(next(iter(outcomes.values())).states)
    figure = draw_reached("Rolled back", whens, runs, unit="hours since its beginning")
    text = "Times, requests to the candidate and units that it answered are medians."
    section = Section(
        title="What becomes of a candidate",
        text=f"{note} {text}",
        figures=(figure,),
        tables=(Table(caption="Releases by fault", heads=HEADS, rows=tuple(rows)),),
    )
    now = moment(SystemClock().now_us())
    report = Report(title=f"The plan {name}", verdict="simulated", alarm=False, time=now,
                    sections=(section,), chapters=())  # fmt: skip
    return render(report)


def _time(outcome: Outcome, state: State) -> str | None:
    minutes = [second / 60.0 for second in outcome.took_s[outcome.of(state)].tolist()]
    if not minutes:
        return None
    median = sorted(minutes)[len(minutes) // 2]
    return f"{median:.0f} min" if median < 120 else f"{median / 60:.1f} h"


def _median(numbers: np.ndarray) -> str | None:
    import numpy as np

    return f"{np.median(numbers):,.0f}" if numbers.size else None
