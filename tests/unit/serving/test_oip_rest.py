"""The Open Inference Protocol over HTTP: every call and every form of body."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from fairlead.signature import Batch, Field
from support.oip import (
    NUMBERS,
    PNG,
    TEXTS,
    ask,
    binary,
    churn,
    classify,
    join,
    outputs,
    parted,
    refused,
    serve_models,
    tensor,
)
from support.plane import BODY_BYTES_MAX, PlaneInProcess
from support.reply import Reply


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[PlaneInProcess]:
    with PlaneInProcess(tmp_path) as made:
        serve_models(made)
        yield made


# what there is


def test_health_is_told(plane: PlaneInProcess) -> None:
    assert ask(plane, "/v2/health/live") == {"live": True}
    assert ask(plane, "/v2/health/ready") == {"ready": True}
    plane.ready = False
    assert plane.ask("/v2/health/ready").status == 503


@pytest.mark.parametrize("path", ["/v2", "/v2/"])
def test_the_server_tells_its_extensions(plane: PlaneInProcess, path: str) -> None:
    told = ask(plane, path)
    assert told["name"] == "fairlead"
    assert "binary_tensor_data" in told["extensions"]


def test_a_model_tells_a_tensor_for_each_field(plane: PlaneInProcess) -> None:
    told = ask(plane, "/v2/models/churn")
    assert told == ask(plane, "/v2/models/churn/versions/12")
    assert (told["name"], told["versions"]) == ("churn", ["1", "12"])
    assert told["inputs"] == [
        {"name": name, "datatype": kind, "shape": [-1], "parameters": {"kind": words}}
        for name, kind, words in (
            ("age", "FP64", "number"), ("visits", "INT32", "integer"),
            ("paying", "BOOL", "boolean"),
        )
    ]  # fmt: skip
    assert told["outputs"] == [
        {"name": "label", "datatype": "BYTES", "shape": [-1]},
        {
            "name": "probabilities", "datatype": "FP64", "shape": [-1, 2],
            "parameters": {"classes": ["left", "stayed"]},
        },
    ]  # fmt: skip
    mixed = {
        i["name"]: (i["datatype"], i["shape"]) for i in ask(plane, "/v2/models/mixed")["inputs"]
    }
    assert mixed == {
        "age": ("FP64", [-1]), "plan": ("BYTES", [-1]), "note": ("BYTES", [-1]),
        "at": ("BYTES", [-1]), "photo": ("BYTES", [-1]), "pair": ("FP32", [-1, 2]),
    }  # fmt: skip


def test_a_model_is_ready_once_it_is_loaded(plane: PlaneInProcess) -> None:
    assert ask(plane, "/v2/models/churn/ready") == {"name": "churn", "ready": True}
    assert ask(plane, "/v2/models/churn/versions/1/ready")["ready"] is True
    plane.plane.loading = frozenset({"late"})
    assert plane.ask("/v2/models/late/ready").status == 503
    assert plane.ask("/v2/models/late").status == 503
    assert plane.ask("/v2/models/none/ready").status == 404
    assert plane.ask("/v2/models/churn/versions/3/ready").status == 404


@pytest.mark.parametrize("body", [b"", b"{}", b'{"ready": false}'])
def test_the_index_lists_every_version(plane: PlaneInProcess, body: bytes) -> None:
    plane.plane.loading = frozenset({"late"})
    listed = ask(plane, "/v2/repository/index", body)
    assert {"name": "churn", "version": "12", "state": "READY", "reason": ""} in listed
    assert {"name": "late", "version": "", "state": "LOADING", "reason": ""} in listed
    ready = ask(plane, "/v2/repository/index", b'{"ready": true}')
    assert {row["state"] for row in ready} == {"READY"}


def test_an_index_request_of_another_form_is_refused(plane: PlaneInProcess) -> None:
    assert refused(plane, "/v2/repository/index", b"[1]")[0] == 400


@pytest.mark.parametrize("call", ["load", "unload"])
def test_callers_do_not_load_models(plane: PlaneInProcess, call: str) -> None:
    status, error = refused(plane, f"/v2/repository/models/churn/{call}", b"{}")
    assert status == 501
    assert "fairlead deploy" in error


def test_statistics_count_what_was_answered(plane: PlaneInProcess) -> None:
    ask(plane, "/v2/models/churn/infer", churn(20.0, 80.0))
    ask(plane, "/v2/models/churn/versions/12/infer", churn(20.0))
    one, other = ask(plane, "/v2/models/churn/stats")["model_stats"]
    assert (one["version"], one["inference_count"], one["execution_count"]) == ("1", 2, 1)
    assert (other["version"], other["inference_count"]) == ("12", 1)
    success = one["inference_stats"]["success"]
    assert success["count"] == 1
    assert success["ns"] > 0
    assert ask(plane, "/v2/models/churn/versions/12/stats")["model_stats"] == [other]
    assert len(ask(plane, "/v2/models/stats")["model_stats"]) == 5


def test_statistics_tell_waits_failures_and_the_last_request(plane: PlaneInProcess) -> None:
    def fails(_: Batch) -> Batch:
        raise RuntimeError

    def told() -> Any:
        (one,) = ask(plane, "/v2/models/broken/stats")["model_stats"]
        return one

    plane.serve("broken", NUMBERS, fails)
    assert told()["last_inference"] == 0
    before_ms = plane.clock.now_us() // 1000
    refused(plane, "/v2/models/broken/infer", churn(20.0))
    figures = told()["inference_stats"]
    assert (figures["success"], figures["fail"]["count"]) == ({"count": 0, "ns": 0}, 1)
    assert figures["fail"]["ns"] >= figures["queue"]["ns"] > 0
    assert figures["queue"]["count"] == 1
    first_ms = told()["last_inference"]
    assert before_ms <= first_ms <= plane.clock.now_us() // 1000
    plane.serve("broken", NUMBERS, classify)
    ask(plane, "/v2/models/broken/infer", churn(20.0))
    after = told()
    assert after["last_inference"] >= first_ms
    assert after["inference_stats"]["success"]["ns"] > 0
    assert after["inference_stats"]["fail"] == figures["fail"]


def test_a_model_may_have_the_name_of_a_path(plane: PlaneInProcess) -> None:
    plane.serve("stats", TEXTS, join)
    assert ask(plane, "/v2/models/stats")["name"] == "stats"


def test_the_configuration_is_in_the_terms_of_its_readers(plane: PlaneInProcess) -> None:
    told = ask(plane, "/v2/models/churn/config")
    assert (told["name"], told["max_batch_size"]) == ("churn", 0)
    assert told["input"][0] == {"name": "age", "data_type": "TYPE_FP64", "dims": [-1]}
    assert told["output"][0] == {"name": "label", "data_type": "TYPE_STRING", "dims": [-1]}


# inference


def ask_together(plane: PlaneInProcess, path: str, *bodies: object) -> list[Reply]:
    """Requests of one turn of the loop, which share a batch."""

    async def asking() -> list[Reply]:
        return await asyncio.gather(*(plane.asking(path, body) for body in bodies))

    return plane.loop.run_until_complete(asking())


def test_columns_are_answered_in_columns(plane: PlaneInProcess) -> None:
    answer = ask(plane, "/v2/models/churn/infer", {**churn(20.0, 80.0), "id": "r 1"})
    assert (answer["model_name"], answer["model_version"], answer["id"]) == ("churn", "1", "r 1")
    assert outputs(answer) == {
        "label": ["stayed", "left"], "probabilities": pytest.approx([0.2, 0.8, 0.8, 0.2]),
    }  # fmt: skip
    assert [output["shape"] for output in answer["outputs"]] == [[2], [2, 2]]
    ids = answer["parameters"]["prediction_id"].split(",")
    assert len({len(one) for one in ids}) == 1
    assert len(set(ids)) == 2


def test_no_id_is_made_up(plane: PlaneInProcess) -> None:
    assert "id" not in ask(plane, "/v2/models/churn/infer", churn(20.0))
    assert ask(plane, "/v2/models/churn/infer", {**churn(20.0), "id": ""})["id"] == ""


@pytest.mark.parametrize("nested", [True, False])
@pytest.mark.parametrize("name", ["anything", "age"])
def test_one_matrix_stands_for_all_numbers(plane: PlaneInProcess, name: str, nested: bool) -> None:
    rows = [[20.0, 3, 1], [80.0, 4, 0]]
    data: Any = rows if nested else [value for row in rows for value in row]
    answer = ask(plane, "/v2/models/churn/infer", {"inputs": [tensor(name, "FP64", data, 2, 3)]})
    assert outputs(answer)["label"] == ["stayed", "left"]


def test_one_matrix_stands_for_all_texts(plane: PlaneInProcess) -> None:
    body = {"inputs": [tensor("x", "BYTES", ["a", "b", "c", "d"], 2, 2)]}
    assert outputs(ask(plane, "/v2/models/texts/infer", body)) == {
        "a": ["ab", "cd"],
        "count": [2, 2],
    }


@pytest.mark.parametrize("model", ["mixed", "texts"])
def test_one_matrix_does_not_stand_for_fields_of_other_kinds(
    plane: PlaneInProcess, model: str
) -> None:
    body = {"inputs": [tensor("x", "FP64", [1.0, 2.0], 1, 2)]}
    status, error = refused(plane, f"/v2/models/{model}/infer", body)
    assert status == 400
    assert "not all of them are numbers" in error


def test_every_kind_of_field_comes_as_json(plane: PlaneInProcess) -> None:
    body = {
        "inputs": [
            tensor("age", "FP64", [1.5, None]),
            tensor("plan", "BYTES", ["pro", None]),
            tensor("note", "BYTES", ["ä", ""]),
            tensor("at", "INT64", [1_700_000_000_000_000, 0]),
            tensor("photo", "BYTES", ["iVBORw0KGgo=", "iVBORw0KGgo="]),
            tensor("pair", "FP64", [[1, 2], [3, 4]], 2, 2),
        ]
    }
    assert outputs(ask(plane, "/v2/models/mixed/infer", body)) == {
        "age": [1.5, None], "plan": ["pro", None], "note": ["ä", ""],
        "at": ["2023-11-14T22:13:20.000000Z", "1970-01-01T00:00:00.000000Z"],
        "photo": ["iVBORw0KGgo=", "iVBORw0KGgo="], "pair": [1, 2, 3, 4],
    }  # fmt: skip


def test_every_kind_of_field_comes_as_bytes(plane: PlaneInProcess) -> None:
    def text(*values: bytes) -> bytes:
        return b"".join(len(value).to_bytes(4, "little") + value for value in values)

    parts = [
        ("age", "FP16", np.array([1.5, np.nan], "<f2").tobytes(), [2]),
        ("plan", "BYTES", text(b"pro", b"free"), [2]),
        ("note", "BYTES", text("ä".encode(), b""), [2, 1]),
        ("at", "BYTES", text(b"2023-11-14T22:13:20Z", b"1970-01-01"), [2]),
        ("photo", "BYTES", text(PNG, PNG), [2]),
        ("pair", "FP32", np.arange(4, dtype="<f4").tobytes(), [2, 2]),
    ]
    inputs = [
        {
            "name": name,
            "datatype": kind,
            "shape": shape,
            "parameters": {"binary_data_size": len(raw)},
        }
        for name, kind, raw, shape in parts
    ]  # fmt: skip
    asked = {"inputs": inputs, "parameters": {"binary_data_output": True}}
    body, headers = binary(asked, *(raw for _, _, raw, _ in parts))
    head, blobs = parted(plane.ask("/v2/models/mixed/infer", body, headers))
    got = {}
    for output in head["outputs"]:
        size = output["parameters"]["binary_data_size"]
        got[output["name"]], blobs = bytes(blobs[:size]), blobs[size:]
    assert not len(blobs)
    assert np.frombuffer(got["age"], "<f8").tolist() == [1.5, pytest.approx(np.nan, nan_ok=True)]
    assert got["plan"] == text(b"pro", b"free")
    assert got["note"] == text("ä".encode(), b"")
    assert got["photo"] == text(PNG, PNG)
    assert np.frombuffer(got["pair"], "<f4").tolist() == [0, 1, 2, 3]


def test_each_output_comes_in_the_form_that_was_asked_for(plane: PlaneInProcess) -> None:
    body = {
        **churn(20.0),
        "parameters": {"binary_data_output": True},
        "outputs": [
            {"name": "probabilities"}, {"name": "label", "parameters": {"binary_data": False}},
        ],
    }  # fmt: skip
    head, blobs = parted(plane.ask("/v2/models/churn/infer", body))
    assert [output["name"] for output in head["outputs"]] == ["probabilities", "label"]
    assert head["outputs"][1]["data"] == ["stayed"]
    assert np.frombuffer(blobs, "<f8").tolist() == pytest.approx([0.2, 0.8])


def test_a_raw_request_is_the_bytes_of_the_only_input(plane: PlaneInProcess) -> None:
    raw = np.arange(8, dtype="<f4").tobytes()
    zero = {"Inference-Header-Content-Length": "0"}
    head, blobs = parted(plane.ask("/v2/models/picture/infer", raw, zero))
    assert head["outputs"][0]["shape"] == [2, 2, 2]
    assert bytes(blobs) == raw
    named = {"inference_header_content_length": "x", **zero}
    assert refused(plane, "/v2/models/picture/infer", raw[:-1], **named)[0] == 400
    status, error = refused(plane, "/v2/models/churn/infer", raw, **named)
    assert status == 400
    assert "this one has 3" in error


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", lambda raw: zlib.compress(raw, wbits=-15)),
        ("identity", bytes),
    ],
)
def test_compressed_bodies_are_taken(plane: PlaneInProcess, encoding: str, compress: Any) -> None:
    body = compress(json.dumps(churn(20.0)).encode())
    answer = ask(plane, "/v2/models/churn/infer", body, **{"Content-Encoding": encoding})
    assert outputs(answer)["label"] == ["stayed"]


def test_a_bomb_is_refused_at_the_limit(plane: PlaneInProcess) -> None:
    bomb = gzip.compress(b" " * (BODY_BYTES_MAX + 1))
    assert len(bomb) < 2000
    headers = {"Content-Encoding": "gzip"}
    assert refused(plane, "/v2/models/churn/infer", bomb, **headers)[0] == 413
    for damaged in (b"no gzip", gzip.compress(b"{}")[:-4], gzip.compress(b"{}") * 2):
        assert refused(plane, "/v2/models/churn/infer", damaged, **headers)[0] == 400
    headers = {"Content-Encoding": "br"}
    assert refused(plane, "/v2/models/churn/infer", bomb, **headers)[0] == 415


def test_large_replies_are_compressed_if_that_is_asked_for(plane: PlaneInProcess) -> None:
    body = churn(*[20.0] * 500)
    plain = plane.ask("/v2/models/churn/infer", body, {"Accept-Encoding": "gzip;q=0"})
    packed = plane.ask("/v2/models/churn/infer", body, {"Accept-Encoding": "br, gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    unpacked = msgspec.json.decode(gzip.decompress(packed.body))
    assert outputs(unpacked) == outputs(plain.json)
    reply = plane.ask("/v2/models/churn/infer", churn(20.0), {"Accept-Encoding": "gzip"})
    assert "content-encoding" not in reply.headers


@pytest.mark.parametrize("content_type", ["", "application/x-www-form-urlencoded", "text/plain"])
def test_the_content_type_does_not_matter(plane: PlaneInProcess, content_type: str) -> None:
    ask(plane, "/v2/models/churn/infer", churn(20.0), **{"Content-Type": content_type})


def test_a_version_in_the_path_answers_if_it_is_routed(plane: PlaneInProcess) -> None:
    answer = ask(plane, "/v2/models/churn/versions/12/infer", churn(20.0))
    assert answer["model_version"] == "12"
    status, error = refused(plane, "/v2/models/churn/versions/3/infer", churn(20.0))
    assert status == 404
    assert "Those that do: 1, 12" in error


def test_classes_keep_the_order_that_the_endpoint_tells(plane: PlaneInProcess) -> None:
    def backwards(batch: Batch) -> Batch:
        answer = classify(batch)
        flipped = answer.columns["probabilities"][:, ::-1]
        return Batch(batch.rows, (), answer.numbers, {**answer.columns, "probabilities": flipped})

    label, shares = NUMBERS.outputs
    fields = (label, msgspec.structs.replace(shares, categories=("stayed", "left")))
    plane.serve("turned", NUMBERS, backwards, fields=fields)
    answer = ask(plane, "/v2/models/turned/infer", churn(20.0))
    assert outputs(answer)["probabilities"] == pytest.approx([0.2, 0.8])


def test_each_of_those_who_ask_together_gets_its_own_rows(plane: PlaneInProcess) -> None:
    asked = [churn(20.0), churn(60.0, 70.0), churn(30.0)]
    replies = ask_together(plane, "/v2/models/churn/infer", *asked)
    answers = [outputs(reply.json) for reply in replies]
    assert [answer["label"] for answer in answers] == [["stayed"], ["left", "left"], ["stayed"]]
    shares = [answer["probabilities"][::2] for answer in answers]
    assert shares == [pytest.approx([0.2]), pytest.approx([0.6, 0.7]), pytest.approx([0.3])]


def test_a_row_without_an_answer_fails_only_the_request_that_wants_it(
    plane: PlaneInProcess,
) -> None:
    def count(batch: Batch) -> Batch:
        ages = batch.column("age").astype(float)
        halves = np.where(ages > 50, np.nan, ages)
        return Batch(batch.rows, ("half", "count"), np.column_stack([ages / 2, halves]), {})

    fields = (Field(name="half", kind="number"), Field(name="count", kind="integer", dtype="int64"))
    plane.serve("counted", msgspec.structs.replace(NUMBERS, outputs=fields), count)
    asked = [churn(20.0), churn(60.0), {**churn(60.0), "outputs": [{"name": "half"}]}]
    replies = ask_together(plane, "/v2/models/counted/infer", *asked)
    assert [reply.status for reply in replies] == [200, 500, 200]
    assert outputs(replies[0].json) == {"half": [10.0], "count": [20]}
    assert outputs(replies[2].json) == {"half": [30.0]}


def test_a_timeout_in_the_body_is_kept(plane: PlaneInProcess) -> None:
    body = {**churn(20.0), "parameters": {"timeout": 1}}
    status, error = refused(plane, "/v2/models/churn/infer", body)
    assert status == 503
    assert "time was up" in error
    ask(plane, "/v2/models/churn/infer", {**churn(20.0), "parameters": {"timeout": 0, "unit": "u"}})
