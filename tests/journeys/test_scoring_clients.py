"""MLflow's, OpenVINO's and AWS's own clients, unchanged, against a real platform."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from support.environment import environment, requirements_of, run_in
from support.models import package_churn
from support.platform import Platform

CLIENTS = Path(__file__).parents[1] / "support" / "clients"
ROWS = [{"age": 88.5, "visits": 3, "plan": "pro"}, {"age": 20.25, "visits": 4, "plan": None}]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def got(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the clients got, and what the native door answers to the same rows."""
    python = environment("scoring", requirements_of(CLIENTS / "scoring.txt"))
    folder = tmp_path_factory.mktemp("scoring")
    home, lines = folder / ".fairlead", folder / "order.jsonl"
    package_churn(home)
    with Platform(home, "--workers=1", "churn:1") as platform:
        address = urlsplit(platform.addresses.api)
        told = run_in(python, CLIENTS / "scoring.py", str(address.hostname), str(address.port))
        native = platform.predict("churn", {"rows": ROWS}).json["predictions"]
        logged = platform.run("predictions", "churn", "--where=caller_id=order-1", "-o", str(lines))
    return json.loads(told) | {"native": [row["label"] for row in native], "logged": logged}


def test_mlflows_client_gets_labels_of_a_frame_with_missing_values(got: Any) -> None:
    assert got["mlflow"]["labels"] == got["native"] == ["left", "stayed"]
    assert got["mlflow"]["lacking"] == ["stayed"]
    assert got["mlflow"]["version"]


def test_mlflows_client_is_told_what_is_wrong(got: Any) -> None:
    refused = got["mlflow"]["refused"]
    assert "error code 400" in refused
    assert "Row 0, field 'age': expected a finite number, got text." in refused


def test_ovmsclient_predicts_by_column(got: Any) -> None:
    ovms = got["ovms"]
    assert ovms["labels"] == ovms["first"] == ["left", "stayed"]
    assert ovms["shape"] == [2, 2]


def test_ovmsclient_reads_status_and_metadata(got: Any) -> None:
    ovms = got["ovms"]
    assert ovms["status"] == {"1": "AVAILABLE"}
    assert ovms["metadata"]["model_version"] == 1
    assert ovms["metadata"]["inputs"]["plan"] == {"dtype": "DT_STRING", "shape": [-1]}
    assert ovms["metadata"]["outputs"]["probabilities"]["shape"] == [-1, 2]


def test_ovmsclient_tells_errors_apart(got: Any) -> None:
    ovms = got["ovms"]
    assert ovms["refused"].startswith("InvalidInputError")
    assert "field 'visits': is missing" in ovms["refused"]
    assert ovms["unknown"].startswith("ModelNotFoundError")
    assert ovms["unrouted"].startswith("ModelNotFoundError")


def test_boto3_invokes_an_endpoint(got: Any) -> None:
    assert got["sagemaker"]["predictions"] == {"predictions": ["left"]}
    assert got["sagemaker"]["lines"] == "left\nstayed\n"
    assert got["sagemaker"]["variant"] == "stable"
    assert got["logged"].startswith("1 rows written")


def test_boto3_reads_the_kind_of_an_error(got: Any) -> None:
    errors = got["sagemaker"]["errors"]
    assert {error["Code"] for error in errors.values()} == {"ValidationError"}
    assert "field 'age'" in errors["refused"]["Message"]
    assert "no endpoint of this name" in errors["unknown"]["Message"]
    assert "/invocations" in errors["async"]["Message"]
