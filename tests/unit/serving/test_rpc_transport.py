"""gRPC as a transport: deadlines, faults and the end of a server, whatever is called."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from fairlead.clock import SystemClock
from fairlead.serving.message import Handler, Reply, Request, Response
from fairlead.serving.refusal import Refusal
from fairlead.serving.types import RpcPlace
from support.certificates import make_certificate

grpc = pytest.importorskip("grpc", reason="needs the extra `grpc`")

PATH, WATCHED = "/a.Service/Call", "/a.Service/Watch"
CALLS_MAX = 4


def refuse(_: str, refused: Refusal) -> Response:
    return Response(refused.status, str(refused).encode())


@asynccontextmanager
async def served(handler: Handler) -> AsyncIterator[tuple[Any, Any]]:
    """A server of one call, and that call."""
    async with channel_to(handler) as (server, channel):
        yield server, channel.unary_unary(PATH)


@asynccontextmanager
async def channel_to(handler: Handler) -> AsyncIterator[tuple[Any, Any]]:
    """A server of a call and of one that is watched, and a channel to it."""
    from fairlead.serving.transport.rpc import RpcServer

    server = RpcServer(
        handler, refuse, [PATH, WATCHED], SystemClock(), watched=[WATCHED],
        message_bytes_max=10_000, calls_max=CALLS_MAX,
    )  # fmt: skip
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{held.getsockname()[1]}"
        await server.start(RpcPlace(address))
        async with grpc.aio.insecure_channel(address) as channel:
            yield server, channel
        await server.stop(1.0)


def test_a_deadline_and_metadata_come_as_headers() -> None:
    seen: list[Request] = []

    def handler(request: Request, reply: Reply) -> None:
        seen.append(request)
        reply(Response(200, request.body[::-1], headers=((b"server-timing", b"a;dur=1"),)))

    async def scenario() -> None:
        async with served(handler) as (_, call):
            metadata = (("authorization", "Bearer x"), ("content-encoding", "gzip"))
            called = call(b"abc", timeout=5.0, metadata=metadata)
            assert await called == b"cba"
            assert ("server-timing", "a;dur=1") in list(await called.trailing_metadata())
            assert await call(b"abc") == b"cba"

    asyncio.run(scenario())
    assert (seen[0].method, seen[0].path, seen[0].body) == ("POST", PATH, b"abc")
    assert seen[0].headers[b"authorization"] == b"Bearer x"
    assert 3000 < int(seen[0].headers[b"fairlead-timeout-ms"]) < 6000  # gRPC rounds up
    assert b"content-encoding" not in seen[0].headers
    assert b"fairlead-timeout-ms" not in seen[1].headers


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "INVALID_ARGUMENT"), (401, "UNAUTHENTICATED"), (404, "NOT_FOUND"),
        (429, "RESOURCE_EXHAUSTED"), (503, "UNAVAILABLE"), (504, "DEADLINE_EXCEEDED"),
        (418, "UNKNOWN"),
    ],
)  # fmt: skip
def test_statuses_become_codes(status: int, code: str) -> None:
    def handler(_: Request, reply: Reply) -> None:
        reply(Response(status, b"why", headers=((b"retry-after", b"1"),)))

    async def scenario() -> None:
        async with served(handler) as (_, call):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call(b"")
            assert (caught.value.code().name, caught.value.details()) == (code, "why")
            assert ("retry-after", "1") in list(caught.value.trailing_metadata())

    asyncio.run(scenario())


def test_a_fault_tells_the_caller_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    def handler(_: Request, reply: Reply) -> None:
        raise RuntimeError("a secret")

    async def scenario() -> None:
        async with served(handler) as (_, call):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call(b"")
            assert caught.value.code() == grpc.StatusCode.INTERNAL
            assert "secret" not in str(caught.value.details())

    asyncio.run(scenario())
    assert "a secret" in capsys.readouterr().err


def test_calls_under_way_are_answered_before_the_end() -> None:
    replies: list[Reply] = []

    async def scenario() -> None:
        arrived = asyncio.Event()

        def handler(_: Request, reply: Reply) -> None:
            replies.append(reply)
            arrived.set()

        async with served(handler) as (server, call):
            called = asyncio.ensure_future(_wait(call(b"")))
            await arrived.wait()
            stopping = asyncio.ensure_future(server.stop(5.0))
            with pytest.raises(grpc.aio.AioRpcError):
                await call(b"", timeout=5.0)  # nothing new is taken
            replies[0](Response(200, b"late but there"))
            assert await called == b"late but there"
            await stopping

    asyncio.run(scenario())
    assert len(replies) == 1


def test_an_answer_to_a_caller_that_hung_up_is_dropped() -> None:
    async def scenario() -> None:
        arrived: asyncio.Queue[Reply] = asyncio.Queue()

        def handler(request: Request, reply: Reply) -> None:
            if request.body:
                arrived.put_nowait(reply)
            else:
                reply(Response(200, b"on"))

        async with served(handler) as (_, call):
            called = call(b"wait")
            reply = await arrived.get()
            called.cancel()
            assert await call(b"") == b"on"
            reply(Response(200, b"too late"))
            assert await call(b"") == b"on"

    asyncio.run(scenario())


def test_more_calls_than_there_is_room_for_are_refused_unread() -> None:
    replies: list[Reply] = []

    async def scenario() -> None:
        arrived: asyncio.Queue[Reply] = asyncio.Queue()

        def handler(_: Request, reply: Reply) -> None:
            replies.append(reply)
            arrived.put_nowait(reply)

        async with served(handler) as (_, call):
            held = [asyncio.ensure_future(_wait(call(b""))) for _ in range(CALLS_MAX)]
            for _ in held:
                await arrived.get()
            for _ in range(3):
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    await call(b"x", timeout=20.0)
                assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
            assert len(replies) == CALLS_MAX, "no handler saw the others"
            for reply in replies:
                reply(Response(200, b"on"))
            assert await asyncio.gather(*held) == [b"on"] * CALLS_MAX
            again = asyncio.ensure_future(_wait(call(b"")))
            (await arrived.get())(Response(200, b"there is room again"))
            assert await again == b"there is room again"

    asyncio.run(scenario())


def test_who_watches_is_told_of_changes_alone_and_of_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("fairlead.serving.transport.rpc.WATCH_S", 0.01)
    asked: list[bytes] = []
    answers = [b"up", b"up", b"down"]

    def handler(request: Request, reply: Reply) -> None:
        asked.append(request.body)
        reply(Response(200, answers[0] if len(answers) == 1 else answers.pop(0)))

    async def scenario() -> None:
        async with channel_to(handler) as (server, channel):
            told = channel.unary_stream(WATCHED)(b"all")
            assert [await told.read(), await told.read()] == [b"up", b"down"]
            answers[0] = b"the end"
            await server.stop(60.0)
            assert [await told.read(), await told.read()] == [b"the end", grpc.aio.EOF]

    asyncio.run(scenario())
    assert set(asked) == {b"all"}


def test_those_who_watch_leave_room_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fairlead.serving.transport.rpc.WATCHES_MAX", 2)

    def handler(_: Request, reply: Reply) -> None:
        reply(Response(200, b"up"))

    async def scenario() -> None:
        async with channel_to(handler) as (_, channel):
            watch = channel.unary_stream(WATCHED)
            held = [watch(b""), watch(b"")]
            assert [await told.read() for told in held] == [b"up", b"up"]
            with pytest.raises(grpc.aio.AioRpcError, match="at most 2"):
                await watch(b"").read()
            assert await channel.unary_unary(PATH)(b"") == b"up"
            for told in held:
                told.cancel()

    asyncio.run(scenario())


def test_a_watch_ends_after_some_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fairlead.serving.transport.rpc.WATCH_LIFE_S", 0.0)
    monkeypatch.setattr("fairlead.serving.transport.rpc.WATCH_S", 0.01)

    def handler(_: Request, reply: Reply) -> None:
        reply(Response(200, b"up"))

    async def scenario() -> None:
        async with channel_to(handler) as (_, channel):
            told = channel.unary_stream(WATCHED)(b"")
            assert [await told.read(), await told.read()] == [b"up", grpc.aio.EOF]

    asyncio.run(scenario())


def test_the_place_of_who_hung_up_is_free_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fairlead.serving.transport.rpc.WATCHES_MAX", 1)

    def handler(_: Request, reply: Reply) -> None:
        reply(Response(200, b"up"))

    async def heard(channel: Any) -> Any:
        told = channel.unary_stream(WATCHED)(b"")
        try:
            return await told.read()
        except grpc.aio.AioRpcError as error:
            return error.code()
        finally:
            told.cancel()

    async def scenario() -> None:
        async with channel_to(handler) as (_, channel):
            assert await heard(channel) == b"up"
            async with asyncio.timeout(60):
                while (found := await heard(channel)) != b"up":  # until the server knows of it
                    assert found == grpc.StatusCode.RESOURCE_EXHAUSTED

    asyncio.run(scenario())


def test_what_is_watched_is_named_in_few_bytes() -> None:
    """It is kept for as long as its caller likes."""

    def handler(_: Request, reply: Reply) -> None:
        raise AssertionError

    async def scenario() -> None:
        async with channel_to(handler) as (_, channel):
            with pytest.raises(grpc.aio.AioRpcError, match="in 4096 bytes") as caught:
                await channel.unary_stream(WATCHED)(b"x" * 4097).read()
            assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT

    asyncio.run(scenario())


async def _wait(called: Any) -> Any:
    return await called


def test_a_call_over_tls_is_answered(tmp_path: Path) -> None:
    made = make_certificate(tmp_path, "localhost")
    place = (made.key.read_bytes(), made.cert.read_bytes())

    async def scenario() -> None:
        from fairlead.serving.transport.rpc import RpcServer

        server = RpcServer(
            echo, refuse, [PATH], SystemClock(), message_bytes_max=1000, calls_max=CALLS_MAX
        )
        with socket.socket() as held:
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            held.bind(("127.0.0.1", 0))
            address = f"localhost:{held.getsockname()[1]}"
            await server.start(RpcPlace(address, place))
            trusted = grpc.ssl_channel_credentials(made.authority.read_bytes())
            async with grpc.aio.secure_channel(address, trusted) as channel:
                assert await channel.unary_unary(PATH)(b"abc") == b"abc"
            await server.stop(1.0)

    asyncio.run(scenario())


def echo(request: Request, reply: Reply) -> None:
    reply(Response(200, request.body))
