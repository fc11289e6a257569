"""What the client writes of a frame, a server reads as the frame itself."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from fairlead.client.tables import encode_row, records
from fairlead.signature import Field, RowDecoder, Signature, from_frame, to_records

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
PNG = b"\x89PNG\r\n\x1a\n"
FIELDS = (
    Field(name="number", kind="number", missing="allow"),
    Field(name="whole", kind="integer", missing="allow"),
    Field(name="yes", kind="boolean", missing="allow"),
    Field(name="plan", kind="category", dtype="object", missing="allow"),
    Field(name="ü ", kind="text", missing="allow"),
    Field(name="at", kind="timestamp", missing="allow"),
    Field(name="photo", kind="image", missing="allow"),
    Field(name="pair", kind="tensor", shape=(2,)),
)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
SECONDS = st.integers(-(2**33), 2**33)
TIMES = st.builds(lambda s, us: EPOCH + dt.timedelta(0, s, us), SECONDS, st.integers(0, 999_999))
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "number": st.none() | FINITE,
            "whole": st.none() | st.integers(1 - 2**53, 2**53 - 1),
            "yes": st.none() | st.booleans(),
            "plan": st.none() | TEXT,
            "ü ": st.none() | TEXT,
            "at": st.none() | TIMES,
            "photo": st.none() | st.binary(max_size=4).map(PNG.__add__),
            "pair": st.lists(FINITE, min_size=2, max_size=2),
        }
    ),
    min_size=1,
    max_size=5,
)
SCHEMA: dict[str, Any] = {
    "number": pl.Float64, "whole": pl.Int64, "yes": pl.Boolean, "plan": pl.String,
    "ü ": pl.String, "at": pl.Datetime("us", "UTC"), "photo": pl.Binary,
    "pair": pl.List(pl.Float64),
}  # fmt: skip


def read_back(data: Any) -> list[dict[str, Any]]:
    signature = Signature(inputs=FIELDS, outputs=())
    rows = [encode_row(row, number) for number, row in enumerate(records(data))]
    sent = to_records(FIELDS, RowDecoder(signature).decode(b"[" + b",".join(rows) + b"]"))
    assert sent == to_records(FIELDS, from_frame(signature, data))
    return sent


@given(ROWS)
def test_frames_arrive_as_they_are(rows: list[dict[str, Any]]) -> None:
    columns = {name: [row[name] for row in rows] for name in SCHEMA}
    sent = read_back(rows)
    assert read_back(pl.DataFrame(columns, schema=SCHEMA)) == sent
    pandas = pd.DataFrame(
        {name: pd.Series(values, dtype=object) for name, values in columns.items()}
    )
    assert read_back(pandas.astype({"number": "float64", "whole": "Int64"})) == sent
