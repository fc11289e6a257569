"""`fairlead features`: what requests may leave out, because it is looked up."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from fairlead.app.features import materialize_features
from fairlead.app.settings import feature
from fairlead.app.workspace import Workspace
from fairlead.cli.output import moment, say, table
from fairlead.durations import write_duration
from fairlead.errors import NotFoundError
from fairlead.lookup import Key


@click.group("features")
def features_command() -> None:
    """Bring features to where requests look them up."""


@features_command.command("materialize")
@click.argument("name")
@click.option("--incremental", is_flag=True, help="Read only rows that are new, by their time.")
@click.pass_obj
def materialize_command(home: Path | None, name: str, incremental: bool) -> None:
    """Publish the features NAME: of each key the row that holds now.

    Requests get the table as it was until the new one is whole.
    """
    workspace = Workspace(home)
    before = workspace.tables.current(feature(workspace.settings, name).table)
    told = materialize_features(workspace, name, incremental=incremental)
    if told == before:
        say(f"Nothing is new: {told.rows} keys of {moment(told.published_us)} stay.")
    else:
        say(f"{told.rows} keys with {len(told.columns)} features are looked up from now on.")


@features_command.command("list")
@click.pass_obj
def list_command(home: Path | None) -> None:
    """List the features, and what is looked up of them."""
    workspace = Workspace(home)
    rows: list[tuple[object, ...]] = []
    for name in sorted(workspace.settings.features):
        spec = feature(workspace.settings, name)
        told = workspace.tables.current(spec.table)
        ttl = "-" if spec.ttl_us is None else write_duration(spec.ttl_us / 1e6)
        rows.append(
            (name, spec.key, ttl, spec.missing)
            + ((None, None, None) if told is None else
               (told.rows, ", ".join(told.columns), moment(told.published_us)))
        )  # fmt: skip
    table(("features", "key", "ttl", "missing", "keys", "fields", "published"), rows)


@features_command.command("show")
@click.argument("name")
@click.argument("key")
@click.pass_obj
def show_command(home: Path | None, name: str, key: str) -> None:
    """Show what requests with KEY get of the features NAME, as JSON."""
    workspace = Workspace(home)
    spec = feature(workspace.settings, name)
    opened = workspace.tables.open(spec.table)
    if opened is None:
        raise NotFoundError(
            f"The features '{name}' were not materialised.",
            hint=f"Do it: fairlead features materialize {name}",
        )
    found = opened.get(keys := _keys(key))
    for each, row in zip(keys, found, strict=True):
        if row is not None:
            told = {
                spec.key: each,
                "since": moment(row.time_us),
                "holds": spec.holds(row.time_us, workspace.clock.now_us()),
                "features": dict(zip(opened.snapshot.columns, row.values, strict=True)),
            }
            say(msgspec.json.encode(told).decode())
    if not any(found):
        raise NotFoundError(f"The features '{name}' know no such key.")


def _keys(key: str) -> list[Key]:
    """A key as a text, and as the integer that it may be."""
    try:
        return [key, int(key)]
    except ValueError:
        return [key]
