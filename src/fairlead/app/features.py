"""Features of a home: brought to where requests look them up, and joined to training rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairlead.app.settings import feature
from fairlead.app.workspace import Workspace
from fairlead.features import join, materialize
from fairlead.lookup import Snapshot

if TYPE_CHECKING:
    import polars as pl


def materialize_features(workspace: Workspace, name: str, *, incremental: bool) -> Snapshot:
    """Publish features to the look-up tables of a home.

    Args:
        workspace: of the home.
        name: of the features.
        incremental: read only rows that are new.

    Raises:
        ConfigError: there are none of this name.
        FairleadError: as `materialize` has it.
    """
    spec, now_us = feature(workspace.settings, name), workspace.clock.now_us()
    return materialize(spec, workspace.tables, now_us, incremental=incremental)


def join_features(
    rows: Any, *features: str, time: str, home: Path | str | None = None
) -> pl.DataFrame:
    """Give training rows the features of their keys, as requests at their time would have got them.

    Nothing that was known only after a row's time comes to it, nor what had outlived its `ttl`
    by then. Where nothing is left, features are null, or their defaults where requests would get
    those.

    Args:
        rows: a Polars or pandas frame with the columns of the keys and of the time.
        *features: names of tables `[features.NAME]` of the settings.
        time: the column that says when each row happened.
        home: the folder of the state; found from where one stands if not given.

    Returns:
        The rows in their order, with a column for each feature that they did not have.

    Raises:
        ConfigError: there are no features of a name, they have no time, or a column is not there.
        InputError: rows have no time, or a source cannot be used.
    """
    import polars as pl

    from fairlead.features.source import read_history

    workspace = Workspace(None if home is None else Path(home))
    frame = rows if isinstance(rows, pl.DataFrame) else pl.from_pandas(rows)
    for name in features:
        spec = feature(workspace.settings, name)
        frame = join(frame, read_history(spec), spec, time=time)
    return frame
