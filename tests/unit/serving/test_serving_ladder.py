"""What answers in place of a model: what was precomputed, kept, the version before, a constant."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from msgspec.structs import replace

from fairlead.batching import Lane
from fairlead.clock import SystemClock
from fairlead.errors import ModelError, StorageError
from fairlead.ids import parse
from fairlead.lookup import Row, Tables, open_tables
from fairlead.precomputed import Precomputed, about, table_of
from fairlead.predictionlog.frame import HEADER, decode_payload, encode_prediction
from fairlead.predictionlog.tables import predictions_table
from fairlead.predictionlog.types import PredictionFrame
from fairlead.routing import Automation
from fairlead.serving.cache.types import CacheLimits
from fairlead.serving.ladder.types import Ladder, read_ladder
from fairlead.serving.lookup.follow import Followed
from fairlead.signature import Batch, Field, Signature
from support.plane import PlaneInProcess
from support.redis import needs_redis, running_redis
from support.reply import Reply

OUTPUTS = (
    Field(name="label", kind="category", categories=("no", "yes")),
    Field(name="probabilities", kind="tensor", shape=(2,), categories=("no", "yes")),
)
MODEL = Signature(
    inputs=(
        Field(name="age", kind="number"),
        Field(name="plan", kind="category", categories=("free", "pro")),
    ),
    outputs=OUTPUTS,
    task="classification",
)
ROW = {"age": 42, "plan": "pro"}
CONSTANT = {"label": "no", "probabilities": {"no": 0.9, "yes": 0.1}}
HOUR_US = 3_600_000_000
ID = parse("018bcfe5-6800-8000-8000-000000000007")


def answer(yes: float) -> Any:
    def predict(batch: Batch) -> Batch:
        labels = np.array(["yes" if yes > 0.5 else "no"] * batch.rows, dtype=object)
        chances = np.tile([1 - yes, yes], (batch.rows, 1))
        return Batch(batch.rows, (), np.empty((batch.rows, 0)),
                     {"label": labels, "probabilities": chances})  # fmt: skip

    return predict


def failing(batch: Batch) -> Batch:
    raise ModelError(f"It fails on {batch.rows} rows.")


def publish(tables: Tables, keys: Mapping[str, float], ago_us: int = 0, **told: Any) -> None:
    made_us = SystemClock().now_us() - ago_us
    made = Precomputed(version="m:7", digest="d", made_us=made_us, key="id", outputs=OUTPUTS)
    rows = [
        (key, Row(made_us, (ID, "yes" if yes > 0.5 else "no", [1 - yes, yes])))
        for key, yes in keys.items()
    ]
    columns = ("prediction_id", "label", "probabilities")
    tables.publish(table_of("m"), columns, rows, SystemClock().now_us(), about=about(made), **told)


@pytest.fixture(params=["lmdb", pytest.param("redis", marks=needs_redis)])
def tables(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Tables]:
    if request.param == "lmdb":
        yield open_tables(f"lmdb://{tmp_path}/lookup")
        return
    with running_redis(tmp_path) as (url, _):
        yield open_tables(url, 1.0)


@pytest.fixture
def mapped(tmp_path: Path) -> Tables:
    return open_tables(f"lmdb://{tmp_path}/mapped")


@contextmanager
def plane_of(
    folder: Path,
    tables: Tables,
    *steps: str,
    model: Any = None,
    constant: Mapping[str, Any] = {},
    **more: Any,
) -> Iterator[PlaneInProcess]:
    ladder = read_ladder("m", list(steps), dict(constant), keeps=True)
    ladders: dict[str, Ladder] = {} if ladder is None else {"m": ladder}
    followed = Followed(tables, SystemClock())
    caches = {"m": CacheLimits(3600.0, 1_000_000)} if "cached" in steps else {}
    with PlaneInProcess(folder, followed=followed, ladders=ladders, caches=caches) as plane:
        plane.serve("m", MODEL, model or answer(0.75), **more)
        plane.loop.run_until_complete(followed.look())
        yield plane
        followed.close()


def one(reply: Reply) -> dict[str, Any]:
    assert reply.status == 200, reply.json
    (prediction,) = reply.json["predictions"]
    return dict(prediction)


def sources(reply: Reply) -> list[str]:
    assert reply.status == 200, reply.json
    return [each.get("source") for each in reply.json["predictions"]]


def look_up(plane: PlaneInProcess, key: str) -> Reply:
    return plane.ask(f"/v1/endpoints/m/lookup/{key}")


def test_a_key_is_answered_as_a_model_would_and_is_on_the_log(
    tmp_path: Path, tables: Tables
) -> None:
    publish(tables, {"c-1": 0.125}, ago_us=HOUR_US)
    with plane_of(tmp_path, tables) as plane:
        told = look_up(plane, "c-1")
        asked = plane.predict({"key": "c-1", "unit": "u", "id": "order-1"})
        for reply in (told, asked):
            found = one(reply)
            assert found["label"] == "no"
            assert found["probabilities"] == {"no": 0.875, "yes": 0.125}
            assert (found["version"], found["arm"]) == ("m:7", "precomputed")
            assert found["source"] == "precomputed"
            assert found["age_s"] == pytest.approx(3600, abs=60)
            assert "source=precomputed, age_s=36" in reply.headers["fairlead-route"]
        assert one(told)["id"] != one(asked)["id"]
        frame = plane.frames[-1]
    assert frame.ids == [parse(one(asked)["id"])]
    assert frame.parent_ids == [ID]
    assert (frame.source, frame.role, frame.version) == ("precomputed", "precomputed", "m:7")
    assert (frame.units, frame.caller_ids) == (["u"], ["order-1"])
    row = sealed(frame)
    assert row["in.age"].to_list() == [None]
    assert row["out.label"].to_list() == ["no"]


def sealed(frame: PredictionFrame) -> pl.DataFrame:
    decoded = decode_payload(encode_prediction(frame)[HEADER.size :])
    assert isinstance(decoded, PredictionFrame)
    return predictions_table([decoded])


def test_a_key_that_is_not_there_is_told_apart_from_a_table_that_is_not(
    tmp_path: Path, tables: Tables
) -> None:
    with plane_of(tmp_path, tables) as plane:
        nothing = look_up(plane, "c-1")
        assert (nothing.status, nothing.error["code"]) == (404, "not_found")
        assert "fairlead precompute m" in nothing.error["hint"]
        assert plane.predict({"key": "c-1"}).status == 404
        publish(tables, {"c-1": 0.1})
        assert look_up(plane, "c-1").status == 200
        other = look_up(plane, "c-2")
        assert other.status == 404
        assert "for this key" in other.error["message"]
        asked = plane.predict({"rows": [{"key": "c-1"}, {"key": "c-2"}]})
        assert [(p["row"], p["field"]) for p in asked.error["problems"]] == [(1, "key")]
        assert plane.ask("/v1/endpoints/other/lookup/c-1").status == 404


def test_rows_bring_keys_fields_or_both_in_every_form_of_json(
    tmp_path: Path, mapped: Tables
) -> None:
    publish(mapped, {"c-1": 0.125, "7": 0.25})
    with plane_of(tmp_path, mapped) as plane:
        rows = [{"key": "c-1"}, ROW, {"key": 7}, {"key": "none", **ROW}]
        reply = plane.predict({"rows": rows, "unit": ["a", "b", None, "d"]})
        assert sources(reply) == ["precomputed", None, "precomputed", None]
        chances = [each["probabilities"]["yes"] for each in reply.json["predictions"]]
        assert chances == [0.125, 0.75, 0.25, 0.75]
        columns = plane.predict({"columns": {"key": ["7", "c-1"]}})
        assert sources(columns) == ["precomputed"] * 2
        assert {tuple(each.units or ()) for each in plane.frames[:2]} == {("a", None), ("b", "d")}
        csv = plane.predict({"key": "c-1"}, accept="text/csv")
        assert (
            csv.body.splitlines()[0] == b"id,version,arm,label,probabilities_no,probabilities_yes"
        )


@pytest.mark.parametrize(
    ("body", "row", "field"),
    [
        ({"key": 1.5}, 0, "key"),
        ({"key": True}, 0, "key"),
        ({"key": ["c-1"]}, 0, "key"),
        ({"rows": [{"key": "c-1"}, {"age": 1}]}, 1, "plan"),
        ({"rows": [{"key": "c-1"}, {"key": "c-1", "age": "x", "plan": "pro"}]}, 1, "age"),
    ],
)
def test_rows_that_do_not_fit_are_named_by_their_place(
    tmp_path: Path, mapped: Tables, body: Any, row: int, field: str
) -> None:
    publish(mapped, {"c-1": 0.125})
    with plane_of(tmp_path, mapped) as plane:
        reply = plane.predict(body)
        assert reply.status == 400
        assert [(p["row"], p["field"]) for p in reply.error["problems"]] == [(row, field)]
        assert "c-1" not in str(reply.error)


def test_a_field_named_key_is_the_models(tmp_path: Path, mapped: Tables) -> None:
    publish(mapped, {"c-1": 0.125})
    named = Signature(inputs=(Field(name="key", kind="text"),), outputs=OUTPUTS)
    with plane_of(tmp_path, mapped) as plane:
        plane.serve("m", named, answer(0.75))
        assert one(plane.predict({"key": "c-1"}))["arm"] == "stable"


def test_a_model_that_passes_over_what_it_does_not_know_answers_rows_with_all_fields(
    tmp_path: Path, mapped: Tables
) -> None:
    publish(mapped, {"c-1": 0.125})
    with plane_of(tmp_path, mapped) as plane:
        plane.serve("m", replace(MODEL, extra="ignore"), answer(0.75))
        for whole in ({**ROW, "key": "c-1"}, {**ROW, "key": 1.5}, {"rows": [{**ROW, "key": {}}]}):
            assert one(plane.predict(whole))["arm"] == "stable"
        assert one(plane.predict({"key": "c-1"}))["source"] == "precomputed"


def test_what_is_young_enough_comes_before_the_model_and_else_the_model(
    tmp_path: Path, tables: Tables
) -> None:
    publish(tables, {"c-1": 0.125}, ago_us=HOUR_US)
    with plane_of(tmp_path, tables, "precomputed(2h)", "live") as plane:
        assert one(plane.predict({"key": "c-1", **ROW}))["source"] == "precomputed"
        plain = plane.predict({"rows": [ROW]})
        assert one(plain)["source"] == "live"
        assert one(plain)["age_s"] == 0
        assert "source=live" in plain.headers["fairlead-route"]
        assert one(plane.predict({"key": "c-2", **ROW}))["source"] == "live"
    (tmp_path / "b").mkdir()
    with plane_of(tmp_path / "b", tables, "precomputed(30m)", "live") as plane:
        assert one(plane.predict({"key": "c-1", **ROW}))["source"] == "live"
        old = plane.predict({"key": "c-1"})
        assert "too old" in old.error["message"]
        assert one(look_up(plane, "c-1"))["source"] == "precomputed"  # whatever the ladder says


@needs_redis
def test_a_store_that_does_not_answer_is_passed_over_where_others_can(tmp_path: Path) -> None:
    with running_redis(tmp_path) as (url, process):
        tables = open_tables(url, 1.0)
        publish(tables, {"c-1": 0.125})
        with plane_of(tmp_path, tables, "precomputed(2h)", "live") as plane:
            assert sources(plane.predict({"key": "c-1", **ROW})) == ["precomputed"]
            process.kill()
            process.wait()
            assert sources(plane.predict({"key": "c-1", **ROW})) == ["live"]
            assert sources(plane.predict({"rows": [ROW, {"key": "c-1", **ROW}]})) == ["live"] * 2
            asked = plane.predict({"rows": [{"key": "c-1"}, ROW]}), plane.predict({"key": "c-1"})
            for reply in (look_up(plane, "c-1"), *asked):
                assert reply.status == 503
                assert "cannot be looked up now" in reply.error["message"]
                assert "retry-after" in reply.headers
        (tmp_path / "b").mkdir()
        steps = ("precomputed", "constant")
        with plane_of(tmp_path / "b", open_tables(url, 1.0), *steps, constant=CONSTANT) as plane:
            assert sources(plane.predict({"key": "c-1"})) == ["constant"]
            assert look_up(plane, "c-1").status == 503  # and not 404: nobody knows


def test_a_model_that_fails_is_followed_by_what_comes_after_it(
    tmp_path: Path, mapped: Tables
) -> None:
    steps = ("live", "cached", "previous", "constant")
    fails = threading.Event()

    def model(batch: Batch) -> Batch:
        if fails.is_set():
            raise ModelError("It fails.")
        answers: Batch = answer(0.75)(batch)
        return answers

    with plane_of(tmp_path, mapped, *steps, model=model, constant=CONSTANT,
                  previous=answer(0.625)) as plane:  # fmt: skip
        assert one(plane.predict({"rows": [ROW]}))["source"] == "live"
        plane.caches["m"]._keep._limits = CacheLimits(0.0, 1_000_000)  # all is too old
        fails.set()
        kept = plane.predict({"rows": [ROW]})
        assert one(kept)["source"] == "cached"
        assert one(kept)["probabilities"]["yes"] == 0.75
        assert "source=cached" in kept.headers["fairlead-route"]
        assert "age_s=" in kept.headers["fairlead-route"]
        assert (plane.frames[-1].source, plane.frames[-1].assigned_by) == ("cache", "fallback")
        before = plane.predict({"rows": [{**ROW, "age": 43}]})
        assert one(before)["source"] == "previous"
        assert (one(before)["version"], one(before)["arm"]) == ("m:8", "previous")
        assert (plane.frames[-1].source, plane.frames[-1].assigned_by) == ("previous", "fallback")
        both = plane.predict({"rows": [ROW, {**ROW, "age": 44}]})
        assert sources(both) == ["cached", "previous"]
        assert plane.frames[-3].outcome == "model_error"


def test_the_last_resort_is_a_constant(tmp_path: Path, mapped: Tables) -> None:
    with plane_of(tmp_path, mapped, "live", "previous", "constant", model=failing,
                  constant=CONSTANT, previous=failing) as plane:  # fmt: skip
        reply = plane.predict({"rows": [ROW, ROW]})
        assert sources(reply) == ["constant"] * 2
        assert reply.json["predictions"][1]["probabilities"] == CONSTANT["probabilities"]
        assert reply.json["predictions"][0]["age_s"] is None
        assert plane.frames[-1].source == "constant"
        oip = plane.ask(
            "/v2/models/m/infer",
            {"inputs": [
                {"name": "age", "shape": [1], "datatype": "FP64", "data": [1]},
                {"name": "plan", "shape": [1], "datatype": "BYTES", "data": ["pro"]},
            ]},
        )  # fmt: skip
        assert oip.status == 200, oip.json
        assert "source=constant" in oip.headers["fairlead-route"]


def test_a_constant_that_fits_no_answer_is_told_and_not_given(
    tmp_path: Path, mapped: Tables
) -> None:
    with plane_of(tmp_path, mapped, "live", "constant", model=failing,
                  constant={"score": 1.0}) as plane:  # fmt: skip
        assert plane.predict({"rows": [ROW]}).error["code"] == "model_error"
        (problem,) = plane.stored.problems()
        assert "endpoint.m.constant" in problem


def test_without_a_ladder_a_failing_model_is_an_error(tmp_path: Path, mapped: Tables) -> None:
    with plane_of(tmp_path, mapped, model=failing) as plane:
        assert plane.predict({"rows": [ROW]}).status == 500


def test_bad_rows_are_refused_whatever_could_answer(tmp_path: Path, mapped: Tables) -> None:
    with plane_of(tmp_path, mapped, "live", "constant", constant=CONSTANT) as plane:
        assert plane.predict({"rows": [{"age": "x", "plan": "pro"}]}).status == 400


def test_a_model_that_hangs_is_not_waited_for_to_the_end(tmp_path: Path, mapped: Tables) -> None:
    release = threading.Event()

    def hanging(batch: Batch) -> Batch:
        release.wait(20)
        answers: Batch = answer(0.75)(batch)
        return answers

    with (
        closing(Lane(0)) as lane,
        plane_of(
            tmp_path, mapped, "live", "constant", model=hanging, constant=CONSTANT, lane=lane
        ) as plane,
    ):
        reply = plane.predict({"rows": [ROW]}, fairlead_timeout_ms="200")
        assert sources(reply) == ["constant"]
        release.set()
        plane.loop.run_until_complete(until_logged(plane, "timeout"))


async def until_logged(plane: PlaneInProcess, outcome: str) -> None:
    async with asyncio.timeout(20):
        while outcome not in {frame.outcome for frame in plane.frames}:
            await asyncio.sleep(0.01)


def test_where_a_person_decides_no_answer_is_given_away(tmp_path: Path, mapped: Tables) -> None:
    publish(mapped, {"c-1": 0.125})
    with plane_of(tmp_path, mapped, "precomputed", "live") as plane:
        plane.serve("m", MODEL, answer(0.75), automation=Automation("shadow", queue="desk"))
        assert look_up(plane, "c-1").status == 409
        assert plane.predict({"key": "c-1"}).status == 409
        assert plane.predict({"rows": [ROW]}).status == 202


def test_a_new_table_is_answered_from_and_counted(tmp_path: Path, mapped: Tables) -> None:
    publish(mapped, {"c-1": 0.125})
    counts: list[tuple[str, int, int]] = []
    followed = Followed(mapped, SystemClock(), lambda *each: counts.append(each))
    with PlaneInProcess(tmp_path, followed=followed) as plane:
        plane.serve("m", MODEL, answer(0.75))
        assert one(look_up(plane, "c-1"))["probabilities"]["yes"] == 0.125
        publish(mapped, {"c-1": 0.25, "c-2": 0.5})
        assert one(look_up(plane, "c-1"))["probabilities"]["yes"] == 0.125
        plane.loop.run_until_complete(followed.look())
        assert one(look_up(plane, "c-1"))["probabilities"]["yes"] == 0.25
        assert look_up(plane, "c-3").status == 404
        followed.close()
    assert counts == [("precomputed.m", 1, 0)] * 3 + [("precomputed.m", 0, 1)]


def test_look_ups_of_one_turn_share_a_record_and_each_gets_its_own(
    tmp_path: Path, mapped: Tables
) -> None:
    keys = {f"c-{number}": number / 16 for number in range(8)}
    publish(mapped, keys)
    with plane_of(tmp_path, mapped) as plane:
        look_up(plane, "c-0")  # the table is open from now on
        plane.frames.clear()

        async def together() -> list[Reply]:
            path = "/v1/endpoints/m/lookup/"
            asked = [
                plane.asking(f"{path}{key}" + ("?unit=u" if key == "c-3" else "")) for key in keys
            ]
            return await asyncio.gather(*asked)

        found = [one(reply) for reply in plane.loop.run_until_complete(together())]
        assert [each["probabilities"]["yes"] for each in found] == list(keys.values())
        (frame,) = plane.frames
        assert frame.ids == [parse(each["id"]) for each in found]
        assert frame.units == [None, None, None, "u", None, None, None, None]
        assert sealed(frame)["out.label"].to_list() == [each["label"] for each in found]


def test_what_cannot_be_logged_is_not_given_where_it_must_be(
    tmp_path: Path, mapped: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(mapped, {"c-1": 0.125})
    with plane_of(tmp_path, mapped, "precomputed", "live", "constant", model=failing,
                  constant=CONSTANT) as plane:  # fmt: skip

        def full(_: PredictionFrame) -> None:
            raise StorageError("The prediction log cannot be written.")

        monkeypatch.setattr(plane.sink, "predictions", full)
        assert look_up(plane, "c-1").status == 503
        assert plane.predict({"key": "none"}).status == 503


def test_a_table_whose_rows_are_no_answers_keeps_nobody_waiting(
    tmp_path: Path, mapped: Tables
) -> None:
    """As of a snapshot that something else has written, or another release of Fairlead."""
    now_us = SystemClock().now_us()
    made = Precomputed(version="m:7", digest="d", made_us=now_us, key="id", outputs=OUTPUTS)
    rows = [
        ("c-1", Row(now_us, (ID, "yes", [0.5]))),  # one probability of two
        ("c-2", Row(now_us, (ID, "yes", [0.25, 0.75]))),
    ]
    columns = ("prediction_id", "label", "probabilities")
    mapped.publish(table_of("m"), columns, rows, now_us, about=about(made))
    with plane_of(tmp_path, mapped) as plane:
        assert look_up(plane, "c-1").status == 503
        assert plane.predict({"key": "c-1"}).status == 503
        assert one(plane.predict({"key": "c-1", **ROW}))["label"] == "yes"  # by the model

        async def together() -> list[Reply]:
            path = "/v1/endpoints/m/lookup/"
            return await asyncio.gather(*(plane.asking(f"{path}c-{number}") for number in (1, 2)))

        damaged, sound = plane.loop.run_until_complete(together())
        assert damaged.status == 503
        assert one(sound)["probabilities"]["yes"] == 0.75
    with plane_of(tmp_path, mapped, "precomputed", "constant", constant=CONSTANT) as plane:
        assert sources(plane.predict({"key": "c-1"})) == ["constant"]
