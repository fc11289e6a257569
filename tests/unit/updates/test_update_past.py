"""All labelled rows of a log, with when their labels came."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fairlead.updates.gather import gather_past
from fairlead.updates.types import DataSpec
from support.log import START_US, Log, label, open_log
from support.review import SIGNATURE, rows


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    with open_log(tmp_path) as log:
        yield log


def test_a_row_is_known_from_when_its_last_label_came(log: Log) -> None:
    log.writer().append(rows(1, 4, decided_by=None))
    feedback = log.writer("f")
    feedback.append(label((1, "left"), (2, "left"), received=500))
    feedback.append(label((2, "stayed"), received=900))
    feedback.append(label((3, "left"), received=2_000_000))  # after the time that is asked for
    found = gather_past(
        log.store, log.blobs, log.folder, DataSpec(log="churn", window_us=1), SIGNATURE,
        as_of_us=START_US + 1_000_000, received="labelled",
    )  # fmt: skip
    assert found.columns == ["x", "label", "time", "labelled"]
    assert found["label"].to_list() == ["left", "stayed"]
    came = found["labelled"].dt.epoch("us").to_list()
    assert came == [START_US + 500, START_US + 900]
