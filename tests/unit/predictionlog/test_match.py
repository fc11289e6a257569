"""A row of feedback finds its prediction, or is said to be about none or several."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from fairlead.errors import ConfigError
from fairlead.predictionlog.match import Matched, match

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def log(**columns: Any) -> pl.LazyFrame:
    """Predictions p0, p1, …, an hour apart from noon unless `time` says otherwise."""
    rows = len(next(iter(columns.values())))
    times = columns.pop("time", [NOON + timedelta(hours=n) for n in range(rows)])
    fixed = {
        "id": [f"p{n}" for n in range(rows)],
        "caller_id": columns.pop("caller_id", [None] * rows),
        "unit": columns.pop("unit", [None] * rows),
    }
    texts = {"caller_id": pl.String, "unit": pl.String}
    frame = pl.DataFrame({**fixed, **columns}, schema_overrides=texts)
    return frame.with_columns(pl.Series("time", times, pl.Datetime("us", "UTC"))).lazy()


def rows(**columns: list[Any]) -> pl.DataFrame:
    return pl.DataFrame(columns).with_row_index("place")


def pairs(found: Matched) -> dict[int, str]:
    return dict(zip(found.rows["place"], found.rows["prediction_id"], strict=True))


def test_by_prediction_id() -> None:
    given = rows(pid=["p1", "p0", "p9", None, "p1"], label=[1, 2, 3, 4, 5])
    found = match(log(x=[1.0, 2.0]), given, id_column="pid")
    assert pairs(found) == {0: "p1", 1: "p0", 4: "p1"}
    assert (found.unmatched, found.ambiguous, found.matched) == ((2, 3), (), 3)
    assert found.rows["label"].to_list() == [1, 2, 5]


def test_a_column_may_be_called_as_the_answer_is() -> None:
    given = rows(prediction_id=["p1", "p9"], label=[1, 2])
    found = match(log(x=[1.0, 2.0]), given, id_column="prediction_id")
    assert pairs(found) == {0: "p1"}
    given = rows(prediction_id=["stale", "stale"], order=["b", "a"])
    found = match(log(caller_id=["a", "b"]), given, caller_column="order")
    assert pairs(found) == {0: "p1", 1: "p0"}
    assert found.rows.columns == ["place", "order", "prediction_id"]


def test_by_the_callers_own_id() -> None:
    calls = log(caller_id=["ü-1", "twice", "twice", None, ""])
    given = rows(order=["ü-1", "twice", "none", None, ""])
    found = match(calls, given, caller_column="order")
    assert pairs(found) == {0: "p0", 4: "p4"}
    assert (found.unmatched, found.ambiguous) == ((2, 3), (1,))


def test_ids_are_compared_to_the_letter() -> None:
    found = match(log(caller_id=["v1", "v1.0", "07"]), rows(c=["v1.0", "v1", "7"]),
                  caller_column="c")  # fmt: skip
    assert pairs(found) == {0: "p1", 1: "p0"}
    assert found.unmatched == (2,)


@pytest.mark.parametrize("written", [[7, 8], [7.0, None], ["7", "eight"]])
def test_ids_that_a_file_holds_as_numbers_are_found(written: list[Any]) -> None:
    found = match(log(caller_id=["7", "9"]), rows(c=written), caller_column="c")
    assert (pairs(found), found.unmatched) == ({0: "p0"}, (1,))


@pytest.mark.parametrize(
    ("logged", "written"),
    [
        ([7.0, 0.1], [7, 1]),
        ([7.0, 0.1], ["7.0", "x"]),
        ([7.0, 0.1], ["7", None]),
        ([1.0, 0.0], [True, None]),
        ([True, False], [1.0, 2.0]),
        ([1e16, 2.0], [10**16, 3]),
        (["a", "b"], ["a", "c"]),
        ([None, 7], [7, None]),
    ],
)
def test_by_a_field_in_whatever_form_a_file_holds_it(logged: list[Any], written: list[Any]) -> None:
    found = match(log(**{"in.x": logged}), rows(x=written), keys=["x"])
    assert (list(pairs(found)), found.unmatched) == ([0], (1,))


def test_several_keys_and_the_unit_must_all_be_equal() -> None:
    calls = log(unit=["u", "u", "v"], **{"in.x": [1.0, 2.0, 1.0], "in.plan": ["a", "a", "ü"]})
    given = rows(unit=["u", "u", "v", "v"], x=[1, 2, 1, 2], plan=["a", "a", "ü", "a"])
    found = match(calls, given, keys=["unit", "x", "plan"])
    assert pairs(found) == {0: "p0", 1: "p1", 2: "p2"}
    assert found.unmatched == (3,)
    assert match(calls, given, keys=["unit"]).ambiguous == (0, 1)


def test_of_equal_keys_the_nearest_in_time_counts() -> None:
    calls = log(**{"in.x": [1.0, 1.0, 1.0, 2.0]})
    given = rows(
        x=[1, 1, 1, 1, 1, 2],
        at=[
            NOON + timedelta(minutes=29),
            NOON + timedelta(minutes=31),
            NOON + timedelta(minutes=30),  # equally near to two
            NOON - timedelta(hours=1),  # just near enough
            NOON - timedelta(hours=1, microseconds=1),
            None,
        ],
    )
    found = match(calls, given, keys=["x"], time_column="at")
    assert pairs(found) == {0: "p0", 1: "p1", 3: "p0"}
    assert (found.unmatched, found.ambiguous) == ((4, 5), (2,))
    wide = match(calls, given, keys=["x"], time_column="at", within_s=10**6)
    assert pairs(wide) == {0: "p0", 1: "p1", 3: "p0", 4: "p0"}


@pytest.mark.parametrize(
    "at",
    [
        NOON,
        NOON.replace(tzinfo=None),
        "2026-03-01T12:00:00Z",
        "2026-03-01T12:00:00+00:00",
        "2026-03-01T14:00:00+02:00",
        "2026-03-01T12:00:00.000000Z",
        "2026-03-01 12:00:00",
        "2026-03-01T12:00:00",
        "2026-03-01T12:00",
    ],
)
def test_times_may_be_written_in_every_usual_way(at: object) -> None:
    found = match(
        log(**{"in.x": [1.0]}), rows(x=[1], at=[at]), keys=["x"], time_column="at", within_s=1
    )
    assert pairs(found) == {0: "p0"}


def test_a_day_is_its_first_moment_and_nonsense_is_no_time() -> None:
    calls = log(**{"in.x": [1.0]}, time=[datetime(2026, 3, 1, tzinfo=UTC)])
    given = rows(x=[1, 1], at=[date(2026, 3, 1), date(2026, 3, 2)])
    found = match(calls, given, keys=["x"], time_column="at")
    assert (pairs(found), found.unmatched) == ({0: "p0"}, (1,))
    given = rows(x=[1, 1], at=["2026-03-01T00:00:00Z", "yesterday"])
    found = match(calls, given, keys=["x"], time_column="at")
    assert (pairs(found), found.unmatched) == ({0: "p0"}, (1,))


def test_each_row_is_counted_exactly_once() -> None:
    calls = log(caller_id=["a", "b", "b"])
    given = rows(c=["b", "a", "z", None, "a", "b"])
    found = match(calls, given, caller_column="c")
    places = sorted([*found.rows["place"], *found.unmatched, *found.ambiguous])
    assert places == list(range(6))


def test_no_rows_and_no_predictions_are_no_error() -> None:
    nothing = rows(c=["a"]).clear()
    assert match(log(caller_id=["a"]), nothing, caller_column="c").matched == 0
    found = match(log(caller_id=[]), rows(c=["a"]), caller_column="c")
    assert (found.matched, found.unmatched) == (0, (0,))


def test_what_cannot_be_matched_is_refused() -> None:
    given = rows(x=[1], at=[5], z=[1])
    with pytest.raises(ConfigError, match="Nothing tells"):
        match(log(x=[1.0]), given)
    with pytest.raises(ConfigError, match="z is no field"):
        match(log(**{"in.x": [1.0]}), given, keys=["x", "z"])
    with pytest.raises(ConfigError, match="'at' holds no times"):
        match(log(**{"in.x": [1.0]}), given, keys=["x"], time_column="at")
    with pytest.raises(ConfigError, match="no column 'order'"):
        match(log(x=[1.0]), given, caller_column="order")
    with pytest.raises(ConfigError, match="no column 'when'"):
        match(log(**{"in.x": [1.0]}), given, keys=["x"], time_column="when")
