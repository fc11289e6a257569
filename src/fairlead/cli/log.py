"""`fairlead predictions` and `fairlead feedback`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from fairlead.app.feedback import send_feedback
from fairlead.app.workspace import Workspace
from fairlead.cli.output import say, table
from fairlead.errors import ConfigError
from fairlead.tables import read_table, write_table


@click.command("predictions")
@click.argument("endpoint")
@click.option("--where", "filters", multiple=True, metavar="COLUMN=VALUE", help="Only rows with.")
@click.option("--since", metavar="TIME", help="Only from this time on (ISO 8601, UTC).")
@click.option("--until", metavar="TIME", help="Only before this time.")
@click.option("--limit", default=20, help="At most so many, the latest; 0 for all.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Write Parquet, CSV or JSONL."
)
@click.pass_obj
def predictions_command(
    home: Path | None,
    endpoint: str,
    filters: tuple[str, ...],
    since: str | None,
    until: str | None,
    limit: int,
    output: Path | None,
) -> None:
    """Look into the prediction log of ENDPOINT, with labels where they are known."""
    import polars as pl

    frame = Workspace(home).read(endpoint)
    columns = frame.collect_schema().names()
    for text in filters:
        column, equals, value = text.partition("=")
        if not equals or column not in columns:
            raise ConfigError(
                f"'{text}' is not COLUMN=VALUE with a column of the log.",
                hint=f"Columns: {', '.join(columns)}.",
            )
        frame = frame.filter(pl.col(column).cast(pl.String) == value)
    if since:
        frame = frame.filter(pl.col("time") >= _time(since))
    if until:
        frame = frame.filter(pl.col("time") < _time(until))
    frame = frame.sort("time")
    rows = (frame.tail(limit) if limit else frame).collect()
    if output is not None:
        write_table(rows, output)
        say(f"{rows.height} rows written to {output}.")
        return
    wanted = (*_SHOWN, "trace_id") if rows["trace_id"].count() else _SHOWN
    shown = [c for c in rows.columns if c in wanted or c.startswith(("in.", "out."))]
    narrow = rows.select(shown)
    table(narrow.columns, narrow.rows())
    say(f"{rows.height} rows.")


_SHOWN = ("time", "id", "version", "arm", "unit", "outcome", "label")


def _time(text: str) -> datetime:
    try:
        read = datetime.fromisoformat(text)
        return read if read.tzinfo else read.replace(tzinfo=UTC)
    except ValueError:
        raise ConfigError(
            f"'{text}' is not a time.", hint="Write it as 2026-03-01 or 2026-03-01T12:00:00."
        ) from None


@click.command("feedback")
@click.argument("endpoint")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--value", default="label", help="Column that holds what came later.")
@click.option("--name", default="label", help="What it is: label, or a business outcome.")
@click.option("--id", "id_column", help="Column with prediction ids.")
@click.option("--caller-id", "caller_column", help="Column with the callers' own ids.")
@click.option("--key", "keys", multiple=True, help="Field that names the row; with --time.")
@click.option("--time", "time_column", help="Column with the time of the row.")
@click.option("--within", "within_s", default=3600.0, help="Seconds a key match may lie apart.")
@click.pass_obj
def feedback_command(
    home: Path | None,
    endpoint: str,
    file: Path,
    value: str,
    name: str,
    id_column: str | None,
    caller_column: str | None,
    keys: tuple[str, ...],
    time_column: str | None,
    within_s: float,
) -> None:
    """Send labels or outcomes from FILE for predictions of ENDPOINT.

    Rows are found by prediction id, by the callers' own id, or by key fields and time. What
    fits no prediction, or more than one, is reported and not sent.
    """
    sent = send_feedback(
        Workspace(home),
        endpoint,
        read_table(file),
        value=value,
        name=name,
        id_column=id_column,
        caller_column=caller_column,
        keys=keys,
        time_column=time_column,
        within_s=within_s,
    )
    say(f"{sent.matched} sent, {len(sent.unmatched)} unmatched, {len(sent.ambiguous)} ambiguous.")
    for word, places in (("unmatched", sent.unmatched), ("ambiguous", sent.ambiguous)):
        if places:
            some = ", ".join(str(place) for place in places[:20])
            say(f"  {word} rows: {some}{', …' if len(places) > 20 else ''}")
