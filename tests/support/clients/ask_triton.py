"""Runs in an environment of its own: Triton's clients, as their documentation shows them."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import Any

import numpy as np
import tritonclient.grpc as over_grpc
import tritonclient.http as over_http

MANY = 200
"""Rows whose reply is large enough to be compressed."""


def columns(client: Any, rows: int = 2, **how: Any) -> list[Any]:
    """One input for each field, of the same two rows over and over."""
    made: list[Any] = []
    for name, kind, two in (
        ("age", "FP64", np.array([42.5, 20.0])),
        ("visits", "INT64", np.array([3, 4])),
        ("plan", "BYTES", np.array(["pro", "free"], dtype=object)),
    ):
        values = np.resize(two, (rows, 1))
        made.append(client.InferInput(name, list(values.shape), kind))
        made[-1].set_data_from_numpy(values, **how)
    return made


def check(answer: Any, rows: int = 2) -> Any:
    labels = answer.as_numpy("label").tolist()
    assert labels == labels[:2] * (rows // 2)
    assert labels[:2] in ([b"left", b"stayed"], [b"stayed", b"stayed"])
    shares = answer.as_numpy("probabilities")
    assert shares.shape == (rows, 2)
    assert np.allclose(shares.sum(axis=1), 1.0)
    return shares


def http(url: str) -> None:
    client = over_http.InferenceServerClient(url)
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("churn")
    assert client.is_model_ready("churn", "1")
    assert not client.is_model_ready("nothing")
    assert client.get_server_metadata()["name"] == "fairlead"
    told = client.get_model_metadata("churn")
    assert [i["name"] for i in told["inputs"]] == ["age", "visits", "plan"]
    assert {m["name"] for m in client.get_model_repository_index()} == {"churn", "points"}
    assert client.get_model_config("churn")["max_batch_size"] == 0

    plain = check(client.infer("churn", columns(over_http)))
    wanted = [
        over_http.InferRequestedOutput("label", binary_data=True),
        over_http.InferRequestedOutput("probabilities", binary_data=False),
    ]
    answers = [
        client.infer("churn", columns(over_http, binary_data=False)),
        client.infer("churn", columns(over_http, binary_data=False), outputs=wanted),
        client.infer("churn", columns(over_http), outputs=wanted, request_id="r1"),
        client.infer("churn", columns(over_http), model_version="1", timeout=5_000_000),
    ]
    assert all((check(answer) == plain).all() for answer in answers)
    assert answers[2].get_response()["id"] == "r1"
    assert answers[3].get_response()["model_version"] == "1"
    assert len(answers[0].get_response()["parameters"]["prediction_id"].split(",")) == 2

    statistics = client.get_inference_statistics("churn")["model_stats"]
    assert statistics[0]["inference_count"] >= 10
    assert client.get_inference_statistics()["model_stats"]

    compressed(url, client.infer("churn", columns(over_http, MANY)))
    numbers(over_http, client)
    refused(over_http, lambda: client.infer("points", [wrong_shape(over_http)]), "400")
    refused(over_http, lambda: client.infer("nothing", columns(over_http)), "404")
    refused(over_http, lambda: client.load_model("churn"), "501")
    client.close()


def compressed(url: str, plain: Any) -> None:
    """The same answer comes to compressed requests, and compressed where the client wants gzip."""
    client = over_http.InferenceServerClient(url, verbose=True)  # it prints replies' headers
    expected = check(plain, MANY)
    for request, response in (
        ("gzip", None), ("deflate", None), (None, "gzip"), (None, "deflate"), ("gzip", "gzip"),
    ):  # fmt: skip
        with redirect_stdout(io.StringIO()) as said:
            answer = client.infer(
                "churn",
                columns(over_http, MANY),
                request_compression_algorithm=request,
                response_compression_algorithm=response,
            )
        assert (check(answer, MANY) == expected).all()
        lines = [line.lower() for line in said.getvalue().splitlines()]
        (headers,) = [line for line in lines if line.startswith("<httpsocketpoolresponse")]
        assert ("'content-encoding': 'gzip'" in headers) == (response == "gzip"), headers
    client.close()


def numbers(over: Any, client: Any) -> None:
    """Numbers of other types than the model's are taken."""
    for kind, values in (("FP16", np.float16), ("FP32", np.float32), ("INT8", np.int8)):
        points = over.InferInput("x", [2, 2], kind)
        points.set_data_from_numpy(np.array([[1, 2], [3, 4]], dtype=values))
        sums = client.infer("points", [points]).as_numpy("prediction")
        assert np.allclose(sums, [3, 7], atol=1e-4), sums


def grpc(url: str) -> None:
    client = over_grpc.InferenceServerClient(url)
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("churn")
    refused(over_grpc, lambda: client.is_model_ready("nothing"), "NOT_FOUND")
    assert client.get_server_metadata().name == "fairlead"
    told = client.get_model_metadata("churn", as_json=True)
    assert [i["name"] for i in told["inputs"]] == ["age", "visits", "plan"]
    assert {m.name for m in client.get_model_repository_index().models} == {"churn", "points"}
    assert client.get_model_config("churn").config.output[1].dims == [-1, 2]
    assert client.get_inference_statistics("churn").model_stats[0].inference_count >= 16
    answer = client.infer("churn", columns(over_grpc), request_id="r1", client_timeout=10)
    check(answer)
    assert answer.get_response().id == "r1"
    wanted = [over_grpc.InferRequestedOutput("probabilities")]
    answer = client.infer("churn", columns(over_grpc), outputs=wanted, model_version="1")
    assert [output.name for output in answer.get_response().outputs] == ["probabilities"]
    assert answer.get_response().model_version == "1"
    for way in ("gzip", "deflate"):
        check(client.infer("churn", columns(over_grpc, MANY), compression_algorithm=way), MANY)
    numbers(over_grpc, client)
    refused(over_grpc, lambda: client.infer("points", [wrong_shape(over_grpc)]), "INVALID_ARGUMENT")
    refused(over_grpc, lambda: client.infer("nothing", columns(over_grpc)), "NOT_FOUND")
    refused(over_grpc, lambda: client.load_model("churn"), "UNIMPLEMENTED")
    client.close()


def wrong_shape(client: Any) -> Any:
    points = client.InferInput("x", [1, 3], "FP32")
    points.set_data_from_numpy(np.zeros((1, 3), np.float32))
    return points


def refused(client: Any, call: Callable[[], object], status: str) -> None:
    error = None
    try:
        call()
    except client.InferenceServerException as caught:
        error = caught
    assert error is not None, f"not refused with {status}"
    assert status in str(error.status()), error
    assert error.message()


if __name__ == "__main__":
    http(sys.argv[1])
    grpc(sys.argv[2])
    print("all answered")
