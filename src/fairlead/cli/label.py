"""`fairlead label`: rows that are worth a label, put before people."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click
import msgspec

from fairlead.app.labelling import ask_for_labels
from fairlead.app.user import user
from fairlead.app.workspace import Workspace
from fairlead.cli.output import plain, say


@click.command("label")
@click.argument("endpoint")
@click.option("--rows", default=50, show_default=True, help="How many, at most.")
@click.option(
    "--drifted",
    multiple=True,
    metavar="FIELD[=VALUE]",
    help="Also rows of these; may be repeated. Default: what drifted last.",
)
@click.option("--seed", default=0, show_default=True, help="Of what is random.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def label_command(
    home: Path | None, endpoint: str, rows: int, drifted: tuple[str, ...], seed: int, as_json: bool
) -> None:
    """Put rows of ENDPOINT that are worth a label into its review queue.

    A quarter of them at random; the others are those that the model is least sure of, those on
    which a shadow answers otherwise, and those of the fields and slices that you name, or of the
    fields that drifted last by the alerts that fire.
    """
    workspace = Workspace(home)
    try:
        found = ask_for_labels(workspace, endpoint, rows, seed, drifted, user())
    finally:
        workspace.close()
    if as_json:
        say(msgspec.json.encode(found).decode())
        return
    say(f"{len(found.rows)} rows wait in '{found.queue}'.")
    for why, count in sorted(Counter(why.partition(":")[0] for why in found.rows.values()).items()):
        say(f"  {count} {plain(why)}")
