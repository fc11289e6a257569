"""Batch jobs are watched as traffic is, as a stream of their own."""

from __future__ import annotations

from pathlib import Path

import msgspec
import polars as pl

from fairlead.app.batch import run_batch
from fairlead.app.feedback import send_feedback
from fairlead.batch import Job
from fairlead.monitoring.accounts import ACCOUNTS, STATEMENTS, STRAYS
from fairlead.monitoring.records import FINDINGS, WINDOWS, Stream
from fairlead.monitoring.traffic import TRAFFIC
from fairlead.predictionlog.compact import Compactor
from fairlead.predictionlog.segments import SEGMENTS
from fairlead.profiles import decode
from support.batch import answers, rows_of
from support.models import customers
from support.watched import HOUR_US, Watched, older

STREAM = Stream(endpoint="churn", version="churn:1", role="batch")


def score(watched: Watched, source: Path, output: Path) -> pl.DataFrame:
    job = Job(version="churn:1", inputs=(str(source),), output=str(output), workers=1,
              keep=("customer_id",))  # fmt: skip
    run_batch(watched.workspace, job, lambda _: None)
    return answers(output)


def test_a_job_is_a_window_of_its_own_and_its_labels_are_its_accuracy(tmp_path: Path) -> None:
    watched = Watched(tmp_path / ".fairlead")
    watched.pass_hours(2)
    space = watched.workspace
    traffic = space.store.get(TRAFFIC, TRAFFIC.key("churn"))
    rows_of(600).write_parquet(tmp_path / "in.parquet")
    found = score(watched, tmp_path / "in.parquet", tmp_path / "out")
    _, left = customers(600, 1)
    labels = found.select("prediction_id").with_columns(label=pl.Series(left))
    watched.clock.advance(2 * 3600.0)
    assert send_feedback(space, "churn", labels, id_column="prediction_id").matched == 600
    watched.look()
    watched.clock.advance(2 * 3600.0)
    for _ in range(3):
        watched.look()
    (window,) = [w.value for w in space.store.scan(WINDOWS, f"{STREAM.place}/")]
    assert window.profile.rows == 600
    assert window.end_us - window.start_us == HOUR_US
    (statement,) = [s.value for s in space.store.scan(STATEMENTS, f"{STREAM.place}/")]
    right = (found["label"] == pl.Series(left)).mean()
    assert statement.realised is not None
    assert statement.coverage.labelled == 600
    assert abs(statement.realised["accuracy"].value - float(str(right))) < 1e-9
    assert space.store.get(ACCOUNTS, ACCOUNTS.key(STREAM.place)) is not None
    strays = space.store.get(STRAYS, STRAYS.key("churn"))
    assert strays is not None
    assert strays.value.unknown == 0
    assert space.store.get(TRAFFIC, TRAFFIC.key("churn")) == traffic, "nobody asked the endpoint"


def test_rows_that_moved_are_found_and_told_of_while_the_job_is_young(tmp_path: Path) -> None:
    watched = Watched(tmp_path / ".fairlead")
    watched.pass_hours(1)
    frame = older(rows_of(3000).to_pandas())
    pl.from_pandas(frame).write_parquet(tmp_path / "in.parquet")
    score(watched, tmp_path / "in.parquet", tmp_path / "out")
    record = msgspec.json.decode((tmp_path / "out" / "_job.json").read_bytes())
    assert "age" in [moved["field"] for moved in record["drifted"]]
    profile = decode((tmp_path / "out" / "_profile.json.gz").read_bytes())
    assert profile.rows == 3000
    watched.clock.advance(2 * 3600.0)
    watched.look()
    assert "age" in drifted(watched)
    told = {signal.subject: signal.cause for signal in watched.monitor.signals()}
    assert told["age (batch)"] == "age"
    assert told["age"] == "age", "the traffic's own"
    watched.clock.advance(9 * 86_400.0)
    assert "age (batch)" not in {signal.subject for signal in watched.monitor.signals()}


def drifted(watched: Watched) -> set[str]:
    found = [f.value for f in watched.workspace.store.scan(FINDINGS, f"{STREAM.place}/")]
    return {n for one in found for n, field in one.comparison.fields.items() if field.drifted}


def test_files_of_jobs_are_not_merged_since_ids_are_looked_up_in_them(tmp_path: Path) -> None:
    watched = Watched(tmp_path / ".fairlead")
    watched.pass_hours(2)
    for name in ("a", "b"):
        rows_of(100, seed=ord(name)).write_parquet(tmp_path / f"{name}.parquet")
        score(watched, tmp_path / f"{name}.parquet", tmp_path / name)
    watched.look()
    space = watched.workspace
    before = [s for s in space.store.scan(SEGMENTS) if s.value.ids is not None]
    watched.clock.advance(86_400.0 * 2)
    Compactor(space.store, space.blobs, watched.clock).tick()
    after = [s for s in space.store.scan(SEGMENTS) if s.value.ids is not None]
    assert len(before) == 2
    assert after == before
