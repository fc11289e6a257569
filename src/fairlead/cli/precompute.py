"""`fairlead precompute`: predictions made before anyone asks, to be looked up by a key."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from fairlead.app.precompute import precompute
from fairlead.app.workspace import Workspace
from fairlead.batch import Job
from fairlead.cli.output import say
from fairlead.cli.progress import watched


@click.command("precompute")
@click.argument("version")
@click.argument("inputs", nargs=-1, required=True)
@click.option("--key", required=True, metavar="COLUMN", help="By which predictions are found.")
@click.option("--query", default="", metavar="SQL", help="Score its rows; INPUT is the database.")
@click.option(
    "--on-error", type=click.Choice(("reject", "fail")), default="reject",
    help="Set rows aside that do not fit (the default), or end at the first.",
)  # fmt: skip
@click.option("--endpoint", default="", help="Whose they are; default: the model's name.")
@click.option(
    "--memory", "memory_mb", type=click.IntRange(min=0), default=0, metavar="MB",
    help="That the whole job may take; default: half of the machine's.",
)  # fmt: skip
@click.option(
    "--workers", type=click.IntRange(min=0), default=0,
    help="Threads or processes that score; default: one for each core.",
)  # fmt: skip
@click.option("--allow-pickle", is_flag=True, help="Let pickled payloads be loaded.")
@click.pass_obj
def precompute_command(
    home: Path | None,
    version: str,
    inputs: tuple[str, ...],
    key: str,
    query: str,
    on_error: Literal["reject", "fail"],
    endpoint: str,
    memory_mb: int,
    workers: int,
    allow_pickle: bool,
) -> None:
    """Score the rows of INPUTS with VERSION, and have the answers looked up by their key.

    INPUTS are as of 'fairlead batch'. A VERSION without number or alias is the one that answers
    the endpoint of this name. Requests get the former predictions until all new ones are there.
    """
    job = Job(
        version=version, inputs=inputs, output="", query=query, key=key, on_error=on_error,
        endpoint=endpoint, memory_mb=memory_mb, workers=workers, allow_pickle=allow_pickle,
    )  # fmt: skip
    record = watched(lambda show: precompute(Workspace(home), job, show))
    say(f"{record.rows} predictions of {record.version} are looked up from now on.")
    say(f"Ask for one: GET /v1/endpoints/{record.endpoint}/lookup/KEY.")
    if record.rejected:
        say(f"{record.rejected} rows were rejected: {record.output}/_rejects.jsonl says why.")
