"""What MLflow's, OpenVINO's and AWS's own clients get, as JSON; run where those are installed.

python scoring.py HOST PORT
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

os.environ["AWS_EC2_METADATA_DISABLED"] = "true"

import boto3
import numpy as np
import pandas as pd
from botocore.config import Config
from botocore.exceptions import ClientError
from mlflow.pyfunc.scoring_server.client import (  # type: ignore[import-not-found]
    ScoringServerClient,
)
from ovmsclient import make_http_client  # type: ignore[import-not-found]


def failure(call: Callable[[], object]) -> str:
    """The error that a call raises."""
    try:
        call()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def mlflow(host: str, port: int) -> dict[str, Any]:
    """MLflow's scoring client, with a frame that lacks values."""
    client = ScoringServerClient(f"{host}", port)
    client.wait_server_ready(timeout=10)
    frame = pd.DataFrame(
        {"age": [88.5, 20.25], "visits": [3, 4], "plan": ["pro", None]}, index=[5, 7]
    )
    lacking = pd.DataFrame({"age": [20.5], "visits": [3], "plan": [np.nan], "more": ["?"]})
    return {
        "version": client.get_version(),
        "labels": client.invoke(frame, params={"t": 1}).get_predictions()[0].tolist(),
        "lacking": client.invoke(lacking).get_predictions()[0].tolist(),
        "refused": failure(lambda: client.invoke(frame.assign(age="old"))),
    }


def ovms(host: str, port: int) -> dict[str, Any]:
    """OpenVINO's client of TensorFlow Serving's REST."""
    client = make_http_client(f"{host}:{port}")
    columns = {
        "age": np.array([88.5, 20.25]),
        "visits": np.array([[3], [4]]),
        "plan": ["pro", "free"],
    }
    answers = client.predict(columns, "churn")
    return {
        "labels": answers["label"].tolist(),
        "shape": answers["probabilities"].shape,
        "first": client.predict(columns, "churn", 1)["label"].tolist(),
        "status": {str(v): one["state"] for v, one in client.get_model_status("churn").items()},
        "metadata": client.get_model_metadata("churn"),
        "refused": failure(lambda: client.predict({"age": [1.0]}, "churn")),
        "unknown": failure(lambda: client.predict(columns, "other")),
        "unrouted": failure(lambda: client.predict(columns, "churn", 9)),
    }


def sagemaker(host: str, port: int) -> dict[str, Any]:
    """AWS's client of SageMaker's runtime."""
    client = boto3.client(
        "sagemaker-runtime", endpoint_url=f"http://{host}:{port}", region_name="x",
        aws_access_key_id="x", aws_secret_access_key="x",
        config=Config(retries={"max_attempts": 0}),
    )  # fmt: skip

    def invoke(
        body: bytes, name: str = "churn", kind: str = "application/json", **more: str
    ) -> Any:
        return client.invoke_endpoint(EndpointName=name, ContentType=kind, Body=body, **more)

    body = json.dumps({"instances": [{"age": 88.5, "visits": 3, "plan": "pro"}]}).encode()
    answered = invoke(body, InferenceId="order-1", TargetVariant="stable", Accept="*/*")
    lines = invoke(b"88.5,3,pro\n20.25,4,", kind="text/csv", Accept="text/csv")
    errors = {}
    wrong: dict[str, Callable[[], object]] = {
        "unknown": lambda: invoke(body, "other"),
        "refused": lambda: invoke(b'{"instances": [["old", 3, "pro"]]}'),
        "async": lambda: client.invoke_endpoint_async(
            EndpointName="churn", InputLocation="s3://bucket/key"
        ),
    }
    for name, call in wrong.items():
        try:
            call()
        except ClientError as error:
            errors[name] = error.response["Error"]
    return {
        "predictions": json.load(answered["Body"]),
        "lines": lines["Body"].read().decode(),
        "variant": answered["InvokedProductionVariant"],
        "errors": errors,
    }


def main() -> None:
    """Ask a platform with an endpoint `churn` and print what came."""
    host, port = sys.argv[1], int(sys.argv[2])
    calls = {"mlflow": mlflow, "ovms": ovms, "sagemaker": sagemaker}
    sys.stdout.write(json.dumps({name: call(host, port) for name, call in calls.items()}))


if __name__ == "__main__":
    main()
