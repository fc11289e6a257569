"""ASGI as a transport: what servers may do that no test over a socket can make them do."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from fairlead.serving.message import Reply, Request, Response
from fairlead.serving.refusal import Refusal, native_shape
from fairlead.serving.transport.admission import Room
from fairlead.serving.transport.asgi import AsgiTransport, path_of, take
from fairlead.serving.transport.server import HttpLimits
from support.asgi import Caller

LIMITS = HttpLimits(
    body_bytes_max=100_000, body_bytes_total_max=100_000, requests_max=1, read_timeout_s=0.05,
    linger_s=0.05,
)  # fmt: skip


class Handler:
    """Answers with the body; holds back what is asked at `/later`."""

    def __init__(self) -> None:
        self.held: list[Reply] = []

    def __call__(self, request: Request, reply: Reply) -> None:
        if request.path == "/later":
            self.held.append(reply)
        elif request.path == "/fails":
            raise RuntimeError("a secret")
        else:
            reply(Response(200, request.body))


def refuse(_: str, refused: Refusal) -> Response:
    return native_shape(refused)


def transport(handler: Handler) -> AsgiTransport:
    return AsgiTransport(handler, refuse, LIMITS)


def asking(asked: AsgiTransport, caller: Caller) -> asyncio.Task[None]:
    return asyncio.create_task(asked(caller.scope, caller.pieces.get, caller.take))


async def turn() -> None:
    """Let everything go as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("path", "root", "below"),
    [
        ("/ml/v1/x", "/ml", "/v1/x"),
        ("/v1/x", "/ml", "/v1/x"),
        ("/mlx", "/ml", "/mlx"),
        ("/ml", "/ml", "/"),
        ("/ml/", "/ml/", "/"),
        ("/v1", "", "/v1"),
    ],
)
def test_the_path_is_that_below_the_mount(path: str, root: str, below: str) -> None:
    assert path_of({"path": path, "root_path": root}) == below


def test_a_body_that_stalls_is_not_waited_for() -> None:
    async def scenario() -> None:
        asked, caller = transport(Handler()), Caller(headers=[(b"content-length", b"90000")])
        caller.send(b"x", more=True)
        await asking(asked, caller)
        assert (caller.status, msgspec.json.decode(caller.body)["error"]["code"]) == (
            408, "timeout",
        )  # fmt: skip
        assert not asked.bodies.is_full

    asyncio.run(scenario())


def test_a_body_of_unknown_length_holds_the_room_of_the_largest() -> None:
    async def scenario() -> None:
        asked, caller = transport(Handler()), Caller()
        caller.send(b"a", more=True)
        task = asking(asked, caller)
        await turn()
        assert asked.bodies.is_full
        caller.send(b"b")
        await task
        assert (caller.status, caller.body) == (200, b"ab")
        assert not asked.bodies.is_full

    asyncio.run(scenario())


def test_a_task_that_is_ended_while_it_waits_takes_no_room() -> None:
    async def scenario() -> None:
        handler = Handler()
        asked = transport(handler)
        first, second, third = Caller("/later"), Caller("/later"), Caller("/later")
        for caller in (first, second, third):
            caller.send(b"")
        tasks = [asking(asked, caller) for caller in (first, second, third)]
        await turn()
        tasks[1].cancel()
        await turn()
        handler.held[0](Response(200, b"done"))
        await turn()
        handler.held[1](Response(200, b"again"))
        await asyncio.gather(*tasks, return_exceptions=True)
        assert (first.body, second.told, third.body) == (b"done", [], b"again")
        assert not asked.requests.taken

    asyncio.run(scenario())


def test_room_that_is_given_in_the_moment_of_the_end_is_given_back() -> None:
    async def scenario() -> None:
        room = Room(1)
        await take(room, 1)
        waiting = asyncio.create_task(take(room, 1))
        await turn()
        room.give(1)
        waiting.cancel()
        await turn()
        assert waiting.cancelled()
        assert not room.is_full

    asyncio.run(scenario())


def test_a_reply_to_a_task_that_was_ended_is_harmless_and_its_room_held_until_then() -> None:
    async def scenario() -> None:
        handler = Handler()
        asked, caller = (
            transport(handler),
            Caller("/later", headers=[(b"content-length", b"90000")]),
        )
        caller.send(b"x" * 90_000)
        task = asking(asked, caller)
        await turn()
        task.cancel()
        await turn()
        assert asked.requests.taken == 1
        handler.held[0](Response(200, b"done"))
        assert (caller.told, asked.requests.taken, asked.bodies.taken) == ([], 0, 0)

    asyncio.run(scenario())


def test_a_caller_who_hangs_up_is_told_nothing() -> None:
    async def scenario() -> None:
        asked, before, after = transport(Handler()), Caller(), Caller()
        before.send(b"x", more=True)
        before.pieces.put_nowait({"type": "http.disconnect"})
        after.send(b"x")
        after.gone = True
        await asyncio.gather(asking(asked, before), asking(asked, after))
        assert before.told == after.told == []
        assert not asked.requests.taken

    asyncio.run(scenario())


def test_a_fault_is_answered_and_tells_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    async def scenario() -> None:
        asked, caller = transport(Handler()), Caller("/fails")
        caller.send(b"")
        await asking(asked, caller)
        assert caller.status == 500
        assert b"secret" not in caller.body
        assert not asked.requests.taken

    asyncio.run(scenario())
    assert "a secret" in capsys.readouterr().err
