"""Pictures and sounds are looked at before they are sealed; nothing keeps the log from it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fairlead.app.looker import MODULE, PART, Looker
from fairlead.clock import ManualClock
from fairlead.errors import DeadlineError, ModelError
from fairlead.monitoring.collector import Collector
from fairlead.monitoring.records import WINDOWS
from fairlead.predictionlog import PredictionFrame, encode_prediction
from fairlead.predictionlog.sealer import Sealer
from fairlead.profiles import Named, Numeric, make_reference
from fairlead.runners.process import ModelProcess
from fairlead.signature import Batch, Column, Field, Signature
from support.log import START_US, id_of, open_log
from support.media import picture, sound

HOUR_US = 3_600_000_000
SIGNATURE = Signature(
    inputs=(Field(name="photo", kind="image"), Field(name="call", kind="audio")), outputs=()
)


def media(rows: int, light: int) -> Batch:
    random = np.random.default_rng(3)
    columns = {name: np.empty(rows, object) for name in ("photo", "call")}
    for row in range(rows):
        pixels = random.integers(0, light, (24, 32 + row), dtype=np.uint8)
        columns["photo"][row] = picture(pixels)
        columns["call"][row] = sound(random.uniform(-0.5, 0.5, 800))
    return Batch(rows, (), np.empty((rows, 0)), columns)


def frame(batch: Batch) -> bytes:
    rows = batch.rows
    return encode_prediction(
        PredictionFrame(
            endpoint="churn", revision=1, arm="stable", version="churn:1", role="stable",
            assigned_by="hash", outcome="ok", source="live", model_us=10,
            time_us=np.arange(rows, dtype=np.int64) + START_US, ids=[id_of(n) for n in range(rows)],
            caller_ids=None, units=None, slots=np.zeros(rows, np.int16), propensity=np.ones(rows),
            queue_us=np.zeros(rows, np.int32), inputs=batch,
            outputs=Batch(rows, (), np.zeros((rows, 0)), {}),
        )
    )  # fmt: skip


class Faulty:
    """A process that answers as long as it is told, each part in a while, and then fails."""

    def __init__(self, clock: ManualClock, *failures: Exception | None, takes_s: float) -> None:
        self._clock = clock
        self._failures = list(failures)
        self._takes_s = takes_s
        self.asked = 0

    def ask(self, columns: Mapping[str, Column]) -> dict[str, Column]:
        self.asked += 1
        self._clock.advance(self._takes_s)
        failure = self._failures.pop(0) if self._failures else None
        if failure is not None:
            raise failure
        return {"told": np.array(["width=1"] * len(columns["data"]), dtype=object)}

    def close(self) -> None:
        pass


@pytest.fixture
def looker() -> Iterator[Looker]:
    # With time enough, also where others take all of the machine.
    looker = Looker(ManualClock(), lambda: ModelProcess(MODULE, Path(), timeout_s=60.0))
    yield looker
    looker.close()


def parts_of(window: Any, name: str) -> Mapping[str, Any]:
    field = window.profile.inputs[name]
    assert isinstance(field, Named)
    return field.parts


def test_how_pictures_look_and_sounds_sound_reaches_the_windows(
    tmp_path: Path, looker: Looker
) -> None:
    reference = make_reference(SIGNATURE, media(40, light=60))
    with open_log(tmp_path) as log:
        writer = log.writer()
        writer.append(frame(media(20, light=255)))
        writer.close()
        Sealer(log.store, log.blobs, log.folder, log.clock, describe=looker.describe).tick()
        references = {"churn:1": reference}
        Collector(log.store, log.blobs, references.get, HOUR_US, log.clock).tick()
        (stored,) = log.store.scan(WINDOWS)
    photo, call = parts_of(stored.value, "photo"), parts_of(stored.value, "call")
    light, loudness = photo["brightness"], call["loudness_dbfs"]
    assert isinstance(light, Numeric)
    assert light.count == loudness.count == photo["mode"].counts[0] == 20
    assert light.mean == pytest.approx(0.5, abs=0.03)
    dark = reference.inputs["photo"]
    assert isinstance(dark, Named)
    assert isinstance(dark.parts["brightness"], Numeric)
    assert dark.parts["brightness"].mean < 0.15
    assert (photo["height"].low, photo["width"].low, photo["width"].high) == (24, 32, 51)
    assert (call["sample_rate_hz"].low, call["duration_s"].high) == (8000, 0.1)


def test_a_process_that_dies_costs_the_measures_of_a_part(looker: Looker) -> None:
    one = picture(np.zeros((8, 8), np.uint8))
    assert looker.describe([one])[0].startswith("mode=L width=8 height=8 brightness=0")
    process: Any = looker._process
    os.kill(process.pid, signal.SIGKILL)
    assert looker.describe([one]) == [""]
    assert looker.describe([one])[0].startswith("mode=L")


def test_what_cannot_be_read_is_said_to_be_so(looker: Looker) -> None:
    whole = picture(np.zeros((64, 64), np.uint8))
    huge = bytearray(whole)
    huge[16:24] = (60_000).to_bytes(4, "big") * 2  # width and height of its header
    said = looker.describe([whole[:40], bytes(huge), b"RIFF\0\0\0\0WAVEjunk", b"hello"])
    assert said == ["unreadable", "unreadable", "unreadable", ""]


@pytest.mark.parametrize("failure", [DeadlineError("It took long."), ModelError("It died.")])
def test_a_part_that_takes_too_long_is_left_out(failure: Exception) -> None:
    clock = ManualClock(START_US)
    faulty = Faulty(clock, None, failure, takes_s=0.1)
    told = Looker(clock, lambda: faulty).describe([b"x"] * PART * 3)
    assert told == [*["width=1"] * PART, *[""] * PART, *["width=1"] * PART]


def test_of_more_than_there_is_time_for_some_are_left_out_and_later_ones_are_not() -> None:
    clock = ManualClock(START_US)
    faulty = Faulty(clock, takes_s=1.0)
    looker = Looker(clock, lambda: faulty)
    told = looker.describe([b"x"] * PART * 10)
    assert [bool(text) for text in told] == [True] * PART * 4 + [False] * PART * 6
    assert looker.describe([b"x"]) == [""], "it takes a fifth of the time at most"
    clock.advance(5)
    assert looker.describe([b"x"]) == ["width=1"]
    assert faulty.asked == 5


@pytest.mark.parametrize("failure", [ModelError("It cannot be used."), OSError("No memory.")])
def test_a_process_that_cannot_be_started_keeps_no_log_from_being_sealed(
    tmp_path: Path, failure: Exception
) -> None:
    def refuse() -> Faulty:
        raise failure

    with open_log(tmp_path) as log:
        writer = log.writer()
        writer.append(frame(media(3, light=255)))
        writer.close()
        looker = Looker(log.clock, refuse)
        Sealer(log.store, log.blobs, log.folder, log.clock, describe=looker.describe).tick()
        assert [row["in.photo"].endswith(" bytes") for row in log.rows()] == [True] * 3
        looker.close()
