"""`fairlead evaluate`: metrics with intervals, against another version, by slice."""

from __future__ import annotations

from pathlib import Path

import click

from fairlead.app.evaluate import evaluate_version
from fairlead.app.workspace import Workspace
from fairlead.cli.output import say, table
from fairlead.tables import read_table


@click.command("evaluate")
@click.argument("version")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--label", default="label", help="Column of the labels; default: label.")
@click.option("--against", metavar="VERSION", help="Compare with this one, row by row.")
@click.option("--slice", "slices", multiple=True, metavar="COLUMN", help="Also by its values.")
@click.option("--allow-pickle", is_flag=True, help="Let pickled payloads be loaded.")
@click.pass_obj
def evaluate_command(
    home: Path | None,
    version: str,
    file: Path,
    label: str,
    against: str | None,
    slices: tuple[str, ...],
    allow_pickle: bool,
) -> None:
    """Measure VERSION on the labelled rows of FILE; the result is kept with it."""
    evaluation = evaluate_version(
        Workspace(home),
        version,
        read_table(file),
        label=label,
        against=against,
        slices=slices,
        allow_pickle=allow_pickle,
    )
    for note in evaluation.notes:
        say(f"Note: {note}")
    percent = f"{evaluation.confidence:.0%}"
    say(f"{version} on {evaluation.rows} rows; intervals of {percent}")
    table(
        ("metric", "value", "low", "high"),
        [(name, e.value, e.low, e.high) for name, e in evaluation.metrics.items()],
    )
    if evaluation.differences:
        say(f"\nDifference to {against}, paired")
        table(
            ("metric", "difference", "low", "high", "verdict"),
            [
                (name, d.value, d.low, d.high, evaluation.verdicts[name])
                for name, d in evaluation.differences.items()
            ],
        )
    for part in evaluation.slices:
        say(f"\n{part.field} = {part.value}, {part.rows} rows")
        table(
            ("metric", "value", "low", "high"),
            [(name, e.value, e.low, e.high) for name, e in part.metrics.items()],
        )
