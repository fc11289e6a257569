"""Feedback from a table: matched to predictions, then put on the log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fairlead.app.workspace import Workspace
from fairlead.errors import ConfigError
from fairlead.ids import parse
from fairlead.predictionlog import FeedbackFrame, JournalWriter, encode_feedback
from fairlead.predictionlog.match import Matched, match

if TYPE_CHECKING:
    import polars as pl

FRAME_ROWS = 5_000
ID_COLUMNS = ("prediction_id", "id")


def send_feedback(
    workspace: Workspace,
    endpoint: str,
    rows: pl.DataFrame,
    *,
    value: str = "label",
    name: str = "label",
    id_column: str | None = None,
    caller_column: str | None = None,
    keys: Sequence[str] = (),
    time_column: str | None = None,
    within_s: float = 3600.0,
) -> Matched:
    """Find the prediction of each row, and log the row's value under its id.

    Args:
        workspace: whose log.
        endpoint: whose predictions.
        rows: with the value and what tells the prediction.
        value: column of what came later; rows without one are left out.
        name: what it is.
        id_column: column of prediction ids; if nothing else is said `prediction_id`, as batch
            jobs call it, or else `id`, if there is one.
        caller_column: column of the callers' own ids.
        keys: columns that equal input fields, or `unit`.
        time_column: column of the time, with keys.
        within_s: how far a key match may lie apart in time.

    Returns:
        What was matched, and the places of rows that were not.

    Raises:
        ConfigError: a column is missing, or nothing tells the prediction.
    """
    import polars as pl

    if id_column is None and caller_column is None and not keys:
        id_column = next((name for name in ID_COLUMNS if name in rows.columns), None)
    wanted = [c for c in (value, id_column, caller_column, time_column, *keys) if c]
    missing = [column for column in wanted if column not in rows.columns]
    if missing:
        raise ConfigError(
            f"The file has no column {', '.join(missing)}.",
            hint=f"It has {', '.join(rows.columns)}.",
        )
    rows = rows.with_row_index("place").filter(pl.col(value).is_not_null())
    matched = match(
        workspace.read(endpoint),
        rows,
        id_column=id_column,
        caller_column=caller_column,
        keys=tuple(keys),
        time_column=time_column,
        within_s=within_s,
    )
    _write(workspace, endpoint, name, matched.rows, value, time_column)
    return matched


def _write(
    workspace: Workspace,
    endpoint: str,
    name: str,
    rows: pl.DataFrame,
    value: str,
    time_column: str | None,
) -> None:
    """Append frames to a journal of this command's own; the controller seals it."""
    now_us = workspace.clock.now_us()
    journal = JournalWriter(workspace.home.journals, "feedback", workspace.clock)
    try:
        for part in rows.iter_slices(FRAME_ROWS):
            ids = [raw for raw in map(parse, part["prediction_id"]) if raw is not None]
            times = (
                part[time_column].cast(int).to_numpy()
                if time_column
                else np.full(part.height, now_us, np.int64)
            )
            frame = FeedbackFrame(
                endpoint=endpoint,
                time_us=times,
                received_us=now_us,
                ids=ids,
                names=[name] * part.height,
                values=part[value].to_list(),
                source="cli",
            )
            journal.append(encode_feedback(frame))
    finally:
        journal.close()
