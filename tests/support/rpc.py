"""The data plane in this process, asked over gRPC by a real server and channel."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc.aio
import pytest

from fairlead.clock import SystemClock
from fairlead.serving.doors import make_rpc_doors
from fairlead.serving.protocols.oip import oip_pb2 as pb
from fairlead.serving.protocols.oip.rpc import WATCH
from fairlead.serving.router import Router
from fairlead.serving.transport.rpc import RpcServer
from fairlead.serving.types import RpcPlace
from fairlead.telemetry import read
from support.oip import serve_models
from support.plane import PlaneInProcess

SERVICE = "/inference.GRPCInferenceService/"
BYTES_MAX = 100_000


@contextmanager
def calling(folder: Path) -> Iterator[Caller]:
    """The models of `serve_models`, asked over gRPC."""
    with PlaneInProcess(folder) as plane:
        serve_models(plane)
        made = Caller(plane, folder)
        plane.loop.run_until_complete(made.start())
        yield made
        plane.loop.run_until_complete(made.stop())


class Caller:
    """A server over a data plane, and a channel to it."""

    def __init__(self, plane: PlaneInProcess, folder: Path) -> None:
        self.plane = plane
        dialect = make_rpc_doors(plane.plane, plane.front, plane.health, lambda: read(folder))
        self.paths = [door.path for door in dialect.doors]
        self.router = Router([dialect])

    async def start(self) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            probe.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{probe.getsockname()[1]}"
            self.server = RpcServer(
                self.router.handle, self.router.refuse, self.paths, SystemClock(),
                watched=[WATCH], calls_max=100, message_bytes_max=BYTES_MAX,
            )  # fmt: skip
            await self.server.start(RpcPlace(self.address))
        self.channel = grpc.aio.insecure_channel(self.address)

    async def stop(self) -> None:
        await self.channel.close()
        await self.server.stop(1.0)

    def call(self, path: str, message: Any, kind: Any, timeout_s: float = 10.0) -> Any:
        return kind.FromString(self.send(path, message.SerializeToString(), timeout_s))

    def send(self, path: str, raw: bytes, timeout_s: float = 10.0) -> bytes:
        """The bytes that answer these."""

        async def calling() -> bytes:
            answer: bytes = await self.channel.unary_unary(path)(raw, timeout=timeout_s)
            return answer

        return self.plane.loop.run_until_complete(calling())

    def infer(self, message: Any, timeout_s: float = 10.0) -> Any:
        return self.call(SERVICE + "ModelInfer", message, pb.ModelInferResponse, timeout_s)

    def refused(self, message: Any, path: str = "ModelInfer") -> tuple[str, str]:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            self.call(SERVICE + path, message, pb.ModelInferResponse)
        return caught.value.code().name, caught.value.details()
