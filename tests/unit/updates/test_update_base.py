"""A file of rows that always belong to what is learnt."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from fairlead.errors import ConfigError
from fairlead.updates import leave
from fairlead.updates.gather import Gathered, gather
from fairlead.updates.types import DataSpec
from support.log import START_US, Log, label, open_log
from support.review import SIGNATURE, rows


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    with open_log(tmp_path) as log:
        log.writer().append(rows(1, 10, decided_by=None))
        log.writer("f").append(label(*((n, "left") for n in range(1, 11))))
        yield log


def gathered(log: Log, frame: pl.DataFrame, ending: str = "parquet", **spec: Any) -> Gathered:
    path = log.folder.parent / f"base.{ending}"
    frame.write_csv(path) if ending == "csv" else frame.write_parquet(path)
    return gather(
        log.store, log.blobs, log.folder, DataSpec(log="churn", plus=str(path), **spec), SIGNATURE,
        as_of_us=START_US + 1000, newer_than_us=0, holdout=0.2,
    )  # fmt: skip


def at(offset_us: int) -> datetime:
    return datetime.fromtimestamp((START_US + offset_us) / 1e6, UTC)


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_its_rows_come_first_and_are_never_held_out(log: Log, ending: str) -> None:
    file = pl.DataFrame({"label": ["left", "stayed"], "more": [1, 2], "x": [70.5, 80.0]})
    found = gathered(log, file, ending)
    assert found.train["x"].to_list() == [70.5, 80.0, *(float(n) for n in range(1, 9))]
    assert found.train["label"].to_list()[:3] == ["left", "stayed", "left"]
    assert found.train["time"].null_count() == 2
    assert found.holdout["x"].to_list() == [9.0, 10.0]
    learnt = found.learnt
    assert (learnt.plus_rows, learnt.train.rows) == (2, 8)
    content = (log.folder.parent / f"base.{ending}").read_bytes()
    assert learnt.plus_digest == hashlib.sha256(content).hexdigest()


def test_without_rows_in_the_log_the_file_is_learnt_from(log: Log) -> None:
    file = pl.DataFrame({"x": [70.5], "label": ["left"]})
    found = gathered(log, file, window_us=1)
    assert (found.train["x"].to_list(), found.holdout.height) == ([70.5], 0)


def test_rows_with_a_time_are_older_than_the_holdout(log: Log) -> None:
    file = pl.DataFrame({"x": [70.5, 80.0], "label": ["left", "left"], "time": [at(9), at(1001)]})
    found = gathered(log, file)
    assert found.holdout["x"].to_list() == [10.0]
    assert found.learnt.dropped == {leave.FILE_LATE: 1}
    assert found.train["time"].to_list()[0] == at(9)


def test_rows_without_a_label_are_counted(log: Log) -> None:
    file = pl.DataFrame({"x": [70.5, 80.0], "label": ["left", None]})
    found = gathered(log, file)
    assert (found.learnt.plus_rows, found.learnt.dropped) == (1, {leave.FILE_UNLABELLED: 1})
    assert gathered(log, file, labels="optional").learnt.plus_rows == 2


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ({"y": [1.0], "label": ["left"]}, "has no column 'x', a field of the model"),
        ({"x": [1.0], "lable": ["left"]}, "column 'label', labels. Did you mean 'lable'?"),
        ({"x": ["1", "ancient"], "label": ["left", "left"]}, "Row 0, column 'x' of the file"),
        ({"x": [1.0, None], "label": ["left", "left"]}, "Row 1, column 'x' of the file"),
        ({"x": [1.0], "label": ["left"], "time": ["now"]}, "Column 'time' of the file"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_by_name_and_place(
    log: Log, frame: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        gathered(log, pl.DataFrame(frame))
    assert message in str(refused.value)
    assert "ancient" not in str(refused.value)


def test_a_file_that_is_not_there_is_named(log: Log) -> None:
    with pytest.raises(ConfigError, match=r"There is no file .*none\.csv"):
        gather(
            log.store, log.blobs, log.folder, DataSpec(log="churn", plus="none.csv"), SIGNATURE,
            as_of_us=START_US, newer_than_us=0, holdout=0.2,
        )  # fmt: skip
