"""Rows of the log become tasks: those that wait for a person, and a sample of the others."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from math import isfinite, prod
from typing import TYPE_CHECKING, Any

import numpy as np

from fairlead.review.terms import Terms
from fairlead.review.types import Task

if TYPE_CHECKING:
    import polars as pl

NUMBERS_MAX = 1000
"""Of a tensor that is shown; of a larger one its shape is told."""


def is_audited(prediction: str, share: float) -> bool:
    """Whether a prediction is in the sample that people look at too.

    By its id alone, so that whoever asks says the same; as the share grows none leaves.

    Example:
        >>> id = "01890a5d-ac96-774b-bcce-b302099a8057"
        >>> is_audited(id, 0.0), is_audited(id, 1.0)
        (False, True)
    """
    digest = hashlib.blake2b(prediction.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") < share * 2**64


def asked(rows: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    """The rows of an endpoint that a person is asked about, by id.

    Those of a shadow beside arms that answer are nobody's; nor are rows audited that were sent to
    a version by name, or answered without the model.

    Args:
        rows: of the log, with their modes.
        terms: of their endpoint.
    """
    import polars as pl

    pending = pl.col("decided_by") == "pending"
    sample = [one for one in rows["id"] if is_audited(one, terms.audit)] if terms.audit else []
    answered = (pl.col("outcome") == "ok") & (pl.col("source") == "live")
    sampled = by_model() & answered & pl.col("id").is_in(sample)
    found = rows.filter(pending.fill_null(value=False) | sampled)
    return found.unique("id", keep="first").sort("id")


def with_modes(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with the mode that each was asked in, which need not be the one of now.

    Of rows from before the log said so it is one that showed nobody what the model says.

    Args:
        rows: of the log.

    Returns:
        Those of which the log says who decides.
    """
    import polars as pl

    none = pl.lit(None, pl.String)
    if "decided_by" not in rows.columns:  # written before there was such a thing
        rows = rows.clear().with_columns(none.alias("decided_by"))
    said = pl.col("mode") if "mode" in rows.columns else none
    waits = (pl.col("decided_by") == "pending").fill_null(value=False)
    silent = pl.when(waits).then(pl.lit("shadow")).otherwise(pl.lit("full"))
    return rows.with_columns(pl.coalesce(said, silent).alias("mode"))


def by_model() -> pl.Expr:
    """The rows of which callers were given what the model says, as the route assigned them."""
    import polars as pl

    all_its = (pl.col("mode") == "full") & pl.col("decided_by").is_null()
    given = (pl.col("decided_by") == "model") | all_its
    routed = (pl.col("assigned_by") == "hash") & (pl.col("role") != "shadow")
    return given.fill_null(value=False) & routed


def tasks_of(rows: pl.DataFrame, terms: Terms) -> list[Task]:
    """What people are asked of some rows.

    Args:
        rows: that `asked` has found.
        terms: of their endpoint.
    """
    import polars as pl

    timed = rows.with_columns(pl.col("time").dt.epoch("us").alias("time"))
    return [_task(row, terms) for row in timed.iter_rows(named=True)]


def _task(row: Mapping[str, Any], terms: Terms) -> Task:
    answered = row["outcome"] == "ok"
    outputs = _fields(row.items(), "out.") if answered else {}
    return Task(
        id=row["id"],
        endpoint=terms.endpoint,
        queue=terms.queue,
        version=row["version"],
        created_us=row["time"],
        inputs=_fields(row.items(), "in."),
        guess=outputs if any(value is not None for value in outputs.values()) else None,
        mode=row["mode"],
        reason="pending" if row["decided_by"] == "pending" else "audit",
    )


def _fields(items: Iterable[tuple[str, Any]], prefix: str) -> dict[str, Any]:
    return {k.removeprefix(prefix): _plain(v) for k, v in items if k.startswith(prefix)}


def _plain(value: Any) -> Any:
    """A value of the log as JSON has it."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, list | np.ndarray):
        shape = np.shape(value)
        if prod(shape) > NUMBERS_MAX:
            return f"numbers of shape {shape}"
        return np.asarray(value).tolist()
    return value
