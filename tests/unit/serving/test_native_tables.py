"""Tables in native bodies and replies: each form means what rows of JSON mean, or is refused."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from multiprocessing import Pipe
from random import Random
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.ipc
import pytest

from fairlead.errors import InputError, MediaTypeError
from fairlead.serving.protocols.tables import read_table
from fairlead.serving.tables.child import serve
from fairlead.serving.tables.pool import Child, Pool
from fairlead.serving.tables.types import FAREWELL, Rows, Told, ToRead
from fairlead.signature import Batch, Field, Signature, to_records
from support.plane import ROWS_MAX, PlaneInProcess
from support.reply import Reply
from support.routes import zeros

CSV = "text/csv"
PARQUET = "application/vnd.apache.parquet"
ENOUGH = 1 << 40  # bytes, that no child grows to
STREAM = "application/vnd.apache.arrow.stream"
FILE = "application/vnd.apache.arrow.file"

FIELDS = (
    Field(name="age", kind="number"),
    Field(name="visits", kind="integer", missing="allow"),
    Field(name="plan", kind="category", categories=("free", "pro"), missing="allow"),
    Field(name="tier", kind="category", dtype="int64", categories=(1, 2), missing="allow"),
    Field(name="ok", kind="boolean", missing="allow"),
    Field(name="since", kind="timestamp", missing="allow"),
    Field(name="note", kind="text", missing="allow"),
    Field(name="x", kind="tensor", dtype="float32", shape=(2,)),
)
CLASSES = ("left", "stayed")
SIGNATURE = Signature(
    inputs=FIELDS,
    outputs=(
        Field(name="label", kind="category", categories=CLASSES),
        Field(name="probabilities", kind="tensor", shape=(2,), categories=CLASSES),
        Field(name="visits", kind="integer"),
        Field(name="since", kind="timestamp"),
        Field(name="x", kind="tensor", dtype="float32", shape=(2,)),
    ),
)
ROWS: list[dict[str, Any]] = [
    {"age": 42.5, "visits": 3, "plan": "pro", "tier": 2, "ok": True,
     "since": "2024-01-31T12:00:00.000000Z", "note": 'said "no", then\nleft', "x": [1.0, 2.5]},
    {"age": -1e-9, "visits": None, "plan": None, "tier": None, "ok": None, "since": None,
     "note": None, "x": [0.0, -1.0]},
]  # fmt: skip
CSV_ROWS = (
    b'age,visits,plan,tier,ok,since,note,x\r\n'
    b'42.5,3,pro,2,TRUE,2024-01-31T12:00:00Z,"said ""no"", then\nleft","[1, 2.5]"\r\n'
    b'\r\n'
    b'-1e-9,,,,,,,"[0,-1]"'
)  # fmt: skip


def answer(batch: Batch) -> Batch:
    label = np.array(["left", "stayed"] * batch.rows, dtype=object)[: batch.rows]
    given = {name: batch.column(name) for name in ("since", "x")}
    columns = {"label": label, "probabilities": np.tile([0.25, 0.75], (batch.rows, 1)), **given}
    return Batch(batch.rows, ("visits",), batch.column("visits").reshape(-1, 1).copy(), columns)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlaneInProcess]:
    with PlaneInProcess(tmp_path_factory.mktemp("tables")) as plane:
        plane.serve("m", SIGNATURE, answer, answer)
        yield plane


def frame(rows: list[dict[str, Any]] = ROWS, **more: list[Any]) -> pl.DataFrame:
    made = pl.DataFrame(rows, schema_overrides={"plan": pl.Categorical}).with_columns(
        pl.col("since").str.to_datetime(time_zone="UTC"), pl.col("x").cast(pl.List(pl.Float32))
    )
    return made.with_columns(**{name: pl.Series(values) for name, values in more.items()})


def parquet(made: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    made.write_parquet(out)
    return out.getvalue()


def stream(made: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    made.write_ipc_stream(out)
    return out.getvalue()


def file(made: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    made.write_ipc(out, compression="zstd")
    return out.getvalue()


BINARY: dict[str, Callable[[pl.DataFrame], bytes]] = {PARQUET: parquet, STREAM: stream, FILE: file}


def test_csv_means_what_json_means(plane: PlaneInProcess) -> None:
    batch = read_table(plane.plane.endpoint("m"), "Text/CSV; charset=utf-8", CSV_ROWS)
    assert to_records(FIELDS, batch) == ROWS
    marked = read_table(plane.plane.endpoint("m"), CSV, b"\xef\xbb\xbf" + CSV_ROWS)
    assert to_records(FIELDS, marked) == ROWS


@pytest.mark.parametrize("kind", BINARY)
def test_binary_tables_mean_what_json_means(plane: PlaneInProcess, kind: str) -> None:
    batch = read_table(plane.plane.endpoint("m"), kind, BINARY[kind](frame()))
    assert to_records(FIELDS, batch) == ROWS


@pytest.mark.parametrize("compression", [None, "lz4", "zstd"])
def test_what_pyarrow_writes_is_read(plane: PlaneInProcess, compression: str | None) -> None:
    table = pa.table(
        {"age": pa.array([1, 2], pa.int8()), "x": pa.array([[1, 2]] * 2, pa.list_(pa.float16(), 2)),
         "plan": pa.array(["pro", None]).dictionary_encode(),
         "since": pa.array([0, None], pa.timestamp("ns", "Europe/Berlin"))}
    )  # fmt: skip
    out = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_stream(out, table.schema, options=options) as writer:
        writer.write_table(table)
    rows = to_records(FIELDS, read_table(plane.plane.endpoint("m"), STREAM, out.getvalue()))
    assert [row["plan"] for row in rows] == ["pro", None]
    assert [row["since"] for row in rows] == ["1970-01-01T00:00:00.000000Z", None]
    assert [row["x"] for row in rows] == [[1.0, 2.0]] * 2


def test_the_index_that_pandas_writes_is_passed_over(plane: PlaneInProcess) -> None:
    made = frame(__index_level_0__=[7, 8])
    assert plane.predict(parquet(made), PARQUET).status == 200


@pytest.mark.parametrize("kind", [CSV, PARQUET])
def test_the_query_names_the_columns_that_tell_whose_rows_they_are(
    plane: PlaneInProcess, kind: str
) -> None:
    made = frame(user_id=[7, None], order=["a", "b"]).drop("x").with_columns(x=pl.lit("[1,2]"))
    if kind == CSV:
        body = made.with_columns(pl.col("since").dt.strftime("%+")).write_csv().encode()
    else:
        body = parquet(frame(user_id=[7, None], order=["a", "b"]))
    assert plane.predict(body, kind, "unit=user_id&id=order").status == 200
    rows = [
        pair
        for log in plane.frames[-2:]
        for pair in zip(log.units or (), log.caller_ids or (), strict=True)
    ]
    assert {("7", "a"), (None, "b")} <= set(rows)
    assert "user_id" in plane.predict(body, kind).body.decode()  # no field, and named as nothing


def refused(got: Reply, status: int = 400) -> str:
    assert got.status == status, got.body
    return f"{got.error['message']} {got.error.get('hint')}"


@pytest.mark.parametrize(
    ("query", "word"),
    [("unit=nobody", "column"), ("unti=age", "'unit'"), ("unit=x", "text"), ("a=1&" * 20, "query")],
)
def test_a_query_that_cannot_be_met_is_refused(
    plane: PlaneInProcess, query: str, word: str
) -> None:
    assert word in refused(plane.predict(parquet(frame()), PARQUET, query))


def test_a_column_may_be_both_a_field_and_whose_its_row_is(plane: PlaneInProcess) -> None:
    assert plane.predict(CSV_ROWS.replace(b",3,", b",3,"), CSV, "unit=plan").status == 200


@pytest.mark.parametrize(
    ("body", "row", "field"),
    [
        (b'age,x\n1,"[1,2]"\nold,"[1,2]"\n', 1, "age"),
        (b'age,x\nnan,"[1,2]"\n', 0, "age"),
        (b'age,x\n1e999,"[1,2]"\n', 0, "age"),
        (b'age,x\n,"[1,2]"\n', 0, "age"),
        (b'age,visits,x\n1,2.5,"[1,2]"\n', 0, "visits"),
        (b'age,ok,x\n1,yes,"[1,2]"\n', 0, "ok"),
        (b'age,plan,x\n1,gold,"[1,2]"\n', 0, "plan"),
        (b'age,tier,x\n1,3,"[1,2]"\n', 0, "tier"),
        (b'age,since,x\n1,yesterday,"[1,2]"\n', 0, "since"),
        (b'age,x\n1,"[1,2,3]"\n', 0, "x"),
        (b'age,x\n1,"1,2"\n', 0, "x"),
    ],
)
def test_a_wrong_cell_is_named_by_row_and_field(
    plane: PlaneInProcess, body: bytes, row: int, field: str
) -> None:
    got = plane.predict(body, CSV)
    refused(got)
    assert [(p["row"], p["field"]) for p in got.error["problems"]] == [(row, field)]


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"", "Begin with a line of names: age,visits"),
        (b"\n\n", "names no field"),
        (b"1,2\n3,4\n", "names no field"),
        (b"age;x\n1;2\n", "names no field"),
        (b"age,x\n", "no rows"),
        (b"age,x\n1\n", "Row 0 of the CSV has 1 cells"),
        (b"age,x\n1,2\n1,2,3\n", "Row 1 of the CSV has 3 cells"),
        (b'age,x\n1,"[1,2\n', "cannot be read"),
        (b'age,x\n1,"a"b\n', "Line 2"),
        (b"age,age,x\n1,1,1\n", "same name"),
        (b"age,x\n1,\xff\n", "UTF-8: byte 8"),
        (b"age,note\n1,\0\n", "field 'x'"),
        (b"age\n" + b"1\n" * (ROWS_MAX + 1), f"more than {ROWS_MAX} rows"),
        (b"agee,age,x\n1,1,1\n", "'age'"),
    ],
)
def test_a_csv_of_another_form_is_told_what_to_send(
    plane: PlaneInProcess, body: bytes, word: str
) -> None:
    assert word in refused(plane.predict(body, CSV))


@pytest.mark.parametrize(
    ("values", "row", "word"),
    [
        ([[1.0, 2.0], [1.0]], 1, "shape"),
        ([[1.0, 2.0], [1.0, None]], 1, "elements"),
        ([[1.0, 2.0], None], 1, "missing"),
        ([[1.0, 2.0], []], 1, "shape"),
        ([[[1.0, 2.0]], [[1.0, 2.0]]], 0, "shape"),
        ([["a", "b"], ["c", "d"]], 0, "elements"),
        ([1.0, 2.0], 0, "a number"),
    ],
)
def test_a_wrong_tensor_of_a_table_is_named_by_row_and_field(
    plane: PlaneInProcess, values: list[Any], row: int, word: str
) -> None:
    got = plane.predict(parquet(pl.DataFrame({"age": [1.0, 2.0], "x": values})), PARQUET)
    refused(got)
    problem = got.error["problems"][0]
    assert (problem["row"], problem["field"]) == (row, "x")
    assert word in problem["message"]


@pytest.mark.parametrize("kind", BINARY)
def test_junk_is_refused(plane: PlaneInProcess, kind: str) -> None:
    whole = BINARY[kind](frame())
    for body in (
        b"",
        b"PAR1",
        b"ARROW1\0\0" * 9,
        whole[: len(whole) // 2],
        whole[20:],
        b"\xff" * 4096,
    ):
        assert "Content-Type" in refused(plane.predict(body, kind))


@pytest.mark.parametrize("kind", BINARY)
def test_too_many_rows_are_refused_however_small_they_are(plane: PlaneInProcess, kind: str) -> None:
    many = BINARY[kind](pl.DataFrame({"age": np.zeros(3_000_000)}))
    assert f"more than {ROWS_MAX} rows" in refused(plane.predict(many, kind))


def test_rows_that_are_large_once_unpacked_are_refused(plane: PlaneInProcess) -> None:
    texts = pl.DataFrame({"age": [1.0] * 500, "note": ["x" * 200_000] * 500, "x": [[1.0, 2]] * 500})
    body = parquet(texts)
    assert len(body) < 100_000
    assert "67108864 bytes" in refused(plane.predict(body, PARQUET))


def test_a_bomb_ends_a_process_of_its_own_and_no_other(plane: PlaneInProcess) -> None:
    column = pl.Series([0.0]).new_from_index(0, 300_000)
    out = io.BytesIO()
    pl.DataFrame({f"c{n}": column for n in range(500)}).write_ipc_stream(out, compression="zstd")
    bomb = out.getvalue()
    assert len(bomb) < 1_000_000
    assert "time and memory" in refused(plane.predict(bomb, STREAM))
    assert plane.predict(CSV_ROWS, CSV).status == 200


def test_a_child_that_died_is_replaced() -> None:
    dead = child_that_died()
    assert dead.ask(b"anything", 5.0) is None
    pool = Pool()
    pool._idle = [child_that_died()]
    told = pool.ask(ToRead(CSV, CSV_ROWS, SIGNATURE, (), 10))
    assert isinstance(told, Rows)
    pool.close()


def test_a_child_that_hangs_is_ended() -> None:
    child = Child()
    os.kill(child._process.pid, signal.SIGSTOP)
    assert child.ask(b"anything", 0.1) is None
    assert child._process.returncode == -signal.SIGKILL


def test_a_question_that_crosses_a_farewell_is_answered() -> None:
    ours, theirs = Pipe()
    idle = threading.Thread(target=serve, args=(theirs, 0.01, 10.0, ENOUGH))
    idle.start()
    assert ours.poll(10)
    ours.send_bytes(msgspec.msgpack.encode(ToRead(CSV, CSV_ROWS, SIGNATURE, (), 10)))
    assert ours.recv_bytes() == FAREWELL
    assert msgspec.msgpack.decode(ours.recv_bytes(), type=Told).rows == 2
    ours.close()
    idle.join(10)
    assert not idle.is_alive()
    theirs.close()


def test_a_child_that_is_asked_nothing_ends() -> None:
    ours, theirs = Pipe()
    serve(theirs, 0.0, 0.0, ENOUGH)
    assert ours.recv_bytes() == FAREWELL
    ours.close()
    theirs.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process's memory")
def test_a_child_that_holds_much_ends_rather_than_refuse_the_next_table() -> None:
    ours, theirs = Pipe()
    serve(theirs, 600.0, 0.0, 0)
    assert ours.recv_bytes() == FAREWELL
    ours.close()
    theirs.close()


@pytest.mark.parametrize("kind", BINARY)
def test_files_with_wrong_bytes_are_read_or_refused(plane: PlaneInProcess, kind: str) -> None:
    whole, random = BINARY[kind](frame()), Random(7)
    for _ in range(200):
        wrong = bytearray(whole)
        for _ in range(random.choice([1, 2, 8])):
            wrong[random.randrange(len(wrong))] = random.choice([0, 127, 255])
        got = plane.predict(bytes(wrong), kind)
        assert got.status in (200, 400), got.body
    assert plane.predict(whole, kind).status == 200


def child_that_died() -> Child:
    child = Child()
    child._process.kill()
    child._process.wait()
    return child


def test_other_types_are_no_tables(plane: PlaneInProcess) -> None:
    with pytest.raises(MediaTypeError):
        read_table(plane.plane.endpoint("m"), "application/json", b"{}")
    with pytest.raises(InputError):
        read_table(plane.plane.endpoint("m"), CSV, CSV_ROWS, rows_max=1)


def written(got: Reply) -> pl.DataFrame:
    read: dict[str, Callable[[io.BytesIO], pl.DataFrame]] = {
        CSV: pl.read_csv, PARQUET: pl.read_parquet, STREAM: pl.read_ipc_stream, FILE: pl.read_ipc,
    }  # fmt: skip
    return read[got.headers["content-type"]](io.BytesIO(got.body))


@pytest.mark.parametrize("kind", [CSV, *BINARY])
def test_answers_come_as_the_table_that_is_wanted(plane: PlaneInProcess, kind: str) -> None:
    units = [f"user-{n}" for n in range(40)]  # of both arms
    body = {"rows": [ROWS[n % 2] for n in range(40)], "unit": units}
    plain = plane.predict(body).json["predictions"]
    got = plane.predict(body, accept=f"{kind};q=0.9, text/html, application/json;q=0.5")
    assert (got.status, got.headers["content-type"]) == (200, kind)
    assert "model;dur=" in got.headers["server-timing"]
    table = written(got)
    assert table.columns == [
        "id", "version", "arm", "label", "probabilities_left", "probabilities_stayed", "visits",
        "since", "x",
    ]  # fmt: skip
    assert set(table["arm"]) == {"stable", "candidate"}
    for name in ("version", "arm", "label", "visits"):
        assert table[name].to_list() == [row[name] for row in plain], name
    assert table["probabilities_stayed"].to_list() == [0.75] * 40
    if kind == CSV:
        assert table["since"][0] == "2024-01-31T12:00:00.000000Z"
        assert table["x"][0] == "[1.0,2.5]"
    else:
        assert table["x"].to_list() == [row["x"] for row in plain]
        assert table.schema["since"] == pl.Datetime("us", "UTC")
        assert table["since"].null_count() == 20


@pytest.mark.parametrize("accept", ["", "*/*", "image/png", "text/csv;q=0", "a" * 9999, ",;q=,"])
def test_a_wish_that_cannot_be_met_is_answered_in_json(plane: PlaneInProcess, accept: str) -> None:
    assert (
        plane.predict({"rows": ROWS}, accept=accept).headers["content-type"] == "application/json"
    )


def test_a_table_does_not_hold_up_other_requests(plane: PlaneInProcess) -> None:
    order: list[str] = []

    async def ask(name: str, body: object, kind: str) -> None:
        headers = {"content-type": kind} if kind else {}
        response = await plane.asking("/v1/endpoints/m/predict", body, headers)
        assert response.status == 200, response.body
        order.append(name)

    async def both() -> None:
        await asyncio.gather(ask("table", CSV_ROWS, CSV), ask("json", {"rows": ROWS}, ""))

    plane.loop.run_until_complete(both())
    assert order == ["json", "table"]


def test_a_model_without_fields_that_could_be_missing_needs_its_columns(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    ages = Signature(
        inputs=(Field(name="age", kind="number"),),
        outputs=(Field(name="prediction", kind="number"),), extra="ignore",
    )  # fmt: skip
    with PlaneInProcess(tmp_path_factory.mktemp("ages")) as plane:
        plane.serve("m", ages, zeros)
        assert plane.predict(b"other,age\nx,1\n", CSV).status == 200
        assert (
            plane.predict(parquet(pl.DataFrame({"other": ["x"], "age": [1]})), PARQUET).status
            == 200
        )
