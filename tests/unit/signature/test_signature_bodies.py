"""The worst bodies a caller can send, each with an error that says what and where."""

from __future__ import annotations

import pytest

from fairlead.errors import InputError
from fairlead.signature import Field, RowDecoder, Signature

CHURN = Signature(
    inputs=(
        Field(name="age", kind="number"),
        Field(name="visits", kind="integer", missing="allow"),
        Field(name="plan", kind="category", dtype="object", categories=("free", "pro")),
    ),
    outputs=(),
)
DECODER = RowDecoder(CHURN)
GOOD = {"age": 42, "visits": 3, "plan": "pro"}


def refuse(raw: bytes) -> InputError:
    with pytest.raises(InputError) as caught:
        DECODER.decode(raw)
    return caught.value


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "empty"),
        (b"[{", "ends too early"),
        (b'[{"age": 1,}]', "malformed at byte 11: trailing comma"),
        (b"[{'age': 1}]", "malformed at byte 2: object keys must be strings"),
        (b'[{"age": NaN}]', "Byte 9 is NaN or Infinity"),
        (b'[{"age": -Infinity}]', "NaN or Infinity"),
        (b'[{"age": 1e999}]', "beyond the range of a double"),
        (b'[{"age": 1' + b"0" * 400 + b"}]", "beyond the range of a double"),
        (b'[{"plan": "\xff"}]', "not UTF-8: byte 11"),
        (b'[{"\xc3(": 1}]', "not UTF-8: byte 3"),
        (b'[{"plan": "\\udc00"}]', "surrogate"),
        (b"[" * 100_000, "nested too deep"),
        (b'{"a":' * 100_000, "nested too deep"),
        (b"\xef\xbb\xbf[]", "byte order mark"),
        (b"\x00", "malformed at byte 0"),
        (b"[]", "no rows"),
        (b"{}", "must be a list, got an object"),
        (b"null", "must be a list, got null"),
    ],
)
def test_a_body_that_cannot_be_read_is_explained(raw: bytes, says: str) -> None:
    error = refuse(raw)
    assert says in str(error)
    assert error.hint


@pytest.mark.parametrize(
    ("row", "says", "field"),
    [
        (b'{"agee": 1, "visits": 1, "plan": "pro"}', "did you mean 'age'?", "agee"),
        (b'{"plan": "pro"}', "is missing", "age"),
        (b'{"age": null, "plan": "pro"}', "is missing", "age"),
        (b'{"age": "12.5", "plan": "pro"}', "`coerce`", "age"),
        (b'{"age": "old", "plan": "pro"}', "expected a finite number, got text", "age"),
        (b'{"age": true, "plan": "pro"}', "got a boolean", "age"),
        (b'{"age": 1, "visits": 1.5, "plan": "pro"}', "with a fraction", "visits"),
        (b'{"age": 1, "visits": 9007199254740993, "plan": "pro"}', "2^53", "visits"),
        (b'{"age": 1, "plan": "prof"}', "Known are 'free', 'pro'", "plan"),
        (b'{"age": 1, "plan": 7}', "got a number", "plan"),
        (b"[1, 2]", "has 2 values", None),
        (b"[1, 2, 'pro', 4]".replace(b"'", b'"'), "has 4 values", None),
        (b"7", "got a number", None),
    ],
)
def test_a_wrong_row_is_named_with_what_was_expected(
    row: bytes, says: str, field: str | None
) -> None:
    good = b'{"age": 1, "plan": "pro"}'
    problems = refuse(b"[" + good + b"," + row + b"]").problems
    assert says in problems[0].message
    assert (problems[0].row, problems[0].field) == (1, field)


def test_no_value_of_the_caller_is_repeated() -> None:
    error = refuse(b'[{"age": "secret-1", "visits": "secret-2", "plan": "secret-3"}]')
    assert "secret" not in str(error) + repr(error.problems)


def test_the_last_of_two_equal_keys_counts() -> None:
    batch = DECODER.decode(b'[{"age": 1, "plan": "pro", "age": 2}]')
    assert batch.column("age").tolist() == [2.0]


def test_a_whole_number_written_with_a_point_is_an_integer() -> None:
    assert DECODER.decode(b'[{"age": 1, "visits": 3.0, "plan": "pro"}]').numbers[0, 1] == 3.0


def test_all_rows_are_checked_but_the_list_of_problems_is_bounded() -> None:
    error = refuse(b"[" + b",".join([b'{"age": "x", "plan": "y"}'] * 5_000) + b"]")
    assert "10000 problems in 5000 rows" in error.message
    assert len(error.problems) == 20
    assert [problem.row for problem in error.problems[:4]] == [0, 0, 1, 1]


def test_a_long_unknown_name_is_cut_in_the_error() -> None:
    error = refuse(b'[{"age": 1, "plan": "pro", "' + b"z" * 100_000 + b'": 1}]')
    assert len(str(error)) < 500


def test_text_is_read_as_a_number_only_where_asked_and_only_if_it_is_one() -> None:
    decoder = RowDecoder(
        Signature(inputs=(Field(name="x", kind="number", coerce=True),), outputs=())
    )
    assert decoder.decode(b'[{"x": "12.5"}, {"x": 3}]').numbers.tolist() == [[12.5], [3.0]]
    for text in ("nan", "inf", "1_000", "0x10", "", "\u0661", "1e999"):
        with pytest.raises(InputError):
            decoder.recover([{"x": text}])
        with pytest.raises(InputError):
            decoder.decode(f'[{{"x": "{text}"}}]'.encode())


def test_names_that_no_struct_can_have_are_still_served() -> None:
    decoder = RowDecoder(Signature(inputs=(Field(name='say "hi"\n', kind="number"),), outputs=()))
    assert decoder.decode(b'[{"say \\"hi\\"\\n": 1}]').numbers.tolist() == [[1.0]]


def test_tensors_of_free_length_must_agree_within_a_request() -> None:
    field = Field(name="wave", kind="tensor", dtype="float32", shape=(-1,))
    decoder = RowDecoder(Signature(inputs=(field,), outputs=()))
    assert decoder.decode(b'[{"wave": [1, 2, 3]}]').columns["wave"].shape == (1, 3)
    with pytest.raises(InputError, match="must be alike"):
        decoder.decode(b'[{"wave": [1, 2, 3]}, {"wave": [1]}]')
    with pytest.raises(InputError, match="beyond the range of float32"):
        decoder.decode(b'[{"wave": [1e300]}]')
