"""gRPC as a transport: calls to `Request`, `Response` to messages and status codes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection
from typing import Any

import grpc
import grpc.aio

from fairlead.clock import Clock
from fairlead.errors import UnavailableError
from fairlead.serving.failures import request_failed
from fairlead.serving.front import TIMEOUT_HEADER
from fairlead.serving.message import Handler, Request, Response
from fairlead.serving.refusal import Refusal, refusal_of
from fairlead.serving.types import RpcPlace

CODES = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    409: grpc.StatusCode.ABORTED,
    413: grpc.StatusCode.RESOURCE_EXHAUSTED,
    415: grpc.StatusCode.INVALID_ARGUMENT,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    500: grpc.StatusCode.INTERNAL,
    501: grpc.StatusCode.UNIMPLEMENTED,
    503: grpc.StatusCode.UNAVAILABLE,
    504: grpc.StatusCode.DEADLINE_EXCEEDED,
}
NOT_PASSED_ON = frozenset({"content-encoding", "accept-encoding"})
"""Metadata that would speak of HTTP's bodies; gRPC compresses its messages itself."""

TIMEOUT_MS_MAX = 999_999_999
WATCH_S = 1.0
"""Between two looks whether the answer to a call that is watched is another one."""
WATCHES_MAX = 256
"""At a time: each lasts for as long as its caller likes, and takes a place from other calls."""
WATCHED_BYTES_MAX = 4096
"""Of a message that is kept, and read again at each look."""
WATCH_LIFE_S = 600.0
"""After so long a watch ends, and callers begin another: one that is frozen holds no place."""


class RpcServer:
    """Hands each call to one handler, and its answer back.

    Args:
        handler: of every call.
        refuse: writes a refusal as clients of a path expect it.
        paths: of the calls there are.
        watched: those of them that are answered again whenever the answer is another one.
        clock: tells when a call was complete.
        message_bytes_max: of one call.
        calls_max: under way at a time; gRPC refuses more with `RESOURCE_EXHAUSTED` before their
            messages are read.
    """

    def __init__(
        self,
        handler: Handler,
        refuse: Callable[[str, Refusal], Response],
        paths: Collection[str],
        clock: Clock,
        *,
        watched: Collection[str] = (),
        message_bytes_max: int,
        calls_max: int,
    ) -> None:
        self._handler = handler
        self._refuse = refuse
        self._clock = clock
        options = [
            ("grpc.max_receive_message_length", message_bytes_max),
            ("grpc.max_send_message_length", -1),
            ("grpc.so_reuseport", 1),
        ]
        self._server = grpc.aio.server(options=options, maximum_concurrent_rpcs=calls_max)
        self._server.add_generic_rpc_handlers((_Calls(self, paths, watched),))
        self._ending = asyncio.Event()
        self._watches = 0

    async def start(self, place: RpcPlace) -> None:
        """Listen and answer.

        Args:
            place: where; other processes may listen there too, and share the calls.

        Raises:
            UnavailableError: it cannot be listened on.
        """
        try:
            if place.tls is None:
                self._server.add_insecure_port(place.address)
            else:
                credentials = grpc.ssl_server_credentials([place.tls])
                self._server.add_secure_port(place.address, credentials)
        except RuntimeError:
            raise UnavailableError(
                f"The address {place.address} cannot be used for gRPC.",
                hint="Stop what uses it, or choose another with --grpc-port.",
            ) from None
        await self._server.start()

    async def stop(self, grace_s: float) -> None:
        """Take no more calls, finish those that are under way, but wait no longer than this."""
        self._ending.set()
        await self._server.stop(grace_s)

    async def call(self, path: str, body: bytes, context: Any) -> bytes:
        """The message that answers a call; ends the call with a status where there is none."""
        answered: asyncio.Future[Response] = asyncio.get_running_loop().create_future()

        def reply(response: Response) -> None:
            if not answered.done():  # the caller hung up
                answered.set_result(response)

        request = Request("POST", path, b"", _headers(context), body, self._clock.monotonic_s())
        try:
            self._handler(request, reply)
        except Exception as error:  # one bad call must not look like the server's end
            request_failed(error, request)
            reply(self._refuse(path, refusal_of(error)))
        response = await answered
        context.set_trailing_metadata([(k.decode(), v.decode()) for k, v in response.headers])
        if response.status != 200:
            code = CODES.get(response.status, grpc.StatusCode.UNKNOWN)
            await context.abort(code, response.body.decode())
        return response.body

    async def watch(self, path: str, body: bytes, context: Any) -> None:
        """Write the message that answers a call, and each other one, for some time."""
        if self._watches >= WATCHES_MAX:
            why = f"A worker tells at most {WATCHES_MAX} callers of changes. Ask again and again."
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, why)
        if len(body) > WATCHED_BYTES_MAX:
            why = f"What is watched must be named in {WATCHED_BYTES_MAX} bytes."
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, why)
        self._watches += 1
        try:
            told: bytes | None = None
            is_last, end_s = False, self._clock.monotonic_s() + WATCH_LIFE_S
            while not is_last:
                is_last = self._ending.is_set() or self._clock.monotonic_s() >= end_s
                answer = await self.call(path, body, context)
                if answer != told:
                    await context.write(answer)
                told = answer
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._ending.wait(), WATCH_S)
        finally:
            self._watches -= 1


def _headers(context: Any) -> dict[bytes, bytes]:
    """A call's metadata, and its deadline among them."""
    headers = {
        key.encode(): value if isinstance(value, bytes) else value.encode()
        for key, value in context.invocation_metadata() or ()
        if key not in NOT_PASSED_ON
    }
    left_s = context.time_remaining()
    if left_s is not None:
        left_ms = min(max(1, int(left_s * 1000)), TIMEOUT_MS_MAX)
        headers[TIMEOUT_HEADER] = str(left_ms).encode()
    return headers


class _Calls(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc has no types
    """Tells gRPC which calls there are; messages stay bytes."""

    def __init__(self, server: RpcServer, paths: Collection[str], watched: Collection[str]) -> None:
        self._server = server
        self._paths = paths
        self._watched = watched

    def service(self, handler_call_details: Any) -> Any:
        path = handler_call_details.method
        if path not in self._paths:
            return None

        async def called(body: bytes, context: Any) -> bytes:
            return await self._server.call(path, body, context)

        async def watched(body: bytes, context: Any) -> None:
            await self._server.watch(path, body, context)

        if path in self._watched:
            return grpc.unary_stream_rpc_method_handler(watched)
        return grpc.unary_unary_rpc_method_handler(called)
