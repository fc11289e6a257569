"""From files to the table: the row of each key that holds now, whole or only what is new."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from msgspec.structs import replace

from fairlead.errors import ConfigError, ConflictError, FairleadError, InputError
from fairlead.features import FeatureSpec, materialize
from fairlead.lookup import Key, Row, Tables, open_tables

START = datetime(2026, 1, 1)  # noqa: DTZ001 (files name no zone)
START_US = int(START.replace(tzinfo=UTC).timestamp()) * 1_000_000
DAY_US = 86_400_000_000


def day(number: int) -> datetime:
    return START + timedelta(days=number)


def day_us(number: int) -> int:
    return START_US + number * DAY_US


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    return open_tables(f"lmdb://{tmp_path}/lookup")


@pytest.fixture
def spec(tmp_path: Path) -> FeatureSpec:
    return FeatureSpec(name="customer", source=str(tmp_path / "*.parquet"), key="id", time="since")


def write(folder: Path, name: str, *rows: tuple[Key | None, datetime | None, object]) -> None:
    keys, since, plans = zip(*rows, strict=True)
    frame = pl.DataFrame({"id": keys, "plan": plans, "since": since}, strict=False)
    frame = frame.with_columns(pl.col("since").cast(pl.Datetime("us")))
    frame.write_parquet(folder / f"{name}.parquet")


def content(tables: Tables) -> dict[Key, Row]:
    table = tables.open("features.customer")
    assert table is not None
    try:
        return dict(table.items())
    finally:
        table.close()


def test_each_key_has_its_last_row_that_holds_now(
    tables: Tables, spec: FeatureSpec, tmp_path: Path
) -> None:
    write(tmp_path, "a", (1, day(2), "pro"), (2, day(1), "free"), (3, day(9), "later"))
    write(tmp_path, "b", (1, day(1), "old"), (2, day(3), "later"), (4, day(2), None))
    told = materialize(spec, tables, day_us(2))
    assert content(tables) == {
        1: Row(day_us(2), ("pro",)), 2: Row(day_us(1), ("free",)), 4: Row(day_us(2), (None,))
    }  # fmt: skip
    assert (told.columns, told.rows, told.until_us) == (("plan",), 3, day_us(2))


def test_rows_without_a_time_hold_since_they_were_materialised(
    tables: Tables, spec: FeatureSpec, tmp_path: Path
) -> None:
    (tmp_path / "c.csv").write_text("id,age\na,1\nb,2\n")
    spec = replace(spec, source=str(tmp_path / "c.csv"), time="")
    materialize(spec, tables, 77)
    assert content(tables) == {"a": Row(77, (1,)), "b": Row(77, (2,))}


def test_values_are_kept_as_json_has_them(
    tables: Tables, spec: FeatureSpec, tmp_path: Path
) -> None:
    frame = pl.DataFrame({
        "id": ["a"], "since": [day(0)], "number": [2.5], "nan": [float("nan")], "whole": [3],
        "yes": [True], "day": [date(2026, 1, 2)], "blob": [b"x"], "list": [[1.0, 2.0]],
    }).with_columns(
        moment=pl.lit(day(1)).dt.replace_time_zone("Asia/Tokyo"),
        kind=pl.lit("pro").cast(pl.Categorical), price=pl.lit("1.25").cast(pl.Decimal(9, 2)),
        array=pl.lit([1, 2]).list.to_array(2), small=pl.lit(7, pl.UInt8),
    )  # fmt: skip
    frame.write_parquet(tmp_path / "a.parquet")
    told = materialize(spec, tables, day_us(1))
    values = dict(zip(told.columns, content(tables)["a"].values, strict=True))
    assert values == {
        "number": 2.5, "nan": None, "whole": 3, "yes": True, "day": "2026-01-02", "blob": b"x",
        "list": [1.0, 2.0], "moment": "2026-01-01T15:00:00.000000Z", "kind": "pro",
        "price": 1.25, "array": [1, 2], "small": 7,
    }  # fmt: skip


def test_increments_make_what_a_full_run_makes(
    tables: Tables, spec: FeatureSpec, tmp_path: Path
) -> None:
    draw = random.Random(7)
    for step in range(6):
        rows = [
            (key, day(3 * step + draw.randint(0, 3)) + timedelta(hours=step), f"{step}-{key}")
            for key in draw.sample(range(30), 12)
        ]
        write(tmp_path, str(step), *rows)
        materialize(spec, tables, day_us(3 * step + 3), incremental=True)
        by_increments = content(tables)
        materialize(spec, tables, day_us(3 * step + 3))
        assert content(tables) == by_increments


def test_an_increment_reads_what_is_new_alone(
    tables: Tables, spec: FeatureSpec, tmp_path: Path
) -> None:
    write(tmp_path, "a", (1, day(1), "a"), (2, day(2), "b"))
    first = materialize(spec, tables, day_us(5), incremental=True)
    write(tmp_path, "b", (1, day(1) + timedelta(hours=1), "late"), (3, day(2), "new"))
    second = materialize(spec, tables, day_us(6), incremental=True)
    assert second.id > first.id
    assert [row.values[0] for _, row in sorted(content(tables).items())] == ["a", "b", "new"]
    assert materialize(spec, tables, day_us(7), incremental=True) == second


def test_an_increment_with_other_columns_is_refused(
    tables: Tables, spec: FeatureSpec, tmp_path: Path
) -> None:
    write(tmp_path, "a", (1, day(1), "a"))
    materialize(spec, tables, day_us(5))
    pl.read_parquet(tmp_path / "a.parquet").rename({"plan": "tier"}).write_parquet(
        tmp_path / "a.parquet"
    )
    with pytest.raises(ConflictError, match="other columns"):
        materialize(spec, tables, day_us(5), incremental=True)
    assert materialize(spec, tables, day_us(5)).columns == ("tier",)


def test_an_increment_without_a_time_is_refused(
    tables: Tables, spec: FeatureSpec, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="have no time"):
        materialize(replace(spec, time=""), tables, 1, incremental=True)


Rows = tuple[tuple[Any, Any, Any], ...]
BAD: dict[str, tuple[Rows, type[FairleadError], str]] = {
    "null key": (((1, day(1), "a"), (None, day(2), "b")), InputError, "1 rows without .* 'id'"),
    "null time": (((1, day(1), "a"), (2, None, "b")), InputError, "1 rows without .* 'since'"),
    "same time": (((1, day(1), "a"), (1, day(1), "b")), InputError, "1 keys with different rows"),
    "only later": (((1, day(9), "a"),), InputError, "no row that holds"),
    "fraction": (((1.5, day(1), "a"),), ConfigError, "type Float64, which no key has"),
    "nested": (((1, day(1), {"a": 1}),), ConfigError, "'plan' has the type Struct"),
    "list": (((1, day(1), ["a"]),), ConfigError, "'plan' has the type List"),
}


@pytest.mark.parametrize("bad", BAD)
def test_rows_that_cannot_be_used_are_refused_and_nothing_changes(
    tables: Tables, spec: FeatureSpec, tmp_path: Path, bad: str
) -> None:
    rows, error, told = BAD[bad]
    write(tmp_path, "a", (7, day(0), "before"))
    before = materialize(spec, tables, day_us(2))
    write(tmp_path, "a", *rows)
    with pytest.raises(error, match=told):
        materialize(spec, tables, day_us(2))
    assert tables.current("features.customer") == before


def test_equal_rows_are_one(tables: Tables, spec: FeatureSpec, tmp_path: Path) -> None:
    write(tmp_path, "a", (1, day(1), "a"), (1, day(1), "a"))
    assert materialize(spec, tables, day_us(2)).rows == 1


def test_files_that_cannot_be_read_are_told(
    tables: Tables, spec: FeatureSpec, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="There is no file"):
        materialize(spec, tables, day_us(2))
    write(tmp_path, "a", (1, day(1), "a"))
    file = tmp_path / "b.parquet"
    content = (tmp_path / "a.parquet").read_bytes()
    for damaged in (b"", content[: len(content) // 2], b"x" * 100):
        file.write_bytes(damaged)
        with pytest.raises(InputError, match="cannot be read"):
            materialize(spec, tables, day_us(2))
    write(tmp_path, "b", (1, day(2), 7))
    with pytest.raises(InputError, match="cannot be read"):
        materialize(spec, tables, day_us(2))
    pl.DataFrame({"id": [1], "since": [day(1)]}).write_parquet(file)
    with pytest.raises(InputError, match="cannot be read"):
        materialize(spec, tables, day_us(2))
    (tmp_path / "a.csv").write_text("id,age\n1,2\n")
    (tmp_path / "b.csv").write_text("id,tier\n1,2\n")
    with pytest.raises(InputError, match="cannot be read"):
        materialize(replace(spec, source=str(tmp_path / "*.csv"), time=""), tables, 1)


def test_columns_that_are_not_there_are_told(
    tables: Tables, spec: FeatureSpec, tmp_path: Path
) -> None:
    write(tmp_path, "a", (1, day(1), "a"))
    with pytest.raises(ConfigError, match="no column 'sinse'") as refused:
        materialize(replace(spec, time="sinse"), tables, 1)
    assert refused.value.hint == "Did you mean 'since'?"
    with pytest.raises(ConfigError, match="'plan' has the type String, which is no time"):
        materialize(replace(spec, time="plan"), tables, 1)
