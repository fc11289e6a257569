"""What goes between a worker and the process of a model, whole, whatever its size."""

from __future__ import annotations

import array
import gc
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from fairlead.errors import ModelError
from fairlead.runners.link import Link
from fairlead.runners.process import ModelProcess
from fairlead.runners.shared import SHARED_BYTES_MIN
from fairlead.runners.wire import HEADER, Message, Packed, encode
from fairlead.signature import Column

linux = pytest.mark.skipif(sys.platform != "linux", reason="segments are there on Linux alone")
LARGE = np.arange(SHARED_BYTES_MIN, dtype=np.float64)

Ends = tuple[Link, Link, socket.socket]


@pytest.fixture
def ends() -> Iterator[Ends]:
    ours, theirs = socket.socketpair()
    pair = Link(ours), Link(theirs)
    yield *pair, ours
    for link in pair:
        link.close()


def passed(ends: Ends, columns: dict[str, Column]) -> dict[str, Column]:
    ends[0].send(ends[0].encode(columns))
    return ends[1].columns(ends[1].receive())


COLUMNS = arrays.arrays(
    st.sampled_from(["f8", "f4", "i8", "u1", "bool", "M8[us]"]),
    arrays.array_shapes(min_dims=1, max_dims=4, max_side=6),
)


def enlarged(column: Column) -> Column:
    times = SHARED_BYTES_MIN // column.nbytes + 1
    return np.tile(column, (times, *[1] * (column.ndim - 1)))


@given(st.dictionaries(st.text(max_size=3), COLUMNS, max_size=4), st.integers(1, 3))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_columns_of_any_size_arrive_as_they_were_sent(
    ends: Ends, columns: dict[str, Column], times: int
) -> None:
    large = {f"{name}+": enlarged(column) for name, column in columns.items()}
    sent = columns | dict(list(large.items())[:times])
    received = passed(ends, sent)
    assert list(received) == list(sent)
    for name, column in sent.items():
        assert received[name].dtype == column.dtype
        np.testing.assert_array_equal(received[name], column)


@linux
def test_a_large_column_is_no_part_of_the_message_and_survives_the_next_one(ends: Ends) -> None:
    assert len(ends[0].encode({"x": LARGE})) < 200
    first = passed(ends, {"x": LARGE[::2]})["x"]
    passed(ends, {"x": LARGE * 0})
    np.testing.assert_array_equal(first, LARGE[::2])


@linux
def test_a_segment_that_may_change_its_size_is_refused(ends: Ends) -> None:
    descriptor = os.memfd_create("loose")
    os.ftruncate(descriptor, 1 << 20)
    raw = encode(Message())
    rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [descriptor]))
    ends[2].sendmsg([raw], [rights])
    with pytest.raises((ValueError, OSError)):
        ends[1].receive()
    os.close(descriptor)


@pytest.mark.parametrize(
    "packed",
    [
        Packed("<f8", (1 << 30,), at=0),
        Packed("<f8", (1,), at=1 << 40),
        Packed("<f8", (-1,), at=0),
        Packed("object", (1,), at=0),
        Packed("no such type", (1,), at=0),
    ],
)
def test_a_column_that_is_not_in_its_segment_is_refused(ends: Ends, packed: Packed) -> None:
    passed(ends, {"x": LARGE})
    with pytest.raises((ValueError, TypeError)):
        ends[1].columns(Message({"x": packed}))


def test_a_message_without_a_segment_names_none(ends: Ends) -> None:
    with pytest.raises(ValueError, match="no segment"):
        ends[1].columns(Message({"x": Packed("<f8", (1,), at=0)}))


def test_a_peer_that_hangs_up_in_a_message_is_told_from_one_that_sent_it(ends: Ends) -> None:
    ends[2].sendall(HEADER.pack(100) + b"some")
    ends[0].close()
    with pytest.raises(ConnectionError):
        ends[1].receive()


CRASHES = """
import os
class Model:
    def predict(self, batch):
        if batch["x"][0] < 0:
            os.kill(os.getpid(), 9)
        batch["x"][:] += 1  # it may do what it likes with what it is given
        return batch["x"]
"""


@linux
def test_a_crash_leaves_no_segment_behind(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(CRASHES)
    mapped = segments()
    process = ModelProcess("fairlead.runners.python_child", tmp_path, timeout_s=20.0)
    process.ask({"x": LARGE})
    before = descriptors()
    for _ in range(3):
        with pytest.raises(ModelError, match="died"):
            process.ask({"x": LARGE - 1})
        np.testing.assert_array_equal(process.ask({"x": LARGE})["prediction"], LARGE + 1)
    assert descriptors() == before
    process.close()
    assert segments() == mapped


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def segments() -> int:
    gc.collect()  # of other tests
    return Path("/proc/self/maps").read_text().count("memfd:columns")
