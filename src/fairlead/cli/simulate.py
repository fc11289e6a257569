"""`fairlead simulate`: what a plan of a release would do, before it does it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fairlead.app.workspace import Workspace
from fairlead.cli.output import moment, say, table
from fairlead.clock import SystemClock
from fairlead.errors import ConfigError
from fairlead.releases import Plan, plan_of, settings_of

if TYPE_CHECKING:
    from fairlead.releases.simulation.ending import Ending
    from fairlead.releases.simulation.simulate import Outcome

HEADS = (
    "candidate", "rolled back", "95 of 100", "by", "after", "requests", "units", "promoted",
    "after", "asks a person",
)  # fmt: skip


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
    from fairlead.app.simulating import candidates, in_words, traffic_for
    from fairlead.releases.simulation.ending import ending
    from fairlead.releases.simulation.simulate import simulate

    wanted = read_plan(plan)
    made = {
        "requests_per_h": requests,
        "failing": None if error_rate is None else error_rate / 100.0,
        "latency_ms": latency_ms,
        "units": units,
    }
    told = {name: value for name, value in made.items() if value is not None}
    traffic = traffic_for(Workspace(home), from_log or "", told)
    say(in_words(traffic, runs))
    if wanted.is_compared:
        say("It begins after the plan's shadow, which reaches nobody.")
    say()
    outcomes = {
        name: simulate(wanted, traffic, fault, runs=runs, seed=seed)
        for name, fault in candidates(faults).items()
    }
    rows = [row_of(ending(name, outcome)) for name, outcome in outcomes.items()]
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
    try:
        return plan_of(settings_of(content))
    except ConfigError as error:
        raise ConfigError(f"{file}: {error.message}", hint=error.hint) from None


def row_of(found: Ending) -> tuple[str | None, ...]:
    """How the releases of a candidate ended."""
    back = found.rolled_back
    return (
        found.candidate,
        f"{back.value:.1%}",
        f"{back.low:.1%} to {back.high:.1%}",
        ", ".join(f"{guard} {share:.1%}" for guard, share in found.by.items()) or None,
        _time(found.rolled_back_s),
        _number(found.requests),
        _number(found.units),
        f"{found.promoted.value:.1%}",
        _time(found.promoted_s),
        f"{found.asked.value:.1%}",
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


def _time(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    minutes = seconds / 60.0
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"


def _number(number: float | None) -> str | None:
    return None if number is None else f"{number:,.0f}"
