"""`fairlead predict`: rows of a file through a running endpoint."""

from __future__ import annotations

import os
from pathlib import Path

import click
import msgspec

from fairlead.app.workspace import Workspace
from fairlead.cli.output import say
from fairlead.client import Client
from fairlead.tables import read_table, write_table


@click.command("predict")
@click.argument("endpoint")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--url", help="Of the API; default: the platform of this home.")
@click.option("--ca", type=click.Path(path_type=Path), help="Certificates to trust, with --url.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write the answers here.")
@click.pass_obj
def predict_command(
    home: Path | None,
    endpoint: str,
    file: Path,
    url: str | None,
    ca: Path | None,
    output: Path | None,
) -> None:
    """Ask ENDPOINT about the rows of FILE (JSON, CSV, Parquet).

    With --url, the key is taken from the environment variable FAIRLEAD_KEY.
    """
    import polars as pl

    key = os.environ.get("FAIRLEAD_KEY")
    client = Client(url, key=key, ca=ca) if url else Workspace(home).client()
    rows = [
        {name: value for name, value in row.items() if value is not None}
        for row in read_table(file).to_dicts()
    ]
    answers = client.predict(endpoint, rows)
    if output is not None:
        write_table(pl.DataFrame(answers, infer_schema_length=None), output)
        say(f"{len(answers)} answers written to {output}.")
        return
    for answer in answers:
        say(msgspec.json.encode(answer).decode())
