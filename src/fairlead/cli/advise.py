"""`fairlead advise`: how a model's past says that it is to be trained."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from fairlead.app.workspace import Workspace
from fairlead.cli.output import say, table
from fairlead.durations import read_duration
from fairlead.errors import ConfigError

if TYPE_CHECKING:
    from fairlead.updates.advice.types import Advice


@click.command("advise")
@click.argument("endpoint")
@click.option("--train", default="", metavar="MODULE:FUNCTION", help="Default: of the settings.")
@click.option(
    "--rows", type=click.Path(path_type=Path, dir_okay=False),
    help="Labelled rows of a file, in place of the log.",
)  # fmt: skip
@click.option("--metric", default="", help="That decides; default: of the settings, or roc_auc, "
              "accuracy or mae.")  # fmt: skip
@click.option("--block", metavar="DURATION", help="That cadences count in, e.g. 1d.")
@click.option("--delay", metavar="DURATION", help="After which labels come, if not as the log "
              "says.")  # fmt: skip
@click.option("--price", type=click.FloatRange(min=0), help="Of one training.")
@click.option("--worth", type=click.FloatRange(min=0), help="Of a point of the metric in 30 days.")
@click.option("--trainings", type=click.IntRange(1), default=150, show_default=True,
              help="That are made at most.")  # fmt: skip
@click.option("--time", metavar="DURATION", help="After which no further training begins.")
@click.option(
    "--json", "as_json", type=click.Path(path_type=Path, dir_okay=False),
    help="Also write all numbers to a file.",
)  # fmt: skip
@click.option(
    "--plot", type=click.Path(path_type=Path, dir_okay=False),
    help="Also write the figures: a page of .html, or Plotly's .json.",
)  # fmt: skip
@click.pass_obj
def advise_command(
    home: Path | None,
    endpoint: str,
    train: str,
    rows: Path | None,
    metric: str,
    block: str | None,
    delay: str | None,
    price: float | None,
    worth: float | None,
    trainings: int,
    time: str | None,
    as_json: Path | None,
    plot: Path | None,
) -> None:
    """Say how fast the model of ENDPOINT decays, and how often, on what and how to train it.

    Its labelled rows are played again, in time order, under several policies: each trained only on
    what was labelled by then. The function that trains runs in a process of its own.
    """
    from fairlead.app.advising import Wanted, advise_endpoint
    from fairlead.updates.advice.types import Prices

    _check_plot(plot)
    workspace = Workspace(home)
    time_s = None if time is None else _seconds("--time", time)
    wanted = Wanted(
        endpoint=endpoint,
        train=train,
        rows=rows,
        block_us=0 if block is None else round(_seconds("--block", block) * 1e6),
        delay_us=None if delay is None else round(_seconds("--delay", delay, 0.0) * 1e6),
        metric=metric,
        trainings_max=trainings,
        time_s=time_s,
        prices=Prices(training=price, point=worth, currency=workspace.settings.cost.currency),
    )
    advice = advise_endpoint(workspace, wanted, _show)
    if sys.stderr.isatty():
        click.echo(err=True)
    show_advice(advice)
    if as_json is not None:
        as_json.write_bytes(msgspec.json.format(msgspec.json.encode(advice), indent=2))
        say(f"Written to {as_json}.")
    if plot is not None:
        _plot(advice, plot, workspace.clock.now_us())
        say(f"Written to {plot}.")


def show_advice(advice: Advice) -> None:
    """Print the answers in words, and the table of policies."""
    from fairlead.app.advice_page import heads_of, rows_of, scope_of

    for text in advice.words:
        say(text)
    say()
    if advice.lines:
        table(heads_of(advice), rows_of(advice))
        say()
    for one in advice.left_out:
        say(f"Not tried: {one.policy}: {one.reason}.")
    for note in advice.notes:
        say(f"Note: {note}")
    say(scope_of(advice))


def _plot(advice: Advice, path: Path, now_us: int) -> None:
    from fairlead.app.advice_page import figures_of, page_of

    if path.suffix == ".html":
        path.write_text(page_of(advice, now_us), "utf-8")
    else:
        path.write_bytes(msgspec.json.encode(figures_of(advice)))


def _check_plot(path: Path | None) -> None:
    if path is not None and path.suffix not in (".html", ".json"):
        raise ConfigError(
            f"'--plot' writes a page or JSON, and {path.name} is neither.",
            hint="Name a file that ends with .html or .json.",
        )


def _seconds(option: str, text: str, least: float = 1.0) -> float:
    found = read_duration(text)
    if found is None or found < least:
        raise ConfigError(f"'{option}' takes a stretch of time such as 12h or 7d.")
    return found


def _show(done: int, trainings: int) -> None:
    """How far it is, where somebody sees it."""
    if sys.stderr.isatty():
        click.echo(f"\r{done} of {trainings} trainings", nl=False, err=True)
