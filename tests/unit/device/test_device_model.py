"""A version in this process: what it answers, refuses, keeps, and does when the clock jumps."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

from fairlead.clock import ManualClock
from fairlead.device import DeviceModel, load
from fairlead.device.look import kept_rows, kept_windows, stand
from fairlead.errors import BundleError, ConfigError, ConflictError, InputError
from fairlead.signature import RowDecoder
from fairlead.signature.envelope import Envelope
from support.device import SIGNATURE

DAY_US = 86_400_000_000
YEAR_US = 365 * DAY_US
Load = Callable[..., DeviceModel]


@pytest.fixture
def loaded(package: Path, tmp_path: Path) -> Load:
    """Loads the package with a state of the test's own."""

    def loaded(clock: ManualClock | None = None) -> DeviceModel:
        return load(package, state=tmp_path / "state", clock=clock)

    return loaded


def test_rows_are_answered_and_kept(loaded: Load, tmp_path: Path) -> None:
    with loaded() as model:
        answers = model.predict([{"age": 21, "plan": "pro"}, {"age": 4.5}], unit="u-1")
        assert [answer["prediction"] for answer in answers] == [42.0, 9.0]
        body = msgspec.json.decode(model.answer(b'{"columns": {"age": [1, 2]}, "id": ["a", null]}'))
        assert [answer["prediction"] for answer in body["predictions"]] == [2, 4]
    rows = list(kept_rows(tmp_path / "state", SIGNATURE))
    assert [row["id"] for row in rows] == [a["id"] for a in (*answers, *body["predictions"])]
    assert [row["number"] for row in rows] == [1, 2, 3, 4]
    assert [row["unit"] for row in rows] == ["u-1", "u-1", None, None]
    assert [row["caller_id"] for row in rows] == [None, None, "a", None]
    assert rows[0]["inputs"] == {"age": 21, "plan": "pro"}
    assert rows[0]["outputs"] == {"prediction": 42}
    assert {row["version"] for row in rows} == {answers[0]["version"]} == {"ages:3"}


@pytest.mark.parametrize(
    "body",
    [
        b'{"rows": [{"age": "old"}]}',
        b'{"rows": [{"aeg": 1}]}',
        b'{"rows": []}',
        b'{"row": [{"age": 1}]}',
        b'{"columns": {"age": [1, 2], "plan": ["pro"]}}',
        b'{"rows": [{"age": 1, "plan": "gold"}]}',
        b"nonsense",
        b'{"rows": [' + b",".join([b'{"age": 1}'] * 10_001) + b"]}",
    ],
)
def test_what_is_refused_is_so_in_an_endpoints_words(loaded: Load, body: bytes) -> None:
    endpoint = Envelope(RowDecoder(SIGNATURE), rows_max=10_000)
    with pytest.raises(InputError) as wanted:
        endpoint.decode(body)
    with loaded() as model, pytest.raises(InputError) as caught:
        model.answer(body)
    assert str(caught.value) == str(wanted.value)
    assert caught.value.problems == wanted.value.problems


def test_an_arm_is_refused(loaded: Load) -> None:
    with loaded() as model, pytest.raises(InputError, match="no arms"):
        model.answer(b'{"rows": [{"age": 1}], "arm": "stable"}')


def test_arrays_are_answered_as_rows_are(loaded: Load) -> None:
    with loaded() as model:
        table = np.array([[21.0, None], [2.0, "pro"]], dtype=object)
        assert [answer["prediction"] for answer in model.predict(table)] == [42.0, 4.0]


def test_a_clock_that_jumps_loses_and_reorders_nothing(loaded: Load, tmp_path: Path) -> None:
    clock = ManualClock()
    start_us = clock.now_us()
    jumps = (0, YEAR_US, -start_us + DAY_US, 3 * DAY_US)
    ids = []
    for jump_us in jumps:
        clock.set(start_us + jump_us)
        with loaded(clock) as model:
            ids += [model.predict([{"age": 1}])[0]["id"] for _ in range(2)]
            clock.set(start_us - jump_us // 2)
            ids += [model.predict([{"age": 1}])[0]["id"]]
    rows = list(kept_rows(tmp_path / "state", SIGNATURE))
    assert ids == sorted(set(ids))
    assert [row["id"] for row in rows] == ids
    assert [row["number"] for row in rows] == list(range(1, len(ids) + 1))
    assert [row["time_us"] - start_us for row in rows[:3]] == [0, 0, 0]
    assert rows[3]["time_us"] - start_us == YEAR_US  # what the clock said, whatever that was
    assert sum(window.rows for window in kept_windows(tmp_path / "state")) == len(ids)


def test_a_second_one_is_refused_and_the_first_goes_on(loaded: Load, tmp_path: Path) -> None:
    with loaded() as first:
        with pytest.raises(ConflictError, match="Another process"):
            loaded()
        first.predict([{"age": 1}])
    assert stand(tmp_path / "state").rows == 1


def test_answers_go_on_where_nothing_can_be_kept(
    package: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    clock, in_the_way = ManualClock(), tmp_path / "state"
    in_the_way.write_text("a file")
    with load(package, state=in_the_way, clock=clock) as model:
        ids = [model.predict([{"age": 21}])[0]["id"] for _ in range(3)]
        assert model.keeper.unlogged == 3
        assert capfd.readouterr().err.count("not kept") == 1
        in_the_way.unlink()
        clock.advance(60.0)
        ids.append(model.predict([{"age": 21}])[0]["id"])
        assert not model.keeper.problem
    assert ids == sorted(set(ids))
    assert stand(in_the_way).unlogged == 3
    assert [row["id"] for row in kept_rows(in_the_way, SIGNATURE)] == ids[3:]


def test_a_process_that_was_forked_leaves_the_rows_to_the_first(
    loaded: Load, tmp_path: Path
) -> None:
    with loaded() as model:
        model.predict([{"age": 1}])
        keeper = model.keeper
        keeper._process = os.getpid() + 1  # as it looks in the child
        assert model.predict([{"age": 2}])[0]["prediction"] == 4
        assert keeper.unlogged == 1
    assert stand(tmp_path / "state").rows == 1


def test_nothing_is_kept_if_so_asked(package: Path, tmp_path: Path) -> None:
    with load(package, state=tmp_path / "state", keep=False) as model:
        assert model.predict([{"age": 21}])[0]["prediction"] == 42
    assert not (tmp_path / "state").exists()


def test_what_is_no_package_is_said_to_be_none(package: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not imported from a package"):
        load()
    with pytest.raises(ConfigError, match="1 MB or more"):
        load(package, limit_mb=0)
    with pytest.raises(BundleError, match="no file"):
        load(tmp_path / "churn.pyz")
    (tmp_path / "churn.pyz").write_bytes(package.read_bytes()[:5000])
    with pytest.raises(BundleError, match="damaged"):
        load(tmp_path / "churn.pyz")
