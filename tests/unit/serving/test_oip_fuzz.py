"""Whatever is sent in the Open Inference Protocol is answered or refused, and never a fault."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.serving.protocols.oip.types import DATATYPES
from support.oip import serve_models
from support.plane import PlaneInProcess

LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", "age", "a", "ß", "NaN", "1", "\x00"]),
)
DATA = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3), max_leaves=8)
INPUTS = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["age", "visits", "paying", "x", "pair", "a", "photo", "at"]),
        "datatype": st.sampled_from([*DATATYPES, "FP99", ""]),
        "shape": st.lists(st.sampled_from([-1, 0, 1, 2, 3, 2**40]), max_size=4),
    },
    optional={
        "data": DATA,
        "parameters": st.dictionaries(st.sampled_from(["binary_data_size", "x"]), LEAVES),
    },
)
BODIES = st.fixed_dictionaries(
    {"inputs": st.lists(INPUTS, max_size=3)},
    optional={
        "id": LEAVES,
        "parameters": st.dictionaries(
            st.sampled_from(["timeout", "unit", "binary_data_output"]), LEAVES
        ),
        "outputs": st.lists(
            st.fixed_dictionaries({"name": st.sampled_from(["label", "x", "a", "y"])}), max_size=3
        ),
    },
)
MODELS = st.sampled_from(["churn", "mixed", "texts", "picture"])


def answered_or_refused(plane: PlaneInProcess, path: str, body: bytes, **headers: str) -> None:
    reply = plane.ask(path, body, headers)
    assert reply.status in (200, 400, 404, 413, 415, 503), reply.body
    if reply.status != 200:
        told = reply.json
        assert told.keys() == {"error"}
        assert told["error"]
        assert "made a mistake" not in told["error"]


def test_bodies_of_the_protocols_form_never_break_it(tmp_path: Path) -> None:
    @settings(max_examples=400)
    @given(MODELS, BODIES, st.binary(max_size=24), st.booleans())
    def tried(model: str, body: dict[str, Any], blob: bytes, tells: bool) -> None:
        head = json.dumps(body).encode()
        headers = {"Inference-Header-Content-Length": str(len(head))} if tells else {}
        answered_or_refused(plane, f"/v2/models/{model}/infer", head + blob * tells, **headers)

    with PlaneInProcess(tmp_path) as plane:
        serve_models(plane)
        tried()


def test_bytes_of_any_kind_never_break_it(tmp_path: Path) -> None:
    lengths = st.one_of(st.none(), st.integers(-1, 30).map(str), st.sampled_from(["", "٣", "1e3"]))

    @settings(max_examples=200)
    @given(MODELS, st.binary(max_size=24), lengths, st.sampled_from(["", "gzip", "deflate", "br"]))
    def tried(model: str, body: bytes, length: str | None, encoding: str) -> None:
        headers = {"Content-Encoding": encoding}
        if length is not None:
            headers["Inference-Header-Content-Length"] = length
        answered_or_refused(plane, f"/v2/models/{model}/infer", body, **headers)
        answered_or_refused(plane, "/v2/repository/index", body, **headers)

    with PlaneInProcess(tmp_path) as plane:
        serve_models(plane)
        tried()
