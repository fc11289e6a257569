"""Whatever is sent to the borrowed plane is answered or refused, never a fault of the server."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fairlead.serving.protocols.scoring.lenient import standard
from support.plane import PlaneInProcess
from support.scoring import CHURN, PICTURE, TENSOR, churn, measured, twice

KEYS = [
    "dataframe_split", "dataframe_records", "instances", "inputs", "params", "rows", "columns",
    "unit", "id", "data", "index", "signature_name", "examples", "context", "b64",
    "age", "visits", "plan", "x", "image", "note",
]  # fmt: skip
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.sampled_from(KEYS)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
    ),
    max_leaves=12,
)
BODIES = st.dictionaries(st.sampled_from(KEYS[:15]), VALUES, min_size=1, max_size=2)
PATHS = (
    "/endpoints/{}/invocations",
    "/v1/models/{}:predict",
    "/v1/models/{}:classify",
    "/v1/models/{}:regress",
)


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlaneInProcess]:
    with PlaneInProcess(tmp_path_factory.mktemp("scoring")) as plane:
        plane.serve("churn", CHURN, churn)
        plane.serve("t", TENSOR, twice)
        plane.serve("picture", PICTURE, measured)
        yield plane


@given(st.sampled_from(PATHS), st.sampled_from(("churn", "t", "picture")), BODIES)
def test_no_body_is_a_fault_of_the_server(
    plane: PlaneInProcess, path: str, name: str, body: dict[str, object]
) -> None:
    got = plane.ask(path.format(name), body)
    assert got.status in (200, 400), got.body
    msgspec.json.decode(got.body.replace(b"NaN", b"null"))


@given(st.sampled_from(PATHS), st.binary())
def test_no_bytes_are_a_fault_of_the_server(plane: PlaneInProcess, path: str, body: bytes) -> None:
    assert plane.ask(path.format("churn"), body).status == 400


@given(VALUES)
@example({"a": 'NaN "Infinity" \\'})
def test_json_without_bare_tokens_stays_as_it_is(value: object) -> None:
    raw = msgspec.json.encode(value)
    assert standard(raw) in (None, raw)


@given(st.text(st.sampled_from('"\\NaInfity,[]{}: ')).map(str.encode))
def test_no_token_is_left_outside_texts(raw: bytes) -> None:
    written = standard(raw)
    if written is not None:
        assert len(written) != len(raw) or written != raw
        assert standard(written) is None
