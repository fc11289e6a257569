"""Runs in an environment of its own: KServe's clients, as their documentation shows them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable
from typing import Any

import numpy as np
from grpc import RpcError
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest, RESTConfig

MANY = 200
"""Rows whose reply is large enough to be compressed."""


def request(binary: bool, rows: int = 2, model: str = "churn") -> Any:
    """One input for each field."""
    inputs = []
    for name, kind, two in (
        ("age", "FP64", np.array([42.5, 20.0])),
        ("visits", "INT64", np.array([3, 4])),
        ("plan", "BYTES", np.array(["pro", "free"], dtype=object)),
    ):
        inputs.append(InferInput(name=name, shape=[rows], datatype=kind))
        inputs[-1].set_data_from_numpy(np.resize(two, rows), binary_data=binary)
    return InferRequest(model_name=model, infer_inputs=inputs, request_id="r1")


def points(kind: str, values: Any) -> Any:
    """Points in a type of numbers."""
    made = InferInput(name="x", shape=list(values.shape), datatype=kind)
    made.set_data_from_numpy(values, binary_data=True)
    return InferRequest(model_name="points", infer_inputs=[made])


def numbers() -> list[Any]:
    """The same points in other types than the model's."""
    values = np.array([[1, 2], [3, 4]])
    return [points("FP16", values.astype(np.float16)), points("INT8", values.astype(np.int8))]


WRONG = points("FP32", np.zeros((1, 3), np.float32))
"""Of a shape that the model does not take."""


def check(answer: Any, rows: int = 2) -> None:
    shares = answer.get_output_by_name("probabilities").as_numpy()
    assert shares.shape == (rows, 2), shares
    assert np.allclose(shares.sum(axis=1), 1.0)
    assert answer.id == "r1"


def check_sums(answer: Any) -> None:
    sums = answer.get_output_by_name("prediction").as_numpy()
    assert np.allclose(sums, [3, 7], atol=1e-4), sums


async def refused(call: Awaitable[object], status: str) -> None:
    said = ""
    try:
        await call
    except Exception as error:
        said = f"{error} {error.code()}" if isinstance(error, RpcError) else str(error)
    assert status in said, said


async def http(url: str) -> None:
    async with InferenceRESTClient(RESTConfig(protocol="v2")) as client:
        assert await client.is_server_live(url)
        assert await client.is_server_ready(url)
        assert await client.is_model_ready(url, "churn")
        assert not await client.is_model_ready(url, "nothing")
        for binary in (False, True):
            headers: dict[str, str] = {}
            sent = request(binary, MANY)
            check(await client.infer(url, sent, "churn", response_headers=headers), MANY)
            assert headers["content-encoding"] == "gzip", headers
        for sent in numbers():
            check_sums(await client.infer(url, sent, "points"))
        await refused(client.infer(url, WRONG, "points"), "400")
        await refused(client.infer(url, request(False), "nothing"), "404")


async def grpc(url: str) -> None:
    async with InferenceGRPCClient(url) as client:
        assert await client.is_server_live()
        assert await client.is_server_ready()
        assert await client.is_model_ready("churn")
        await refused(client.is_model_ready("nothing"), "NOT_FOUND")
        for binary in (False, True):
            check(await client.infer(request(binary)))
        for sent in numbers():
            check_sums(await client.infer(sent))
        await refused(client.infer(WRONG), "INVALID_ARGUMENT")
        await refused(client.infer(request(True, model="nothing")), "NOT_FOUND")


async def main() -> None:
    await http(f"http://{sys.argv[1]}")
    await grpc(sys.argv[2])
    print("all answered")


if __name__ == "__main__":
    asyncio.run(main())
