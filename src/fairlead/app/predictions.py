"""A look at what an endpoint answered of late: the newest files of the log, for a moment."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from fairlead.api.predictions import Asked, Came, Prediction, Predictions
from fairlead.app.workspace import Workspace
from fairlead.ids import parse, time_us
from fairlead.predictionlog.recent import Glance, Wanted
from fairlead.review.deliver import DECISION

if TYPE_CHECKING:
    import polars as pl

TIMEOUT_S = 2.0
SLACK_US = 10_000_000
"""Round the time in an id: it may be a little ahead of when the row was admitted."""
FEEDBACK_MAX = 5000
_VERSION_7 = 7


def predictions(workspace: Workspace, endpoint: str, asked: Asked) -> Predictions:
    """Find predictions of an endpoint, with what came later under their ids.

    Args:
        workspace: that it belongs to.
        endpoint: its name.
        asked: which.

    Raises:
        NotFoundError: there is no such endpoint.
    """
    import polars as pl

    workspace.route(endpoint)
    wanted = _wanted(endpoint, asked, workspace.clock.now_us())
    space = workspace
    glance = Glance(space.store, space.blobs, space.home.journals, space.clock, TIMEOUT_S)
    found = glance.look(wanted)
    rows = found.rows.with_columns(pl.col("time").dt.epoch("us"))
    came = _came(glance, endpoint, rows, workspace.clock.now_us()) if rows.height else {}
    open_ids = _open(glance, endpoint, rows) - {
        under for under, told in came.items() if any(one.name == DECISION for one in told)
    }
    return Predictions(
        predictions=tuple(_prediction(row, came, open_ids) for row in rows.to_dicts()),
        since_us=wanted.since_us,
        until_us=wanted.until_us,
        files=found.files,
        is_whole=found.is_whole,
    )


def _wanted(endpoint: str, asked: Asked, now_us: int) -> Wanted:
    since_us, until_us = max(now_us - round(asked.hours * 3.6e9), 0), now_us + SLACK_US
    raw = parse(asked.id) if asked.id else None
    if raw is not None and raw[6] >> 4 == _VERSION_7:
        since_us, until_us = time_us(raw) - SLACK_US, time_us(raw) + SLACK_US
    told = {"id": asked.id.lower(), "caller_id": asked.caller_id, "unit": asked.unit}
    return Wanted(
        kind="predictions",
        endpoint=endpoint,
        since_us=since_us,
        until_us=until_us,
        equal=tuple((column, (value,)) for column, value in told.items() if value),
        id=asked.id.lower(),
        limit=asked.limit,
    )


def _came(glance: Glance, endpoint: str, rows: pl.DataFrame, now_us: int) -> dict[str, list[Came]]:
    """What came later, by prediction; nothing can have come before the oldest of them."""
    import polars as pl

    found: defaultdict[str, list[Came]] = defaultdict(list)
    wanted = Wanted(
        kind="feedback",
        endpoint=endpoint,
        since_us=rows["time"][-1] - SLACK_US,
        until_us=now_us + SLACK_US,
        equal=(("prediction_id", _ids(rows, "id", "parent_id")),),
        limit=FEEDBACK_MAX,
    )
    times = pl.col("time", "received").dt.epoch("us")
    for row in glance.look(wanted).rows.with_columns(times).reverse().to_dicts():
        found[row["prediction_id"]].append(
            Came(
                name=row["name"],
                value=row["text"],
                time_us=row["time"],
                received_us=row["received"],
                source=row["source"],
            )
        )
    return found


def _open(glance: Glance, endpoint: str, rows: pl.DataFrame) -> set[str]:
    """The rows that are a person's to decide, also of those that others belong under."""
    import polars as pl

    waits = pl.col("decided_by") == "pending"
    found = set(rows.filter(waits)["id"].to_list())
    above = _ids(rows, "parent_id")
    if above:  # a shadow's answer to a row tells what the model may say of it, too
        wanted = Wanted(
            kind="predictions",
            endpoint=endpoint,
            since_us=rows["time"][-1] - SLACK_US,
            until_us=rows["time"][0] + SLACK_US,
            equal=(("id", above),),
            limit=len(above),
        )
        looked = glance.look(wanted)
        found |= set(looked.rows.filter(waits)["id"].to_list())
        if not looked.is_whole:  # what was not seen may wait
            found |= set(above) - set(looked.rows["id"].to_list())
    return found


def _ids(rows: pl.DataFrame, *columns: str) -> tuple[str, ...]:
    """The ids in columns, each once."""
    return tuple(dict.fromkeys(each for column in columns for each in rows[column].drop_nulls()))


def _prediction(row: dict[str, Any], came: dict[str, list[Came]], open_ids: set[str]) -> Prediction:
    withheld = bool(open_ids & {row["id"], row["parent_id"]})
    fixed = {
        name: row[name]
        for name in Prediction.__struct_fields__
        if name not in {"time_us", "inputs", "outputs", "withheld", "feedback"}
    }
    return Prediction(
        **fixed,
        time_us=row["time"],
        inputs=_fields(row, "in."),
        outputs={} if withheld else _fields(row, "out."),
        withheld=withheld,
        feedback=tuple(came.get(row["id"], ())),
    )


def _fields(row: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): row[name] for name in row if name.startswith(prefix)}
