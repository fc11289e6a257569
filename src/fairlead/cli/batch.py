"""`fairlead batch`: whole files scored, in chunks, to the end of it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from fairlead.app.batch import run_batch
from fairlead.app.workspace import Workspace
from fairlead.batch import Job
from fairlead.batch.types import EngineName
from fairlead.cli.output import say
from fairlead.cli.progress import watched


@click.command("batch")
@click.argument("version")
@click.argument("inputs", nargs=-1, required=True)
@click.argument("output")
@click.option("--query", default="", metavar="SQL", help="Score its rows; INPUT is the database.")
@click.option("--keep", default="", metavar="COLUMNS", help="Columns to write beside, a,b; * all.")
@click.option(
    "--on-error", type=click.Choice(("reject", "fail")), default="reject",
    help="Set rows aside that do not fit (the default), or end at the first.",
)  # fmt: skip
@click.option("--caller-id", default="", metavar="COLUMN", help="Column with your own ids.")
@click.option("--unit", default="", metavar="COLUMN", help="Column with who a row is about.")
@click.option("--endpoint", default="", help="Whose log it enters; default: the model's name.")
@click.option("--name", default="", help="Tells jobs apart that score the same rows again.")
@click.option(
    "--memory", "memory_mb", type=click.IntRange(min=0), default=0, metavar="MB",
    help="That the whole job may take; default: half of the machine's.",
)  # fmt: skip
@click.option(
    "--workers", type=click.IntRange(min=0), default=0,
    help="Threads or processes that score; default: one for each core.",
)  # fmt: skip
@click.option(
    "--engine", type=click.Choice(("local", "ray")), default="local",
    help="Where rows are scored: on this machine, or on Ray.",
)  # fmt: skip
@click.option(
    "--ray-address", default="", envvar="RAY_ADDRESS", metavar="HOST:PORT",
    help="Of the cluster; default: $RAY_ADDRESS, or a Ray of the job's own.",
)  # fmt: skip
@click.option("--allow-pickle", is_flag=True, help="Let pickled payloads be loaded.")
@click.pass_obj
def batch_command(
    home: Path | None,
    version: str,
    inputs: tuple[str, ...],
    output: str,
    query: str,
    keep: str,
    on_error: Literal["reject", "fail"],
    caller_id: str,
    unit: str,
    endpoint: str,
    name: str,
    memory_mb: int,
    workers: int,
    engine: EngineName,
    ray_address: str,
    allow_pickle: bool,
) -> None:
    """Score the rows of INPUTS with VERSION, and write the answers to OUTPUT.

    INPUTS are Parquet, CSV, JSON lines or Arrow files, folders, globs and URLs of them. OUTPUT is
    a folder of Parquet, or one .csv or .jsonl file. Run it again to go on after an interruption.
    """
    job = Job(
        version=version,
        inputs=inputs,
        output=output,
        query=query,
        keep=tuple(filter(None, (column.strip() for column in keep.split(",")))),
        on_error=on_error,
        caller_id=caller_id,
        unit=unit,
        endpoint=endpoint,
        name=name,
        memory_mb=memory_mb,
        workers=workers,
        engine=engine,
        ray_address=ray_address,
        allow_pickle=allow_pickle,
    )
    record = watched(lambda show: run_batch(Workspace(home), job, show))
    say(f"{record.rows} rows answered by {record.version}, {record.rejected} rejected.")
    say(
        f"Written to {record.output}; labels join by prediction_id in the log of {record.endpoint}."
    )
