"""The shell that gathers what an update learns from: labelled rows of the log, as of a time.

What is large is held once: it is first decided which rows count, from a few facts of each; then
their inputs are read, and put in order column by column; and the rows to learn from and those to
judge by are two views of one frame. With 20 fields a million rows take 0.6 GB at the most, of which
the frame is 0.2.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from msgspec.structs import replace

from fairlead.predictionlog.read import feedback, predictions, read
from fairlead.signature import Signature
from fairlead.store import Blobs, Store
from fairlead.updates import leave
from fairlead.updates.base import TIME, empty, read_base
from fairlead.updates.columns import check_kept, check_names, label_dtype, label_of
from fairlead.updates.fit import INPUT, fitting, narrowed
from fairlead.updates.lineage import range_of
from fairlead.updates.split import split
from fairlead.updates.types import DataSpec, Learnt

KEY = ("id", "time", "version")
FACTS = (*KEY, "role", "source", "outcome", "caller_id", "unit")


@dataclass(frozen=True, slots=True)
class Gathered:
    """What an update learns from, and what it is judged on.

    Args:
        train: the inputs in the signature's order, then the columns of the label and the time:
            rows of the file first, whose time may be null, then those of the log, by time.
        holdout: the same columns, of labelled rows that are newer than all of these.
        learnt: exactly which rows these are.
        units: whose each row of the holdout is; None where the log names no unit.
    """

    train: pl.DataFrame
    holdout: pl.DataFrame
    learnt: Learnt
    units: pl.Series | None = None


def gather(
    store: Store,
    blobs: Blobs,
    folder: Path,
    spec: DataSpec,
    signature: Signature,
    *,
    as_of_us: int,
    newer_than_us: int,
    holdout: float,
    slices: Sequence[str] = (),
) -> Gathered:
    """Gather the rows that an update learns from.

    Asked again later it gives the same, whatever came in meanwhile, as long as the log keeps the
    rows; see `predictionlog.read.read` for how long ago `as_of_us` should be. Few rows or none
    are no error: whoever asked counts them.

    Args:
        store: of the records.
        blobs: of the sealed files.
        folder: of this machine's journals.
        spec: what the update learns from.
        signature: of the version that answers.
        as_of_us: nothing that came in later counts, microseconds since 1970.
        newer_than_us: up to when the champion was trained: the holdout is newer than that, too.
        holdout: share of the labelled rows of the log, the latest, that is held out.
        slices: fields by which the holdout is looked at.

    Raises:
        ConfigError: the log does not keep a field, the file cannot be used, or a column has a
            name that it cannot have.
    """
    check_names(signature, spec.label, spec.time, slices)
    base = read_base(spec, signature, as_of_us) if spec.plus else empty(signature)
    dropped = Counter(base.dropped)
    ledger = _decide(
        read(store, blobs, folder, spec.log, as_of_us=as_of_us), spec, signature, as_of_us, dropped
    )
    rows = predictions(store, blobs, folder, spec.log, as_of_us=as_of_us)
    log = _collect(rows, ledger, spec, signature, dropped)
    until_us = max(newer_than_us, _latest_us(base.rows))
    trained, judged = _halves(log, until_us, holdout, dropped)
    learnt = Learnt(
        log=spec.log,
        as_of_us=as_of_us,
        train=range_of(trained),
        holdout=range_of(judged),
        plus_rows=base.rows.height,
        plus_digest=base.digest,
        dropped=dict(sorted(dropped.items())),
    )
    named = [_named(part, spec, signature) for part in (base.rows, trained, judged)]
    train = pl.concat(named[:2], rechunk=False) if base.rows.height else named[1]
    return Gathered(train, named[2], learnt, _units(judged))


def gather_past(
    store: Store,
    blobs: Blobs,
    folder: Path,
    spec: DataSpec,
    signature: Signature,
    *,
    as_of_us: int,
    received: str,
) -> pl.DataFrame:
    """All labelled rows of a log that could be learnt from, with when their labels came.

    Neither the file (see `gather_base`) nor the window of `spec` counts: all that the log tells
    is given.

    Args:
        store: of the records.
        blobs: of the sealed files.
        folder: of this machine's journals.
        spec: whose log it is, and what its columns are called.
        signature: of the version that answers.
        as_of_us: nothing that came in later counts, microseconds since 1970.
        received: what the column is to be called that says when a row's label was received: that
            which counts, where one was corrected.

    Returns:
        The columns of `Gathered.train`, and that one, by time.

    Raises:
        ConfigError: the log does not keep a field, or a column has a name that it cannot have.
    """
    check_names(signature, spec.label, spec.time, ())
    every = replace(spec, labels="required", window_us=0)
    dropped: Counter[str] = Counter()
    log = read(store, blobs, folder, spec.log, as_of_us=as_of_us)
    ledger = _decide(log, every, signature, as_of_us, dropped)
    rows = predictions(store, blobs, folder, spec.log, as_of_us=as_of_us)
    past = _collect(rows, ledger, every, signature, dropped)
    labels = feedback(store, blobs, folder, spec.log).filter(
        (pl.col("name") == "label") & (pl.col("received") <= pl.lit(as_of_us).cast(TIME))
    )
    came = labels.group_by("prediction_id").agg(pl.col("received").max()).collect()
    known = past.join(
        came, left_on="id", right_on="prediction_id", how="left", maintain_order="left"
    )
    return _named(past, spec, signature).with_columns(known["received"].alias(received))


def gather_base(spec: DataSpec, signature: Signature, *, as_of_us: int) -> pl.DataFrame:
    """The labelled rows of the file that always belong to what is learnt; none without one.

    Args:
        spec: which names it, and its columns.
        signature: of the version that answers.
        as_of_us: rows of a later time are left out, microseconds since 1970.

    Returns:
        The columns of `Gathered.train`.

    Raises:
        ConfigError: the file cannot be used.
    """
    labelled = replace(spec, labels="required")
    base = read_base(labelled, signature, as_of_us) if spec.plus else empty(signature)
    return _named(base.rows, spec, signature)


def _decide(
    log: pl.LazyFrame, spec: DataSpec, signature: Signature, as_of_us: int, dropped: Counter[str]
) -> pl.DataFrame:
    """The rows that count, by time: `KEY`, `unit` and `label`; why the others do not is counted."""
    text, number = pl.col("label"), pl.col("label_number")
    typed = label_of(signature, text, number).cast(label_dtype(signature))
    rows = log.select(*FACTS, text.alias("label_text"), typed.alias("label"))
    if spec.window_us:
        rows = rows.filter(pl.col("time") > pl.lit(as_of_us - spec.window_us).cast(TIME))
    judged = rows.with_columns(leave.reason(spec.labels).alias("reason"))
    counts = dict(judged.group_by("reason").len().collect(engine="streaming").iter_rows())
    kept = counts.pop(None, 0)
    dropped.update(counts)
    once = leave.without_doubles(judged.filter(pl.col("reason").is_null()), spec.labels)
    ledger = once.select(*KEY, "unit", "label").collect(engine="streaming")
    _count(dropped, leave.AGAIN, kept - ledger.height)
    return ledger


def _collect(
    rows: pl.LazyFrame,
    ledger: pl.DataFrame,
    spec: DataSpec,
    signature: Signature,
    dropped: Counter[str],
) -> pl.DataFrame:
    """The rows of a ledger that fit, by time: `in.<field>`, `label`, `id`, `time`, `unit`."""
    names = rows.collect_schema().names()
    if ledger.height:
        check_kept(spec.log, signature, names)
    inputs = [name for field in signature.inputs if (name := f"{INPUT}{field.name}") in names]
    places = ledger.lazy().select(KEY).with_row_index("place")
    wanted = rows.select(*KEY, *inputs).join(places, on=KEY, how="inner")
    found = wanted.select(*inputs, "place").collect(engine="streaming")
    order = found["place"].arg_sort().to_numpy()
    order = order[found["place"].gather(order).is_first_distinct().to_numpy()]  # of one id one
    fit = fitting(found, signature).mask[order]
    _count(dropped, leave.UNFIT, int((~fit).sum()))
    columns = {name: found[name] for name in inputs}
    del found
    narrow = narrowed(columns, order[fit], signature)
    return narrow.hstack(ledger.filter(pl.Series(fit)).select("label", "id", "time", "unit"))


def _halves(
    log: pl.DataFrame, until_us: int, holdout: float, dropped: Counter[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    times = log["time"].dt.epoch("us")
    labelled = times.filter(log["label"].is_not_null()).to_numpy()
    last_us = split(labelled, holdout, until_us)
    place = int(times.search_sorted(last_us, side="right"))
    later = log[place:]
    judged = later.filter(pl.col("label").is_not_null())
    _count(dropped, leave.LATE, later.height - judged.height)
    return log[:place], judged


def _named(rows: pl.DataFrame, spec: DataSpec, signature: Signature) -> pl.DataFrame:
    """The columns as a training function gets them."""
    inputs = [pl.col(f"{INPUT}{field.name}").alias(field.name) for field in signature.inputs]
    return rows.select(*inputs, pl.col("label").alias(spec.label), pl.col("time").alias(spec.time))


def _units(judged: pl.DataFrame) -> pl.Series | None:
    """Whose rows are; one that is nobody's is a unit by itself."""
    named = judged["unit"]
    if named.null_count() == judged.height:
        return None
    return judged.select(pl.col("unit").fill_null(pl.col("id")))["unit"]


def _latest_us(rows: pl.DataFrame) -> int:
    latest = rows["time"].dt.epoch("us").max()
    return latest if isinstance(latest, int) else 0


def _count(dropped: Counter[str], why: str, rows: int) -> None:
    if rows:
        dropped[why] += rows
