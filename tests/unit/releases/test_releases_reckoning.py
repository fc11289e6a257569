"""Reckoning outcomes from sealed files: anew when the log has grown, however it is laid out."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from fairlead.errors import StorageError
from fairlead.predictionlog import PredictionFrame, encode_prediction
from fairlead.releases import RELEASES, PlanSettings, Release, plan_of
from fairlead.releases.outcomes.metrics import Seen
from fairlead.releases.witness import Witness
from fairlead.routing import SLOTS
from fairlead.signature import Batch, Field, Signature
from fairlead.store import Put
from support.log import DAY_US, START_US, Log, id_of, label, open_log
from support.routes import route, version

ANSWERS = Signature(
    inputs=(Field(name="x", kind="number"),),
    outputs=(Field(name="label", kind="category", categories=("a", "b")),),
    task="classification",
)
RELEASE = Release(
    id="r1", endpoint="churn", version=version(2), signature=ANSWERS, actor="cli",
    created_us=START_US, changed_us=START_US, state="holding", revision=2,
    plan=plan_of(PlanSettings(guard={"accuracy": "difference >= -0.1"})),
    before=replace(route("churn", 1, version(1)), signature=ANSWERS), shares={2: 5_000, 3: SLOTS},
)  # fmt: skip


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    with open_log(tmp_path) as log:
        log.store.commit(Put(RELEASES, RELEASES.key("churn", "r1"), RELEASE, None))
        yield log


def answered(first: int, rows: int, role: str, said: str = "a") -> bytes:
    """So many units that were answered the same."""
    return encode_prediction(
        PredictionFrame(
            endpoint="churn", revision=2, arm=role, version="m:2", role=role, assigned_by="hash",
            outcome="ok", source="live", model_us=10,
            time_us=np.arange(first, first + rows, dtype=np.int64) + START_US,
            ids=[id_of(n) for n in range(first, first + rows)], caller_ids=None,
            units=[f"u{n}" for n in range(first, first + rows)],
            slots=np.zeros(rows, np.int16), propensity=np.full(rows, 0.5),
            queue_us=np.zeros(rows, np.int32), inputs=Batch(rows, ("x",), np.zeros((rows, 1)), {}),
            outputs=Batch(rows, (), np.zeros((rows, 0)), {"label": np.full(rows, said, object)}),
        )
    )  # fmt: skip


def write(log: Log, *frames: bytes) -> None:
    writer = log.writer()
    for frame in frames:
        writer.append(frame)
    writer.close()
    log.sealer().tick(everything=True)


def look(log: Log, witness: Witness) -> Seen:
    log.clock.advance(60.0)
    witness.tick()
    return witness.evidence(RELEASE).outcomes.metrics.get("accuracy", Seen())


def right(seen: Seen) -> tuple[float, float]:
    """Of both arms, how many labels were met."""
    (step,) = seen.steps
    return step.control.means[0], step.candidate.means[0]


def test_labels_count_when_they_come_and_as_they_are_corrected(log: Log) -> None:
    witness = Witness(log.store, log.blobs, log.clock)
    write(log, answered(1, 20, "stable"), answered(21, 20, "candidate"))
    assert look(log, witness).steps == ()
    write(log, label(*((n, "a") for n in range(1, 41)), received=DAY_US))
    assert right(look(log, witness)) == (1.0, 1.0)
    write(log, label(*((n, "b") for n in range(21, 41)), received=5 * DAY_US))
    assert right(look(log, witness)) == (1.0, 0.0)
    assert look(log, witness).candidate.came == 20


def test_nothing_is_written_while_the_log_has_not_grown(log: Log) -> None:
    witness = Witness(log.store, log.blobs, log.clock)
    write(log, answered(1, 20, "stable"), label((1, "a")))
    look(log, witness)
    before = log.store.revision()
    look(log, witness)
    assert log.store.revision() == before


def test_compacted_files_say_the_same(log: Log) -> None:
    witness = Witness(log.store, log.blobs, log.clock)
    write(log, answered(1, 20, "stable"), label(*((n, "a") for n in range(1, 6))))
    write(log, answered(21, 20, "candidate"), label(*((n, "b") for n in range(21, 31))))
    before = look(log, witness)
    log.clock.advance(2 * DAY_US / 1e6)
    log.compactor().tick()
    assert look(log, witness) == before
    assert right(before) == (1.0, 0.0)


def test_what_takes_long_is_not_done_all_the_time(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    witness, clock = Witness(log.store, log.blobs, log.clock), log.clock
    reckoner = witness._reckoner
    read = reckoner._table

    def slowly(*what: Any) -> Any:
        clock.advance(30.0)
        return read(*what)

    monkeypatch.setattr(reckoner, "_table", slowly)
    write(log, answered(1, 20, "stable"), label((1, "a")))
    assert look(log, witness).control.came == 1
    write(log, label((2, "a")))
    assert look(log, witness).control.came == 1
    clock.advance(20 * 60.0)
    assert look(log, witness).control.came == 2


def test_a_file_that_cannot_be_read_is_told_and_tried_again(log: Log) -> None:
    witness = Witness(log.store, log.blobs, log.clock)
    write(log, answered(1, 20, "stable"), label((1, "a")))
    files = (log.folder.parent / "blobs").rglob("*")
    (blob,) = [file for file in files if file.is_file() and "feedback" in str(file)]
    raw = blob.read_bytes()
    blob.write_bytes(b"torn")
    with pytest.raises(StorageError):
        look(log, witness)
    blob.write_bytes(raw)
    assert look(log, witness).control.came == 1


def test_what_takes_long_is_reckoned_beside_and_holds_up_nobody(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()
    with ThreadPoolExecutor(1) as beside:
        witness = Witness(log.store, log.blobs, log.clock, beside)
        reckoner = witness._reckoner
        read = reckoner._table

        def slowly(*what: Any) -> Any:
            assert go_on.wait(30)
            return read(*what)

        monkeypatch.setattr(reckoner, "_table", slowly)
        write(log, answered(1, 20, "stable"), label((1, "a")))
        assert look(log, witness) == look(log, witness) == Seen()
        go_on.set()
        beside.submit(int).result(30)
        assert look(log, witness).control.came == 1
        log.clock.advance(3_600.0)  # it rests as long as it took
        monkeypatch.setattr(reckoner, "_table", lambda *_: 1 / 0)
        write(log, label((2, "a")))
        look(log, witness)
        beside.submit(int).result(30)
        with pytest.raises(StorageError):
            look(log, witness)
        monkeypatch.setattr(reckoner, "_table", read)
        look(log, witness)
        beside.submit(int).result(30)
        assert look(log, witness).control.came == 2
