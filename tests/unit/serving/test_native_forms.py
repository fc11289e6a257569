"""Forms with files and bodies that are one picture: the same rows as JSON with base64."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator

import numpy as np
import pytest

from fairlead.errors import InputError
from fairlead.serving.protocols.form import PARTS_MAX, read_form
from fairlead.signature import Batch, Field, Signature, from_records, to_records
from support.plane import PlaneInProcess
from support.reply import Reply

PNG = b"\x89PNG\r\n\x1a\n\r\n--not the boundary\r\n\0\xff"
WAV = b"RIFF\0\0\0\0WAVE"
PICTURE = Signature(
    inputs=(
        Field(name="photo", kind="image"),
        Field(name="age", kind="number", missing="allow"),
        Field(name="note", kind="text", missing="allow"),
        Field(name="ok", kind="boolean", missing="allow"),
    ),
    outputs=(Field(name="size", kind="number"),),
)
TWO = Signature(
    inputs=(Field(name="photo", kind="image"), Field(name="sound", kind="audio")),
    outputs=PICTURE.outputs,
)
BOUNDARY = "x-Yz'()+_,-./:=?0"
FORM = f'multipart/form-data; boundary="{BOUNDARY}"'


def sizes(batch: Batch) -> Batch:
    found = [[float(len(photo))] for photo in batch.column("photo").tolist()]
    return Batch(batch.rows, ("size",), np.array(found), {})


def form(*parts: tuple[str, bytes], boundary: str = BOUNDARY) -> bytes:
    """As browsers and curl write it."""
    lines = [
        f"--{boundary}\r\n".encode()
        + f'Content-Disposition: form-data; name="{name}"; filename="a.png"\r\n'.encode()
        + b"Content-Type: image/png\r\n\r\n" + value + b"\r\n"
        for name, value in parts
    ]  # fmt: skip
    return b"".join([*lines, f"--{boundary}--\r\n".encode()])


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlaneInProcess]:
    with PlaneInProcess(tmp_path_factory.mktemp("forms")) as plane:
        plane.serve("m", PICTURE, sizes)
        yield plane


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlaneInProcess]:
    with PlaneInProcess(tmp_path_factory.mktemp("two")) as plane:
        plane.serve("m", TWO, sizes)
        yield plane


def refused(got: Reply, status: int = 400) -> str:
    assert got.status == status, got.body
    return f"{got.error['message']} {got.error.get('hint')}"


def test_one_part_for_each_field_is_one_row(plane: PlaneInProcess) -> None:
    parts = ("photo", PNG), ("age", b"42.5"), ("ok", b"true"), ("note", "Grüße".encode())
    batch, keys = read_form(PICTURE, FORM.encode(), form(*parts))
    row = {"photo": base64.b64encode(PNG).decode(), "age": 42.5, "ok": True, "note": "Grüße"}
    assert keys == {}
    assert to_records(PICTURE.inputs, batch) == to_records(
        PICTURE.inputs, from_records(PICTURE, [row])
    )
    got = plane.predict(form(*parts), FORM)
    assert [row["size"] for row in got.json["predictions"]] == [len(PNG)]


def test_several_parts_of_a_field_are_several_rows(plane: PlaneInProcess) -> None:
    body = form(("photo", PNG), ("photo", PNG + b"more"), ("unit", b"user-7"), ("id", b"a"),
                ("id", b""), ("age", b"1"), ("age", b""))  # fmt: skip
    got = plane.predict(body, FORM)
    assert [row["size"] for row in got.json["predictions"]] == [len(PNG), len(PNG) + 4]
    frame = plane.frames[-1]
    assert (frame.units, frame.caller_ids) == (["user-7", "user-7"], ["a", None])


def test_unit_and_id_are_fields_if_the_model_has_them() -> None:
    odd = Signature(
        inputs=(Field(name="unit", kind="number"), Field(name="id", kind="text")), outputs=()
    )
    batch, keys = read_form(odd, FORM.encode(), form(("unit", b"7"), ("id", b"a")))
    assert (to_records(odd.inputs, batch), keys) == ([{"unit": 7.0, "id": "a"}], {})


@pytest.mark.parametrize(
    ("parts", "word"),
    [
        ([("photo", WAV)], "photo"),
        ([("photo", b"")], "missing"),
        ([("photo", PNG), ("age", b"old")], "age"),
        ([("photo", PNG), ("age", b"\xff")], "UTF-8"),
        ([("photo", PNG), ("age", b"1"), ("age", b"2")], "another column has 2"),
        ([("age", b"1")], "photo"),
        ([("photoo", PNG)], "'photo'"),
        ([("unit", b"u")], "no rows"),
        ([("photo", PNG), ("unit", b"a"), ("unit", b"b")], "2 entries for 1 rows"),
        ([("photo", PNG), ("unit", b"a" * 257)], "longer"),
        ([], "no"),
    ],
)
def test_a_wrong_part_is_named(
    plane: PlaneInProcess, parts: list[tuple[str, bytes]], word: str
) -> None:
    assert word in refused(plane.predict(form(*parts), FORM))


NO_NAME = b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n"


@pytest.mark.parametrize(
    ("content_type", "body", "word"),
    [
        ("multipart/form-data", form(("photo", PNG)), "boundary"),
        ("multipart/form-data; boundary=", form(("photo", PNG)), "boundary"),
        (f"multipart/form-data; boundary={'b' * 71}", b"", "boundary"),
        (f"multipart/form-data; boundary=b; x={'y' * 5000}", b"", "boundary"),
        (FORM, b"", "whole"),
        (FORM, b"nothing of the kind", "whole"),
        (FORM, form(("photo", PNG))[:-10], "whole"),
        (FORM, form(("photo", PNG), boundary="another"), "whole"),
        ("multipart/form-data; boundary=b", NO_NAME, "no name"),
        (FORM, form(*[("photo", b"")] * (PARTS_MAX + 1)), "parts"),
    ],
)
def test_what_is_no_form_is_refused(
    plane: PlaneInProcess, content_type: str, body: bytes, word: str
) -> None:
    assert word in refused(plane.predict(body, content_type))


B = b"b" * 70
HEAD = b"--" + B + b'\r\nContent-Disposition: form-data; name="photo"\r\n\r\n'
MANY = 4 << 20


@pytest.mark.parametrize(
    "body",
    [
        HEAD + b"\r" * MANY,
        HEAD + b"\r\n--" * (MANY // 4),
        HEAD + (b"\r\n--" + B[:-1]) * (MANY // 73),
        HEAD * (MANY // len(HEAD)),
        (HEAD + b"\r\n") * (MANY // len(HEAD)),
        b"\r\n" * (MANY // 2) + HEAD,
        HEAD + b"\r\n--" + B + b"--" + b"\r\n" * (MANY // 2),
        b"--" + B + b"\r\n" + b"a: b\r\n" * (MANY // 6),
        b"--" + B + b"\r\n" + b"a" * MANY,
        b"--" + B + b"\r\nContent-Disposition: form-data" + b'; a="\\' * (MANY // 5),
    ],
    ids=range(10),
)
def test_a_hostile_form_burns_no_time(body: bytes) -> None:
    began_s = time.process_time()
    with pytest.raises(InputError):
        read_form(PICTURE, b"multipart/form-data; boundary=" + B, body)
    assert time.process_time() - began_s < 2.0


def test_a_body_may_be_the_one_picture(plane: PlaneInProcess) -> None:
    got = plane.predict(PNG, "image/png", "unit=user-7&id=order%201")
    assert [row["size"] for row in got.json["predictions"]] == [len(PNG)]
    assert plane.frames[-1].units == ["user-7"]
    assert plane.frames[-1].caller_ids == ["order 1"]
    assert "photo" in refused(plane.predict(WAV, "image/png"))


def test_a_body_may_be_a_picture_only_where_it_is_clear_which(
    plane: PlaneInProcess, two: PlaneInProcess
) -> None:
    assert "image/*" in refused(plane.predict(WAV, "audio/wav"), 415)
    assert "image/*" not in refused(two.predict(PNG, "image/png"), 415)
    assert two.predict(form(("photo", PNG), ("sound", WAV)), FORM).status == 200
