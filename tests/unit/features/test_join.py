"""No row is ever given what was known only later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.errors import ConfigError, InputError
from fairlead.features import FeatureSpec, join
from fairlead.features.source import read_history

START = datetime(2026, 1, 1)  # noqa: DTZ001 (files name no zone)
SPEC = FeatureSpec(name="customer", source="", key="id", time="since")


def at(microseconds: int) -> datetime:
    return START + timedelta(microseconds=microseconds)


def history(folder: Path, rows: list[dict[str, Any]], spec: FeatureSpec = SPEC) -> pl.LazyFrame:
    file = folder / "features.parquet"
    schema = pl.Schema({"id": pl.Int64(), "since": pl.Datetime("us"), "plan": pl.String()})
    pl.DataFrame(rows, schema=schema).write_parquet(file)
    return read_history(FeatureSpec(name=spec.name, source=str(file), key="id", time="since"))


def asked(*rows: tuple[int | None, int]) -> pl.DataFrame:
    return pl.DataFrame(
        {"id": [key for key, _ in rows], "at": [at(time) for _, time in rows]},
        schema={"id": pl.Int64, "at": pl.Datetime("us")},
    )


TIMES, KEYS = st.integers(0, 12), st.integers(0, 3)


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(st.tuples(KEYS, TIMES), st.text("ab", max_size=2) | st.none()),
    st.lists(st.tuples(KEYS | st.none(), TIMES)),
    st.none() | st.integers(0, 6),
    st.none() | st.just("unknown"),
)
def test_a_join_gives_what_a_plain_loop_gives(
    tmp_path_factory: pytest.TempPathFactory,
    known: dict[tuple[int, int], str | None],
    rows: list[tuple[int | None, int]],
    ttl_us: int | None,
    default: str | None,
) -> None:
    expected = []
    for key, time in rows:
        past = [u for k, u in known if k == key and u <= time]
        past = [u for u in past if ttl_us is None or time - u <= ttl_us]
        expected.append(known[key, max(past)] if past and key is not None else default)
    defaults: dict[str, Any] = {} if default is None else {"plan": default}
    spec = FeatureSpec(
        name="customer", source="", key="id", time="since", ttl_us=ttl_us, defaults=defaults
    )
    told = [{"id": k, "since": at(u), "plan": plan} for (k, u), plan in known.items()]
    frame = asked(*rows)
    joined = join(frame, history(tmp_path_factory.mktemp("join"), told), spec, time="at")
    assert joined["plan"].to_list() == expected
    assert joined.select("id", "at").equals(frame)
    assert joined.columns == ["id", "at", "plan"]


def test_what_is_known_at_the_same_moment_is_known(tmp_path: Path) -> None:
    told = history(tmp_path, [{"id": 1, "since": at(5), "plan": "pro"}])
    joined = join(asked((1, 4), (1, 5), (1, 6)), told, SPEC, time="at")
    assert joined["plan"].to_list() == [None, "pro", "pro"]


def test_nanoseconds_do_not_bring_the_future_nearer(tmp_path: Path) -> None:
    nine_hundred = pl.Series("since", [900], dtype=pl.Int64).cast(pl.Datetime("ns"))
    pl.DataFrame([pl.Series("id", [1]), nine_hundred, pl.Series("plan", ["pro"])]).write_parquet(
        tmp_path / "f.parquet"
    )
    spec = FeatureSpec(name="c", source=str(tmp_path / "f.parquet"), key="id", time="since")
    times = pl.Series("at", [500, 899, 1000], dtype=pl.Int64).cast(pl.Datetime("ns"))
    rows = pl.DataFrame([pl.Series("id", [1, 1, 1]), times])
    assert join(rows, read_history(spec), spec, time="at")["plan"].to_list() == [None, None, "pro"]


def test_times_compare_across_zones(tmp_path: Path) -> None:
    told = history(tmp_path, [{"id": 1, "since": START.replace(hour=12), "plan": "pro"}])
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    times = pl.Series("at", [noon - timedelta(seconds=1), noon]).dt.convert_time_zone("Asia/Tokyo")
    rows = pl.DataFrame([pl.Series("id", [1, 1], dtype=pl.Int32), times])
    joined = join(rows, told, SPEC, time="at")
    assert joined["plan"].to_list() == [None, "pro"]
    assert joined["at"].dtype == times.dtype


def test_a_column_that_rows_have_stays(tmp_path: Path) -> None:
    told = history(tmp_path, [{"id": 1, "since": at(0), "plan": "pro"}])
    rows = asked((1, 5), (2, 5)).with_columns(plan=pl.Series(["own", None]))
    assert join(rows, told, SPEC, time="at").equals(rows)


def test_a_null_that_is_known_is_not_replaced_by_the_default(tmp_path: Path) -> None:
    told = history(tmp_path, [{"id": 1, "since": at(0), "plan": None}])
    spec = FeatureSpec(name="c", source="", key="id", time="since", defaults={"plan": "free"})
    joined = join(asked((1, 5), (2, 5)), told, spec, time="at")
    assert joined["plan"].to_list() == [None, "free"]


def test_two_rows_of_one_time_that_differ_are_refused(tmp_path: Path) -> None:
    one = {"id": 1, "since": at(0), "plan": "pro"}
    same = history(tmp_path, [one, one])
    assert join(asked((1, 5)), same, SPEC, time="at")["plan"].to_list() == ["pro"]
    other = history(tmp_path, [one, one | {"plan": "free"}])
    with pytest.raises(InputError, match="1 keys with different rows of the same time"):
        join(asked((1, 5)), other, SPEC, time="at")


def test_what_cannot_be_joined_is_told(tmp_path: Path) -> None:
    told = history(tmp_path, [{"id": 1, "since": at(0), "plan": "pro"}])
    rows = asked((1, 5))
    with pytest.raises(ConfigError, match="no column 'att'") as refused:
        join(rows, told, SPEC, time="att")
    assert refused.value.hint == "Did you mean 'at'?"
    with pytest.raises(ConfigError, match="which is no time"):
        join(rows, told, SPEC, time="id")
    with pytest.raises(ConfigError, match="have no time"):
        join(rows, told, FeatureSpec(name="c", source="", key="id"), time="at")
    with pytest.raises(InputError, match="1 rows have no value of 'at'"):
        join(rows.with_columns(at=pl.lit(None, pl.Datetime("us"))), told, SPEC, time="at")
    with pytest.raises(InputError, match="keys of the features 'customer' have the type Int64"):
        join(rows.with_columns(id=pl.lit("1")), told, SPEC, time="at")
