"""Tables at `/invocations`: MLflow's CSV and Parquet, SageMaker's CSV without names."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.errors import InputError
from fairlead.serving.protocols.scoring.lines import with_names
from support.plane import ROWS_MAX, PlaneInProcess
from support.scoring import CHURN, PICTURE, PRICE, TENSOR, churn, measured, price, twice

CSV = {"content-type": "text/csv"}
PARQUET = {"content-type": "application/vnd.apache.parquet"}
FRAME = pl.DataFrame({"age": [70.5, 20.5], "visits": [3, None], "plan": ["pro", None]})


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlaneInProcess]:
    with PlaneInProcess(tmp_path_factory.mktemp("scoring"), default="churn") as plane:
        plane.serve("churn", CHURN, churn)
        plane.serve("price", PRICE, price)
        plane.serve("picture", PICTURE, measured)
        plane.serve("t", TENSOR, twice)
        yield plane


def predictions(plane: PlaneInProcess, body: bytes, **more: Any) -> Any:
    got = plane.ask("/invocations", body, **more)
    assert got.status == 200, got.body
    return got.json["predictions"]


@pytest.mark.parametrize(
    "body",
    [
        b"age,visits,plan\n70.5,3,pro\n20.5,,\n",
        b"plan,age,visits\r\npro,70.5,3\r\n,20.5,\r\n",
        b",age,visits,plan\n0,70.5,3,pro\n1,20.5,,\n",  # as pandas writes it, with its index
        b"70.5,3,pro\n20.5,,\n",
        b'\xef\xbb\xbf70.5,3,"pro"\n20.5,,',
    ],
)
def test_csv_has_names_in_its_first_line_or_rows_by_position(
    plane: PlaneInProcess, body: bytes
) -> None:
    for kind in ("text/csv", "text/csv; charset=utf-8"):
        assert predictions(plane, body, headers={"content-type": kind}) == ["left", "stayed"]
    assert plane.frames[-1].inputs.numbers[:, 0].tolist() == [70.5, 20.5]
    assert plane.frames[-1].inputs.columns["plan"].tolist() == ["pro", None]


def test_parquet_is_read_with_what_the_model_does_not_know_left_aside(
    plane: PlaneInProcess,
) -> None:
    file = io.BytesIO()
    FRAME.with_columns(more=pl.lit("?")).write_parquet(file)
    assert predictions(plane, file.getvalue(), headers=PARQUET) == ["left", "stayed"]


@pytest.mark.parametrize("body", [b"", b"\n", b"age,visits,plan", b"age,visits,plan\n"])
def test_a_csv_without_rows_gets_no_predictions(plane: PlaneInProcess, body: bytes) -> None:
    assert predictions(plane, body, headers=CSV) == []


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"1,2\n", "has 2 cells; expected names of fields, or a value for each of the 3 fields"),
        (b"visits,plan\n1,pro\n", "field 'age'"),
        (b"secret,3,pro\n", "Row 0, field 'age': expected a finite number, got text"),
        (b"70,3,pro\n70,3\n", "Row 1 of the CSV has 2 cells"),
        (b'70,3,"pro', "CSV"),
        (b"\xff,3,pro", "not UTF-8"),
        (b"1,2,pro\n" * (ROWS_MAX + 1), f"more than {ROWS_MAX} rows"),
    ],
)
def test_what_is_wrong_with_a_csv_is_told(plane: PlaneInProcess, body: bytes, told: str) -> None:
    got = plane.ask("/invocations", body, headers=CSV)
    assert got.status == 400
    assert told in got.json["message"]
    assert "secret" not in got.json["message"]


def test_what_is_no_parquet_is_refused(plane: PlaneInProcess) -> None:
    assert plane.ask("/invocations", b"PAR1", headers=PARQUET).status == 400
    latin = {"content-type": "text/csv; charset=latin-1"}
    assert plane.ask("/invocations", b"70,3,pro", headers=latin).status == 415


def test_sagemakers_callers_send_and_want_plain_lines(plane: PlaneInProcess) -> None:
    headers = {**CSV, "accept": "text/csv"}
    got = plane.ask("/endpoints/churn/invocations", b"70.5,3,pro\n20.5,,\n", headers=headers)
    assert (got.body, got.headers["content-type"]) == (b"left\nstayed\n", "text/csv")
    got = plane.ask("/endpoints/price/invocations", b"3,50\n0,0", headers=headers)
    assert got.body == b'150.0\n""\n'
    rows = {"instances": [{"image": "iVBORw0KGgo=", "note": "a,b"}]}
    got = plane.ask("/endpoints/picture/invocations", rows, headers={"accept": "text/csv"})
    assert got.body == b'8,"a,b"\n'
    got = plane.ask(
        "/endpoints/t/invocations", {"inputs": [[1, 2]]}, headers={"accept": "text/csv"}
    )
    assert got.body == b"2.0,4.0\n"


@given(st.binary() | st.text(st.sampled_from('age,visitsplan\n\r"1')).map(str.encode))
def test_any_first_line_is_decided_or_refused(body: bytes) -> None:
    try:
        headed = with_names(CHURN, body)
    except InputError:
        return
    assert headed is None or headed.endswith(body.removeprefix(b"\xef\xbb\xbf"))
