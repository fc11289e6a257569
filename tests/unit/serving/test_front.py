"""What every door shares: deadlines, timings, and reads that take long beside the loop."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator

import msgspec
import pytest

from fairlead.errors import InputError, UnavailableError
from fairlead.serving.aside import Aside
from fairlead.serving.dataplane import Endpoint
from fairlead.serving.front import Read, Reading
from fairlead.serving.message import Request, Response, json_response
from fairlead.serving.refusal import native_shape
from fairlead.signature import Field, Signature
from support.plane import PlaneInProcess, reply
from support.reply import Reply
from support.routes import SIGNATURE, double, numbers

BODY = {"rows": [{"x": 1}]}


@pytest.fixture
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlaneInProcess]:
    with PlaneInProcess(tmp_path_factory.mktemp("front")) as plane:
        plane.serve("m", SIGNATURE, double)
        yield plane


def reading() -> Reading:
    return Reading(numbers(1.0), lambda answer: json_response({"rows": answer.rows}))


async def ask(
    plane: PlaneInProcess, read: Read, *, timeout_ms: bytes = b"20000", age_s: float = 0.0
) -> Reply:
    """Ask by a slow read."""
    headers = {b"fairlead-timeout-ms": timeout_ms}
    request = Request("POST", "/", b"", headers, b"", plane.loop.time() - age_s)
    answered: asyncio.Future[Response] = plane.loop.create_future()
    plane.front.predict(request, answered.set_result, "m", read, native_shape, slow=True)
    async with asyncio.timeout(20):
        return reply(await answered)


def run(plane: PlaneInProcess, read: Read, **more: float) -> Reply:
    return plane.loop.run_until_complete(ask(plane, read, **more))  # type: ignore[arg-type]


def test_a_slow_read_runs_in_a_thread_and_its_answer_on_the_loop(plane: PlaneInProcess) -> None:
    threads: list[str] = []

    def read(_: Endpoint, __: Request) -> Reading:
        threads.append(threading.current_thread().name)
        return reading()

    assert run(plane, read).json == {"rows": 1}
    assert threads[0].startswith("aside")


@pytest.mark.parametrize(
    ("error", "status"), [(InputError("Wrong."), 400), (RuntimeError("a value"), 500)]
)
def test_what_goes_wrong_in_a_slow_read_is_answered(
    plane: PlaneInProcess, error: Exception, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def read(_: Endpoint, __: Request) -> Reading:
        raise error

    got = run(plane, read)
    assert got.status == status
    assert "a value" not in got.body.decode()


def test_a_request_whose_time_is_up_is_not_read(plane: PlaneInProcess) -> None:
    def read(_: Endpoint, __: Request) -> Reading:
        raise AssertionError("it was read")

    got = run(plane, read, age_s=30.0)
    assert (got.status, got.error["code"]) == (504, "deadline_exceeded")


def test_the_time_of_a_slow_read_counts(plane: PlaneInProcess) -> None:
    """It was admitted in time, and its time was up when it had been read."""

    def read(_: Endpoint, request: Request) -> Reading:
        until_s = request.received_s + 0.05
        while plane.loop.time() < until_s:
            threading.Event().wait(0.005)
        return reading()

    got = plane.loop.run_until_complete(ask(plane, read, timeout_ms=b"50"))
    assert (got.status, got.error["code"]) == (504, "deadline_exceeded")


def test_only_so_many_wait_to_be_read() -> None:
    async def playing() -> None:
        aside, gate = Aside(threads=1, waiting_max=3), threading.Event()
        done: list[object] = []
        for _ in range(3):
            aside.admit(gate.wait, 1e12, done.append)
        with pytest.raises(UnavailableError):
            aside.admit(gate.wait, 1e12, done.append)
        aside.run(gate.wait, done.append)  # what was answered already is still written
        gate.set()
        async with asyncio.timeout(10):
            while len(done) < 4:
                await asyncio.sleep(0)
        aside.admit(lambda: "again", 1e12, done.append)
        async with asyncio.timeout(10):
            while len(done) < 5:
                await asyncio.sleep(0)
        assert done[-1] == "again"
        aside.close()

    asyncio.run(playing())


def test_a_route_that_changed_while_a_request_was_read_is_read_for_again(
    plane: PlaneInProcess,
) -> None:
    other = Signature(
        inputs=(Field(name="x", kind="number", missing="allow"),), outputs=SIGNATURE.outputs
    )
    seen: list[Signature] = []

    def read(asked: Endpoint, _: Request) -> Reading:
        seen.append(asked.route.signature)
        plane.loop.call_soon_threadsafe(plane.serve, "m", other, double)
        return reading()

    assert run(plane, read).status == 200
    assert seen == [SIGNATURE, other]


def test_a_route_that_left_while_a_request_was_read_is_not_found(plane: PlaneInProcess) -> None:
    def leave() -> None:
        plane.plane.endpoints = {}

    def read(_: Endpoint, __: Request) -> Reading:
        plane.loop.call_soon_threadsafe(leave)
        return reading()

    assert run(plane, read).status == 404


def test_what_cannot_be_written_beside_the_loop_is_answered(
    plane: PlaneInProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    def write(_: object) -> Response:
        raise RuntimeError("a value")

    def read(_: Endpoint, __: Request) -> Reading:
        return Reading(numbers(1.0), write, slow=True)

    got = run(plane, read)
    assert got.status == 500
    assert "a value" not in got.body.decode()


def test_the_deadline_of_a_request_is_its_own(plane: PlaneInProcess) -> None:
    assert plane.predict(BODY, fairlead_timeout_ms="5000").status == 200
    raw = msgspec.json.encode(BODY)
    request = Request(
        "POST", "/v1/endpoints/m/predict", b"", {b"fairlead-timeout-ms": b"50"}, raw,
        plane.loop.time() - 1.0,
    )  # fmt: skip

    async def asking() -> Response:
        answered: asyncio.Future[Response] = plane.loop.create_future()
        plane.router.handle(request, answered.set_result)
        return await answered

    recorded = len(plane.frames)
    got = reply(plane.loop.run_until_complete(asking()))
    assert (got.status, got.error["code"]) == (503, "unavailable")
    assert len(plane.frames) == recorded, "what is turned away unread is no record"


@pytest.mark.parametrize("given", ["", "0", "-5", "1.5", "soon", "9" * 10, "٣"])
def test_a_deadline_that_is_none_is_refused(plane: PlaneInProcess, given: str) -> None:
    got = plane.predict(BODY, fairlead_timeout_ms=given)
    assert got.status == 400
    assert "fairlead-timeout-ms" in got.error["message"]


def test_every_answer_tells_its_timings(plane: PlaneInProcess) -> None:
    timings = plane.predict(BODY).headers["server-timing"]
    assert re.fullmatch(r"queue;dur=\d+\.\d{3}, model;dur=\d+\.\d{3}", timings)
    assert "server-timing" not in plane.predict({}).headers
