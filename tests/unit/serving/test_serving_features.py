"""Requests that bring a key get their features filled in, and the record says which."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace

from fairlead.clock import ManualClock, SystemClock
from fairlead.features import FeatureSpec
from fairlead.lookup import Key, Row, Tables, open_tables
from fairlead.predictionlog.frame import HEADER, decode_payload, encode_prediction
from fairlead.predictionlog.tables import predictions_table
from fairlead.predictionlog.types import PredictionFrame
from fairlead.serving.features.follow import FeatureTables
from fairlead.serving.lookup.follow import Followed
from fairlead.signature import Field, Signature, to_records
from support.plane import ROWS_MAX, PlaneInProcess
from support.redis import needs_redis, running_redis
from support.reply import Reply
from support.routes import zeros

FIELDS = (
    Field(name="age", kind="number"),
    Field(name="plan", kind="category", categories=("free", "pro"), unknown="allow"),
    Field(name="since", kind="timestamp", missing="allow"),
    Field(name="amount", kind="number"),
)
CHURN = Signature(inputs=FIELDS, outputs=(Field(name="prediction", kind="number"),))
CUSTOMER = FeatureSpec(name="customer", source="", key="customer_id", ttl_us=3_600_000_000)
COLUMNS = ("age", "plan", "since", "segment")
HOUR_US = 3_600_000_000
NOW_US = SystemClock().now_us()
ROWS: dict[Key, Row] = {
    "c-1": Row(NOW_US, (42.5, "pro", "2026-01-02T03:04:05.000000Z", "a")),
    "c-2": Row(NOW_US - HOUR_US // 2, (7, None, None, "b")),
    "old": Row(NOW_US - 2 * HOUR_US, (99, "free", None, "c")),
    7: Row(NOW_US, (17, "free", None, "d")),
}


@contextmanager
def plane_of(
    folder: Path,
    tables: Tables,
    *specs: FeatureSpec,
    publish: bool = True,
    endpoint: str = "m",
) -> Iterator[PlaneInProcess]:
    if publish:
        tables.publish("features.customer", COLUMNS, ROWS.items(), NOW_US)
    followed = Followed(tables, ManualClock(NOW_US))
    features = FeatureTables(followed, {endpoint: specs}, ManualClock(NOW_US))
    with PlaneInProcess(folder, features=features) as plane:
        plane.serve(endpoint, CHURN, zeros)
        plane.loop.run_until_complete(followed.look())
        yield plane
        followed.close()


@pytest.fixture(params=["lmdb", pytest.param("redis", marks=needs_redis)])
def tables(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Tables]:
    if request.param == "lmdb":
        yield open_tables(f"lmdb://{tmp_path}/lookup")
        return
    with running_redis(tmp_path) as (url, _):
        yield open_tables(url, 1.0)


@pytest.fixture
def plane(tmp_path: Path, tables: Tables) -> Iterator[PlaneInProcess]:
    with plane_of(tmp_path, tables, CUSTOMER) as plane:
        yield plane


@pytest.fixture
def mapped(tmp_path: Path) -> Tables:
    return open_tables(f"lmdb://{tmp_path}/mapped")


def asked(plane: PlaneInProcess) -> list[dict[str, Any]]:
    """The inputs that the last record holds."""
    return to_records(FIELDS, plane.frames[-1].inputs)


def notes(plane: PlaneInProcess) -> list[Any]:
    """What the last record says was looked up."""
    told = plane.frames[-1].features
    assert told is not None
    return [note and json.loads(note)["customer"] for note in told]


def problems(reply: Reply) -> list[tuple[object, object]]:
    assert reply.status == 400
    return [(each["row"], each["field"]) for each in reply.error["problems"]]


FILLED = [
    {"age": 42.5, "plan": "pro", "since": "2026-01-02T03:04:05.000000Z", "amount": 1.0},
    {"age": 17.0, "plan": "free", "since": None, "amount": 2.0},
]
FORMS: dict[str, object] = {
    "rows": {"rows": [{"customer_id": "c-1", "amount": 1}, {"customer_id": 7, "amount": 2}]},
    "columns": {"columns": {"customer_id": ["c-1", 7], "amount": [1, 2]}},
}


@pytest.mark.parametrize("form", FORMS)
def test_missing_fields_are_filled_in_and_noted(plane: PlaneInProcess, form: str) -> None:
    reply = plane.predict(FORMS[form])
    assert reply.status == 200, reply.body
    assert asked(plane) == FILLED
    for note in notes(plane):
        assert note["fields"] == ["age", "plan", "since"]
        assert 0 <= note["age_s"] < 600
        assert note["snapshot"]


def test_one_record_is_filled_and_keeps_its_unit_and_id(plane: PlaneInProcess) -> None:
    reply = plane.predict({"customer_id": "c-1", "amount": 1, "unit": "u", "id": "i"})
    assert reply.status == 200, reply.body
    assert asked(plane) == FILLED[:1]
    frame = plane.frames[-1]
    assert (frame.units, frame.caller_ids) == (["u"], ["i"])


def test_a_field_that_is_given_stays_as_it_is(plane: PlaneInProcess) -> None:
    rows = [
        {"customer_id": "c-1", "amount": 1, "age": 3, "since": None},
        {"customer_id": "no such", "amount": 2, "age": 4, "plan": "pro", "since": None},
        {"amount": 3, "age": 5, "plan": "free"},
        [6, "pro", None, 4],
    ]
    assert plane.predict({"rows": rows}).status == 200
    assert [(row["age"], row["plan"], row["since"]) for row in asked(plane)] == [
        (3, "pro", None), (4, "pro", None), (5, "free", None), (6, "pro", None)
    ]  # fmt: skip
    first, *others = notes(plane)
    assert first["fields"] == ["plan"]
    assert others == [None, None, None]


def test_requests_that_run_together_keep_their_own_notes(plane: PlaneInProcess) -> None:
    bodies = [{"customer_id": "c-1", "amount": 1}, {"age": 1, "plan": "pro", "amount": 5}]

    async def both() -> list[Reply]:
        waiting = [plane.asking("/v1/endpoints/m/predict", body) for body in bodies]
        return [await one for one in [plane.loop.create_task(each) for each in waiting]]

    assert [reply.status for reply in plane.loop.run_until_complete(both())] == [200, 200]
    told = {
        row["amount"]: note
        for frame in plane.frames
        for row, note in zip(
            to_records(FIELDS, frame.inputs), frame.features or [None] * 2, strict=False
        )
    }
    assert told[1.0] is not None
    assert told[5.0] is None


def test_keys_that_are_not_known_or_too_old_are_refused_by_name(plane: PlaneInProcess) -> None:
    keys = ["c-1", "c-3", "old", "7", 1]
    reply = plane.predict({"rows": [{"customer_id": key, "amount": 1} for key in keys]})
    assert problems(reply) == [(row, "customer_id") for row in (1, 2, 3, 4)]
    assert "older than 1h" in reply.error["problems"][1]["message"]
    again = plane.predict({"columns": {"customer_id": keys, "amount": [1] * 5}})
    assert again.error["problems"] == reply.error["problems"]
    assert not plane.frames


@pytest.mark.parametrize("key", [True, 1.5, ["c-1"], {"a": 1}], ids=repr)
def test_what_is_no_key_is_refused(plane: PlaneInProcess, key: object) -> None:
    reply = plane.predict({"rows": [{"customer_id": key, "amount": 1}]})
    assert problems(reply) == [(0, "customer_id")]
    assert reply.error["problems"][0]["expected"] == "a text or an integer"


def test_rows_without_a_key_lack_what_they_lack(plane: PlaneInProcess) -> None:
    for row in ({"amount": 1}, {"amount": 1, "customer_id": None}):
        assert problems(plane.predict({"rows": [row]})) == [(0, "age"), (0, "plan")]


def test_what_was_filled_in_is_validated(plane: PlaneInProcess) -> None:
    assert problems(plane.predict({"customer_id": "c-2", "amount": 1})) == [(0, "plan")]


BODIES: tuple[object, ...] = (
    b"{", b"[]", b"7", {}, {"customer_id": "c-1", "rows": []}, {"rows": {}}, {"columns": []},
    {"rows": []}, {"columns": {"customer_id": ["c-1"], "amount": [1, 2]}}, {"rows": [7]},
    {"columns": {"customer_id": "c-1", "amount": 1}}, {"customer": "c-1", "amount": 1},
    {"rows": [{"customer_id": "c-1", "amount": 1}], "columns": {}}, {"columns": {}},
    {"rows": [{"customer_id": "c-1", "amount": 1, "agee": 1}]},
    {"rows": [{"customer_id": "c-1", "amount": "x"}]},
)  # fmt: skip


@pytest.mark.parametrize("body", BODIES, ids=repr)
def test_other_bodies_are_refused_as_ever(plane: PlaneInProcess, body: object) -> None:
    reply = plane.predict(body)
    assert reply.status in (400, 422), reply.body
    assert reply.error["message"]


def test_too_many_rows_are_refused_before_they_are_looked_up(plane: PlaneInProcess) -> None:
    count = ROWS_MAX + 1
    for body in (
        {"rows": [{"customer_id": "c-3"}] * count}, {"columns": {"customer_id": ["c-3"] * count}}
    ):  # fmt: skip
        assert f"more than {ROWS_MAX} rows" in plane.predict(body).error["message"]


def test_defaults_stand_in_and_are_noted(tmp_path: Path, mapped: Tables) -> None:
    spec = replace(CUSTOMER, missing="default", defaults={"age": 40, "plan": "free", "other": 1})
    with plane_of(tmp_path, mapped, spec) as plane:
        keys = ["c-3", "old", "c-1"]
        assert plane.predict({"columns": {"customer_id": keys, "amount": [1] * 3}}).status == 200
        assert [row["age"] for row in asked(plane)] == [40, 40, 42.5]
        first, second, third = notes(plane)
        assert first == second == {"fields": ["age", "plan"], "missing": "default"}
        assert third["snapshot"]


def test_null_stands_in_and_the_signature_decides(tmp_path: Path, mapped: Tables) -> None:
    with plane_of(tmp_path, mapped, replace(CUSTOMER, missing="null")) as plane:
        row = {"customer_id": "c-3", "amount": 1, "age": 1, "plan": "pro"}
        assert plane.predict({"rows": [row]}).status == 200
        assert asked(plane)[0]["since"] is None
        assert notes(plane) == [{"fields": ["since"], "missing": "null"}]
        reply = plane.predict({"customer_id": "c-3", "amount": 1})
        assert problems(reply) == [(0, "age"), (0, "plan")]


def test_features_that_are_not_there_yet_are_the_operators_matter(
    tmp_path: Path, mapped: Tables
) -> None:
    with plane_of(tmp_path, mapped, CUSTOMER, publish=False) as plane:
        reply = plane.predict({"customer_id": "c-1", "amount": 1})
        assert reply.status == 503
        assert "fairlead features materialize customer" in reply.error["hint"]
        assert plane.predict({"amount": 1}).status == 400
    with plane_of(
        tmp_path, mapped, replace(CUSTOMER, missing="default", defaults={"age": 4, "plan": "pro"}),
        publish=False,
    ) as plane:  # fmt: skip
        assert plane.predict({"customer_id": "c-1", "amount": 1}).status == 200
        assert asked(plane)[0]["age"] == 4


def test_a_model_may_have_a_field_of_the_keys_name(tmp_path: Path, mapped: Tables) -> None:
    mapped.publish("features.customer", ("age",), {"c-1": Row(NOW_US, (42.5,))}.items(), NOW_US)
    signature = replace(
        CHURN, inputs=(Field(name="customer_id", kind="text"), Field(name="age", kind="number"))
    )
    with plane_of(tmp_path, mapped, CUSTOMER, publish=False) as plane:
        plane.serve("m", signature, zeros)
        assert plane.predict({"customer_id": "c-1"}).status == 200
        assert plane.frames[-1].inputs.column("customer_id").tolist() == ["c-1"]
        assert plane.frames[-1].inputs.column("age").tolist() == [42.5]


def test_two_tables_may_fill_one_row(tmp_path: Path, mapped: Tables) -> None:
    mapped.publish("features.shop", ("amount",), {3: Row(NOW_US, (9.5,))}.items(), NOW_US)
    shop = FeatureSpec(name="shop", source="", key="shop_id")
    with plane_of(tmp_path, mapped, CUSTOMER, shop) as plane:
        assert plane.predict({"customer_id": "c-1", "shop_id": 3}).status == 200
        assert asked(plane)[0] == FILLED[0] | {"amount": 9.5}
        told = plane.frames[-1].features
        assert told is not None
        assert list(json.loads(told[0] or "")) == ["customer", "shop"]


def test_the_document_says_by_what_fields_are_looked_up(tmp_path: Path, mapped: Tables) -> None:
    with plane_of(tmp_path, mapped, CUSTOMER) as plane:
        plane.serve("other", CHURN, zeros)
        keyed, other = (
            plane.ask(f"/v1/endpoints/{name}/openapi.json").json["components"]["schemas"]
            for name in ("m", "other")
        )
    for form in (keyed["Row"], keyed["Record"], keyed["Columns"]["properties"]["columns"]):
        assert "customer_id" in form["properties"]
        assert form["required"] == []
    assert "customer_id" not in other["Row"]["properties"]
    assert other["Row"]["required"] == ["age", "plan", "amount"]


def test_an_endpoint_without_features_knows_no_keys(tmp_path: Path, tables: Tables) -> None:
    with plane_of(tmp_path, tables) as plane:
        reply = plane.predict({"customer_id": "c-1", "amount": 1})
        assert "customer_id" in str(reply.error["problems"])


def test_a_new_snapshot_is_noticed_and_a_broken_one_is_not_taken(
    tmp_path: Path, mapped: Tables
) -> None:
    mapped.publish("features.customer", COLUMNS, ROWS.items(), NOW_US)
    followed = Followed(mapped, SystemClock())
    features = FeatureTables(followed, {"m": (CUSTOMER,)}, SystemClock())
    body = {"customer_id": "c-1", "amount": 1}
    with PlaneInProcess(tmp_path, features=features) as plane:
        plane.serve("m", CHURN, zeros)

        def look() -> None:
            plane.loop.run_until_complete(followed.look())

        look()
        newer = {"c-1": Row(NOW_US, (1.5, "free", None, "z"))}
        mapped.publish("features.customer", COLUMNS, newer.items(), NOW_US)
        assert plane.predict(body).status == 200
        assert asked(plane)[0]["age"] == 42.5
        look()
        assert plane.predict(body).status == 200
        assert asked(plane)[0]["age"] == 1.5
        mapped.publish("features.customer", COLUMNS, ROWS.items(), NOW_US)
        next((tmp_path / "mapped" / "features.customer").glob("*.mdb")).write_bytes(b"torn")
        look()
        look()
        assert followed.problems() == [
            "features customer: The look-up table 'features.customer' is damaged. Publish it again."
        ]
        assert plane.predict(body).status == 200
        assert asked(plane)[0]["age"] == 1.5
        mapped.publish("features.customer", COLUMNS, ROWS.items(), NOW_US)
        look()
        assert followed.problems() == []
        assert plane.predict(body).status == 200
        assert asked(plane)[0]["age"] == 42.5
        followed.close()


@needs_redis
def test_a_redis_that_is_gone_is_503_and_whole_rows_are_answered(tmp_path: Path) -> None:
    body = {"customer_id": "c-1", "amount": 1}
    with (
        running_redis(tmp_path) as (url, process),
        plane_of(tmp_path, open_tables(url, 0.3), CUSTOMER) as plane,
    ):
        assert plane.predict(body).status == 200
        process.kill()
        process.wait()
        reply = plane.predict(body)
        assert reply.status == 503
        assert "retry-after" in reply.headers
        assert "127.0.0.1" not in reply.body.decode()
        assert plane.predict({"rows": [[1, "pro", None, 2]]}).status == 200


@needs_redis
def test_others_are_answered_while_one_waits_for_redis(tmp_path: Path) -> None:
    redis: Any = pytest.importorskip("redis")
    path, ended = "/v1/endpoints/m/predict", list[str]()
    bodies = {
        "keyed": {"customer_id": "c-1", "amount": 1},
        "whole": {"rows": [[1, "pro", None, 2]]},
    }

    async def ask(plane: PlaneInProcess, name: str) -> None:
        reply = await plane.asking(path.replace("/m/", f"/{name}/"), bodies[name])
        assert reply.status == 200
        ended.append(name)

    with (
        running_redis(tmp_path) as (url, _),
        plane_of(tmp_path, open_tables(url, 5.0), CUSTOMER, endpoint="keyed") as plane,
        redis.Redis.from_url(url) as client,
    ):
        plane.serve("whole", CHURN, zeros)
        client.client_pause(400, all=True)

        async def both() -> None:
            await asyncio.gather(ask(plane, "keyed"), ask(plane, "whole"))

        plane.loop.run_until_complete(both())
        assert ended == ["whole", "keyed"]


def frame_of(features: list[str | None] | None) -> PredictionFrame:
    from fairlead.signature import Batch

    rows = 2
    return PredictionFrame(
        "m", 1, "stable", "m:1", "stable", "hash", "ok", "live", np.zeros(rows, np.int64),
        [b"0" * 16] * rows, None, None, np.zeros(rows, np.int16), np.ones(rows),
        np.zeros(rows, np.int32), 5, Batch(rows, ("a",), np.zeros((rows, 1)), {}), None,
        features=features,
    )  # fmt: skip


def test_the_log_keeps_what_was_looked_up_and_reads_records_from_before() -> None:
    told = encode_prediction(frame_of(['{"customer":{}}', None]))[HEADER.size :]
    before = msgspec.msgpack.encode(
        msgspec.msgpack.decode(encode_prediction(frame_of(None))[HEADER.size :])[:-1]
    )
    frames = [decode_payload(told), decode_payload(before)]
    table = predictions_table([f for f in frames if isinstance(f, PredictionFrame)])
    assert table["features"].to_list() == ['{"customer":{}}', None, None, None]
