"""A job's predictions as a part of the prediction log."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fairlead.predictionlog import Source
from fairlead.profiles import describe_media
from fairlead.signature import Batch

if TYPE_CHECKING:
    import polars as pl

SOURCE: Source = "batch"


def log_rows(
    facts: Mapping[str, Any],
    ids: pl.Series,
    callers: pl.Series | None,
    units: pl.Series | None,
    inputs: Batch,
    answers: Batch,
) -> bytes:
    """The records of rows that were answered, as a file of the log.

    Args:
        facts: what is the same for all: `time` in microseconds since 1970, `endpoint`, `version`.
        ids: the prediction ids.
        callers: the rows' own ids, if they have some.
        units: who each row is about, if that is known.
        inputs: what was asked.
        answers: what was answered.
    """
    import polars as pl

    from fairlead.predictionlog.tables import PREDICTION_SCHEMA, batch_series

    own = {"arm": SOURCE, "role": SOURCE, "assigned_by": SOURCE, "source": SOURCE,
           "outcome": "ok", "revision": 0, "slot": -1, "propensity": 1.0, "queue_us": 0,
           "model_us": 0, "step": ""}  # fmt: skip
    same = {**own, **facts}
    given = {"id": ids, "caller_id": callers, "unit": units}
    columns = [
        pl.lit(same.get(name)).cast(dtype).alias(name)
        for name, dtype in PREDICTION_SCHEMA.items()
        if given.get(name) is None
    ]
    texts = [each.cast(pl.String).alias(n) for n, each in given.items() if each is not None]
    rows = pl.DataFrame(texts).with_columns(columns).select(list(PREDICTION_SCHEMA))
    described = batch_series("in.", [inputs], _describe) + batch_series(
        "out.", [answers], _describe
    )
    out = io.BytesIO()
    rows.hstack(described).write_parquet(out, compression="lz4", statistics=False)
    return out.getvalue()


def _describe(values: Any) -> list[str]:
    return [describe_media(value) for value in values]
