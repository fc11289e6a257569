"""Batch jobs in this process, and what they leave."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from fairlead.app.batch import run_batch
from fairlead.app.workspace import Workspace
from fairlead.batch import Job, JobRecord, Progress
from support.models import customers


def rows_of(rows: int, seed: int = 1) -> pl.DataFrame:
    """Customers with ids, as they lie in files; some have no plan."""
    frame, _ = customers(rows, seed)
    return pl.DataFrame(
        {
            "customer_id": np.arange(rows) + 1000 * seed,
            "age": frame["age"].to_numpy(),
            "visits": frame["visits"].to_numpy(),
            "plan": [None if plan != plan else plan for plan in frame["plan"]],
        }
    )


def run(home: Path, source: Path | str, output: Path, **asked: Any) -> JobRecord:
    """Run a job of `churn:1` in this very process."""
    told: list[Progress] = []
    asked = {"version": "churn:1", "workers": 1, **asked}
    inputs = asked.pop("inputs", (str(source),))
    space = Workspace(home)
    try:
        return run_batch(space, Job(inputs=inputs, output=str(output), **asked), told.append)
    finally:
        space.close()


def answers(output: Path) -> pl.DataFrame:
    """All rows of an output, in the order of its parts."""
    if output.is_file():
        return pl.read_csv(output) if output.suffix == ".csv" else pl.read_ndjson(output)
    return pl.concat([pl.read_parquet(path) for path in sorted(output.rglob("*.parquet"))])


def digests(output: Path) -> dict[str, str]:
    """The digest of each file of an output but for those that tell of the job itself."""
    return {
        path.relative_to(output).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(output.rglob("*"))
        if path.is_file() and path.name not in ("_job.json", "_profile.json.gz")
    }


def logged(home: Path, endpoint: str = "churn") -> pl.DataFrame:
    """What the prediction log has of an endpoint."""
    space = Workspace(home)
    try:
        return space.read(endpoint).collect()
    finally:
        space.close()
