"""A candidate's callers do not pay for its faults, and a shadow's do not notice it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from fairlead.access import Gate, KeyBook, Scope
from fairlead.clock import ManualClock
from fairlead.errors import DeadlineError, FairleadError, InputError, ModelError, UnavailableError
from fairlead.ids import IdSource
from fairlead.predictionlog import PredictionFrame
from fairlead.routing import Arm, Role, Route
from fairlead.serving.arm import LiveArm
from fairlead.serving.gather import Gather
from fairlead.serving.types import Answer, Answered, Ask, Outputs, Source, Work
from fairlead.signature import Batch
from fairlead.store.memory import MemoryStore
from support.plane import PlaneInProcess
from support.reply import Reply
from support.routes import version
from support.scoring import PRICE, price

PATH = "/v1/endpoints/price/predict"
ROWS = {"rows": [{"rooms": 2, "area": n} for n in range(1, 9)]}
ONE = Batch(1, ("rooms", "area"), np.ones((1, 2)), {})
ANSWERS = [2.0 * n for n in range(1, 9)]


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[PlaneInProcess]:
    with PlaneInProcess(tmp_path) as plane:
        yield plane


def fails(_: Batch) -> Batch:
    raise RuntimeError("planted")


def fine(got: Reply) -> list[dict[str, Any]]:
    assert got.status == 200, got.body
    rows: list[dict[str, Any]] = got.json["predictions"]
    assert [row["prediction"] for row in rows] == ANSWERS
    return rows


def by_role(frames: list[PredictionFrame]) -> dict[str, PredictionFrame]:
    return {frame.role: frame for frame in frames}


def test_what_a_candidate_fails_at_is_answered_by_the_stable_arm_and_held_against_it(
    plane: PlaneInProcess,
) -> None:
    plane.serve("price", PRICE, price, fails, candidate=1.0)
    rows = fine(plane.ask(PATH, ROWS))
    failed, given = by_role(plane.frames)["candidate"], by_role(plane.frames)["stable"]
    assert (failed.outcome, failed.assigned_by) == ("model_error", "hash")
    assert (given.outcome, given.assigned_by) == ("ok", "fallback")
    assert given.parent_ids == failed.ids
    assert [uuid.UUID(row["id"]).bytes for row in rows] == given.ids
    assert {(row["arm"], row["version"]) for row in rows} == {("stable", "price:1")}


def test_rows_that_only_some_of_an_answer_needs_help_with_come_back_in_order(
    plane: PlaneInProcess,
) -> None:
    plane.serve("price", PRICE, price, fails, candidate=0.5)
    units = [f"user-{n}" for n in range(8)]
    rows = fine(plane.ask(PATH, {**ROWS, "unit": units}))
    assert {row["arm"] for row in rows} == {"stable"}
    assert {frame.assigned_by for frame in plane.frames} == {"hash", "fallback"}


def test_who_asks_for_an_arm_gets_its_own_answer_or_its_own_error(plane: PlaneInProcess) -> None:
    plane.serve("price", PRICE, price, fails, candidate=0.5)
    got = plane.ask(PATH, ROWS, {"fairlead-arm": "candidate"})
    assert got.status == 500
    assert {frame.assigned_by for frame in plane.frames} == {"override"}
    fine(plane.ask(PATH, ROWS, {"fairlead-arm": "stable"}))
    got = plane.ask(PATH, ROWS, {"fairlead-arm": "other"})
    assert (got.status, "candidate, stable" in str(got.json)) == (404, True)


def test_the_body_names_an_arm_as_the_header_does(plane: PlaneInProcess) -> None:
    plane.serve("price", PRICE, price, fails, candidate=0.5)
    assert plane.ask(PATH, ROWS | {"arm": "candidate"}).status == 500
    assert {frame.assigned_by for frame in plane.frames} == {"override"}
    for accept in ({}, {"accept": "text/csv"}):
        got = plane.ask(PATH, ROWS | {"arm": "stable"}, accept)
        assert (got.status, got.headers["fairlead-route"][:11]) == (200, "arm=stable,")
        assert plane.frames[-1].assigned_by == "override"
    fine(plane.ask(PATH, ROWS | {"arm": "stable"}, {"fairlead-arm": "stable"}))
    got = plane.ask(PATH, ROWS | {"arm": "stable"}, {"fairlead-arm": "candidate"})
    assert (got.status, "different arms" in got.error["message"]) == (400, True)
    assert plane.ask(PATH, ROWS | {"arm": "other"}).status == 404


@pytest.mark.parametrize("where", ["header", "body"])
def test_only_who_operates_the_endpoint_names_an_arm(tmp_path: Path, where: str) -> None:
    book = KeyBook(MemoryStore(), ManualClock())
    wanted: tuple[tuple[Scope, ...], ...] = (("predict",), ("operate",), ("predict", "operate"))
    asks, operates, both = (book.create(str(scopes), scopes)[1] for scopes in wanted)
    with PlaneInProcess(tmp_path, gate=Gate(book.get, ManualClock(), 1)) as plane:
        plane.serve("price", PRICE, price, price, candidate=0.5)
        headers, body = ({"fairlead-arm": "candidate"}, ROWS) if where == "header" else (
            {}, ROWS | {"arm": "candidate"})  # fmt: skip
        statuses = [
            plane.ask(PATH, body, headers | {"x-api-key": secret}).status
            for secret in (asks, operates, both)
        ]
        assert statuses == [403, 403, 200]
        assert plane.ask(PATH, body, headers).status == 401
        assert [frame.arm for frame in plane.frames] == ["candidate"]
        refused = plane.ask(PATH, body, headers | {"x-api-key": asks})
        assert "lacks the scope 'operate'" in refused.error["message"]


def test_every_reply_names_the_arm_the_version_and_the_share(plane: PlaneInProcess) -> None:
    plane.serve("price", PRICE, price, price, candidate=0.25)
    for arm, share in (("stable", 0.75), ("candidate", 0.25)):
        number = {"stable": 1, "candidate": 2}[arm]
        got = plane.ask(PATH, ROWS, {"fairlead-arm": arm})
        told = f"arm={arm}, version=price:{number}, share={share}"
        assert got.headers["fairlead-route"] == told
        assert set(plane.frames[-1].propensity) == {share}


def test_a_shadow_sees_its_share_of_what_was_answered_and_nobody_notices(
    plane: PlaneInProcess,
) -> None:
    plane.serve("price", PRICE, price, shadow=fails, seen=0.5)
    units = [f"user-{n}" for n in range(8)]
    rows = fine(plane.ask(PATH, {**ROWS, "unit": units}))
    assert {row["arm"] for row in rows} == {"stable"}
    while len(plane.frames) < 2:
        plane.loop.run_until_complete(_turn())
    given, seen = by_role(plane.frames)["stable"], by_role(plane.frames)["shadow"]
    places = [n for n, slot in enumerate(given.slots) if slot < 5_000]
    assert 0 < len(places) < 8
    assert (seen.outcome, seen.version) == ("model_error", "price:9")
    assert seen.parent_ids == [given.ids[n] for n in places]
    assert seen.units == [units[n] for n in places]
    assert seen.inputs.numbers.tolist() == given.inputs.numbers[places].tolist()


async def _turn() -> None:
    """Let the loop do what it has to."""


def test_tests_and_what_failed_are_shown_to_no_shadow(plane: PlaneInProcess) -> None:
    plane.serve("price", PRICE, price, shadow=price)
    fine(plane.ask(PATH, ROWS, {"fairlead-arm": "stable"}))
    plane.serve("price", PRICE, fails, shadow=price)
    assert plane.ask(PATH, ROWS).status == 500
    for _ in range(10):
        plane.loop.run_until_complete(_turn())
    assert "shadow" not in by_role(plane.frames)


def test_a_shadow_that_does_not_keep_up_misses_rows_that_are_counted(
    plane: PlaneInProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    plane.serve("price", PRICE, price, shadow=price)
    shadow = plane.plane.endpoints["price"].shadows[0]

    def full(_: Work) -> None:
        raise UnavailableError("The model is busy.")

    monkeypatch.setattr(shadow, "submit", full)
    fine(plane.ask(PATH, ROWS))
    shown = plane.ask("/metrics").body.decode()
    assert re.search(r'fairlead_missed_rows_total\{.*version="price:9".*\} 8', shown)


class Held:
    """An arm that answers when it is told to."""

    def __init__(self, role: Role) -> None:
        self.arm = Arm(role, version(1, "m"), role, ())
        self.works: list[Work] = []
        self.full = False

    def submit(self, work: Work) -> None:
        if self.full:
            raise UnavailableError("The model is busy.")
        self.works.append(work)


@pytest.fixture
def tried() -> tuple[Held, Held, list[Answer | FairleadError]]:
    """A candidate, the stable arm, and what the caller got."""
    return Held("candidate"), Held("stable"), []


def ask(candidate: Held, stable: Held, got: list[Answer | FairleadError]) -> None:
    ids = IdSource(ManualClock())
    route = Route("m", 1, PRICE, (stable.arm, candidate.arm))
    work = Work(Ask(ONE, None, None, 10.0, 12.0), 1, ids.take(1), [7], "hash", 0, _unused)
    gather = Gather(route, cast(LiveArm, stable), ids, 1, 1, 10.0, got.append)
    gather.submit(cast(LiveArm, candidate), None, work)


def _unused(_: Answered | FairleadError) -> None:
    raise AssertionError


def answered() -> Answered:
    return Answered(Outputs(Source("a", "m:1"), (), ONE, ()), 0, 0.0, 0.0)


def test_a_candidate_has_half_of_the_time_and_the_stable_arm_the_rest(
    tried: tuple[Held, Held, list[Answer | FairleadError]],
) -> None:
    candidate, stable, got = tried
    ask(*tried)
    assert candidate.works[0].ask.deadline_s == 11.0
    candidate.works[0].done(DeadlineError("Too late."))
    assert stable.works[0].ask.deadline_s == 12.0
    assert stable.works[0].parents == candidate.works[0].ids.raw()
    stable.works[0].done(answered())
    assert [isinstance(one, Answer) for one in got] == [True]


def test_a_candidate_without_room_is_stood_in_for_and_left_no_record(
    tried: tuple[Held, Held, list[Answer | FairleadError]],
) -> None:
    candidate, stable, got = tried
    candidate.full = True
    ask(*tried)
    assert (stable.works[0].assigned_by, stable.works[0].parents) == ("fallback", None)
    stable.works[0].done(ModelError("It failed as well."))
    assert [type(one) for one in got] == [ModelError]


def test_what_is_wrong_with_the_rows_is_told_at_once(
    tried: tuple[Held, Held, list[Answer | FairleadError]],
) -> None:
    candidate, stable, got = tried
    ask(*tried)
    candidate.works[0].done(InputError("A row is wrong."))
    assert ([type(one) for one in got], stable.works) == ([InputError], [])
