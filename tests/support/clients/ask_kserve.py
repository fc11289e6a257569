"""Runs in an environment of its own: KServe's clients, as their documentation shows them."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import numpy as np
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest, RESTConfig


def request(binary: bool) -> Any:
    """One input for each field."""
    inputs = []
    for name, kind, values in (
        ("age", "FP64", np.array([42.5, 20.0])),
        ("visits", "INT64", np.array([3, 4])),
        ("plan", "BYTES", np.array(["pro", "free"], dtype=object)),
    ):
        made = InferInput(name=name, shape=[2], datatype=kind)
        made.set_data_from_numpy(values, binary_data=binary)
        inputs.append(made)
    return InferRequest(model_name="churn", infer_inputs=inputs, request_id="r1")


def check(answer: Any) -> None:
    shares = answer.get_output_by_name("probabilities").as_numpy()
    assert shares.shape == (2, 2), shares
    assert np.allclose(shares.sum(axis=1), 1.0)
    assert answer.id == "r1"


async def http(url: str) -> None:
    async with InferenceRESTClient(RESTConfig(protocol="v2")) as client:
        assert await client.is_server_live(url)
        assert await client.is_server_ready(url)
        assert await client.is_model_ready(url, "churn")
        for binary in (False, True):
            check(await client.infer(url, request(binary), model_name="churn"))
        said = ""
        try:
            await client.infer(url, request(False), model_name="nothing")
        except Exception as error:
            said = str(error)
        assert "404" in said, said


async def grpc(url: str) -> None:
    async with InferenceGRPCClient(url) as client:
        assert await client.is_server_live()
        assert await client.is_server_ready()
        assert await client.is_model_ready("churn")
        for binary in (False, True):
            check(await client.infer(request(binary)))


async def main() -> None:
    await http(f"http://{sys.argv[1]}")
    await grpc(sys.argv[2])
    print("all answered")


if __name__ == "__main__":
    asyncio.run(main())
