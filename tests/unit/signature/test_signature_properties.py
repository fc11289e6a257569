"""Any rows made from a signature are taken, any spoiled value is refused by row and field."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.errors import InputError, Problem
from fairlead.signature import (
    Batch,
    Field,
    FieldKind,
    RowDecoder,
    Signature,
    from_frame,
    from_records,
    infer_inputs,
    row_schema,
    to_records,
)
from fairlead.signature.kinds import RULES

PNG = b"\x89PNG\r\n\x1a\n"
FLAC = b"fLaC"
EXACT = 2**53 - 1
NAMES = st.one_of(
    st.sampled_from(["age", "plan", "a b", "größe", "x.y", "0", "class", "rows"]),
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=8),
)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)


@st.composite
def fields(draw: st.DrawFn) -> Field:
    kind: FieldKind = draw(st.sampled_from(sorted(RULES)))
    more: dict[str, Any] = {"dtype": "object"}
    if kind == "category":
        known = draw(
            st.one_of(
                st.lists(TEXTS, min_size=1, max_size=5, unique=True),
                st.lists(st.integers(-9, 9), min_size=1, max_size=5, unique=True),
                st.lists(st.sampled_from([1.5, 2.0, -3.25]), min_size=1, unique=True),
                st.just(["a", 1]),
                st.just([True, False]),
            )
        )
        more["categories"] = tuple(known)
        more["unknown"] = draw(st.sampled_from(["error", "allow", "impute"]))
        more["impute"] = known[0]
    elif kind == "tensor":
        more["shape"] = tuple(draw(st.lists(st.integers(1, 3), min_size=1, max_size=3)))
        more["dtype"] = draw(st.sampled_from(["float64", "float32", "uint8", "int64", "bool"]))
    else:
        more["impute"] = {
            "number": 0.5, "integer": 7, "boolean": True, "text": "none",
            "image": base64.b64encode(PNG).decode(), "audio": base64.b64encode(FLAC).decode(),
            "timestamp": "2020-01-01",
        }[kind]  # fmt: skip
    if kind in ("number", "integer"):
        more["coerce"] = draw(st.booleans())
    if kind != "tensor":
        more["missing"] = draw(st.sampled_from(["error", "allow", "impute"]))
    return Field(name=draw(NAMES), kind=kind, **more)


@st.composite
def signatures(draw: st.DrawFn) -> Signature:
    inputs = draw(st.lists(fields(), min_size=1, max_size=6, unique_by=lambda f: f.name))
    return Signature(
        inputs=tuple(inputs), outputs=(), extra=draw(st.sampled_from(["error", "ignore"]))
    )


def tensors(field: Field, shape: tuple[int, ...]) -> st.SearchStrategy[Any]:
    if shape:
        return st.lists(tensors(field, shape[1:]), min_size=shape[0], max_size=shape[0])
    return {
        "bool": st.booleans(), "uint8": st.integers(0, 255), "int64": st.integers(-EXACT, EXACT),
        "float32": st.floats(width=32, allow_nan=False, allow_infinity=False),
    }.get(field.dtype, st.floats(allow_nan=False, allow_infinity=False))  # fmt: skip


def present(field: Field) -> st.SearchStrategy[Any]:
    numbers = st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(-9, 9))
    integers = st.one_of(st.integers(-EXACT, EXACT), st.integers(-9, 9).map(float))
    times = st.datetimes(timezones=st.none() | st.timezones())
    return {
        "number": st.one_of(numbers, numbers.map(repr)) if field.coerce else numbers,
        "integer": st.one_of(integers, integers.map(repr)) if field.coerce else integers,
        "boolean": st.booleans(),
        "category": st.sampled_from(field.categories or ("a",)),
        "text": TEXTS,
        "image": st.binary(max_size=4).map(lambda b: base64.b64encode(PNG + b).decode()),
        "audio": st.binary(max_size=4).map(lambda b: base64.b64encode(FLAC + b).decode()),
        "timestamp": st.one_of(times.map(lambda time: time.isoformat()), st.integers(0, 2**32)),
        "tensor": tensors(field, field.shape),
    }[field.kind]


@st.composite
def requests(draw: st.DrawFn) -> tuple[Signature, list[Any]]:
    signature = draw(signatures())
    rows: list[Any] = []
    for _ in range(draw(st.integers(1, 4))):
        row = {}
        for field in signature.inputs:
            here = "value" if field.missing == "error" else draw(
                st.sampled_from(["value", "value", "null", "absent"])
            )  # fmt: skip
            if here != "absent":
                row[field.name] = draw(present(field)) if here == "value" else None
        positional = draw(st.booleans()) and len(row) == len(signature.inputs)
        rows.append([row[f.name] for f in signature.inputs] if positional else row)
    return signature, rows


def same(a: Batch, b: Batch) -> None:
    assert (a.rows, a.names, list(a.columns)) == (b.rows, b.names, list(b.columns))
    np.testing.assert_array_equal(a.numbers, b.numbers)
    assert a.numbers.dtype == b.numbers.dtype == np.float64
    for name, column in a.columns.items():
        assert column.dtype == b.columns[name].dtype
        assert [(type(v), v) for v in column.ravel().tolist()] == [
            (type(v), v) for v in b.columns[name].ravel().tolist()
        ]


@settings(max_examples=200)
@given(requests())
def test_rows_that_fit_are_decoded_as_the_exact_path_reads_them(
    request: tuple[Signature, list[Any]],
) -> None:
    signature, rows = request
    raw = msgspec.json.encode(rows)
    fast = RowDecoder(signature).decode(raw)
    same(fast, from_records(signature, rows))
    again = to_records(signature.inputs, fast)
    same(fast, RowDecoder(signature).decode(msgspec.json.encode(again)))


@settings(max_examples=200)
@given(requests(), st.data())
def test_a_spoiled_value_is_refused_and_named_by_row_and_field(
    request: tuple[Signature, list[Any]], data: st.DataObject
) -> None:
    signature, rows = request
    at = data.draw(st.integers(0, len(rows) - 1))
    place = data.draw(st.integers(0, len(signature.inputs) - 1))
    field = signature.inputs[place]
    wrong = data.draw(st.sampled_from(RULES[field.kind].wrong))
    row = rows[at]
    row[place if isinstance(row, list) else field.name] = wrong
    with pytest.raises(InputError) as caught:
        RowDecoder(signature).decode(msgspec.json.encode(rows))
    [problem] = caught.value.problems
    assert (problem.row, problem.field) == (at, field.name)
    assert problem.expected == RULES[field.kind].expected(field)


@settings(max_examples=100)
@given(requests(), st.data())
def test_an_unknown_field_is_refused_unless_extras_are_ignored(
    request: tuple[Signature, list[Any]], data: st.DataObject
) -> None:
    signature, rows = request
    row = data.draw(st.sampled_from([*[r for r in rows if isinstance(r, dict)], {}]))
    name = data.draw(NAMES.filter(lambda n: n not in {f.name for f in signature.inputs}))
    row[name] = 1
    decoder, raw = RowDecoder(signature), msgspec.json.encode(rows)
    if row not in rows or signature.extra == "ignore":
        decoder.decode(raw)
        return
    with pytest.raises(InputError) as caught:
        decoder.decode(raw)
    assert {problem.field for problem in caught.value.problems} == {name}


def outcome(read: Callable[[], Batch]) -> Batch | tuple[Problem, ...]:
    try:
        return read()
    except InputError as error:
        return error.problems


@settings(max_examples=100)
@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False)
        | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
        max_leaves=10,
    ),
    signatures(),
)
def test_any_json_is_taken_or_refused_as_the_exact_path_would(
    value: Any, signature: Signature
) -> None:
    raw = msgspec.json.encode(value)
    exact = outcome(lambda: from_records(signature, msgspec.json.decode(raw)))
    fast = outcome(lambda: RowDecoder(signature).decode(raw))
    if isinstance(exact, Batch) and isinstance(fast, Batch):
        same(exact, fast)
    else:
        assert exact == fast


@settings(max_examples=100)
@given(requests())
def test_inferring_from_what_was_read_gives_fields_that_take_it(
    request: tuple[Signature, list[Any]],
) -> None:
    _, rows = request
    plain = [r for r in rows if isinstance(r, dict)]
    try:
        inferred = Signature(inputs=infer_inputs(plain), outputs=())
    except InputError:
        return  # columns that are all missing, or of types that no kind has
    assert from_frame(inferred, plain).rows == len(plain)


@settings(max_examples=50)
@given(signatures())
def test_the_schema_names_every_field_and_its_example_is_a_valid_row(signature: Signature) -> None:
    schema = msgspec.json.decode(msgspec.json.encode(row_schema(signature)))
    assert list(schema["properties"]) == [field.name for field in signature.inputs]
    assert RowDecoder(signature).decode(msgspec.json.encode(schema["examples"])).rows == 1
