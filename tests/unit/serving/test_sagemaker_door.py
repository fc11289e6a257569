"""SageMaker: its runtime's paths and headers, errors its clients can tell apart, its contract."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fairlead.errors import DeadlineError, UnavailableError
from fairlead.serving.protocols.sagemaker import sagemaker_shape
from fairlead.serving.refusal import refusal
from support.plane import BODY_BYTES_MAX, PlaneInProcess
from support.scoring import CHURN, churn

BODY = {"instances": [[70, 3, "pro"], [20, 3, None]]}
SIGNED = {  # as boto3 sends it, shortened
    "content-type": "application/json",
    "authorization": "AWS4-HMAC-SHA256 Credential=x/20260101/x/sagemaker/aws4_request",
    "x-amz-date": "20260101T000000Z",
    "amz-sdk-invocation-id": "0c2e",
}


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[PlaneInProcess]:
    with PlaneInProcess(tmp_path) as plane:
        plane.serve("churn", CHURN, churn)
        yield plane


def test_an_endpoint_named_in_the_path_answers(plane: PlaneInProcess) -> None:
    got = plane.ask("/endpoints/churn/invocations", BODY, headers=SIGNED)
    assert got.json == {"predictions": ["left", "stayed"]}
    assert got.headers["x-amzn-invoked-production-variant"] == "stable"


def test_the_inference_id_is_the_callers_id_of_every_row(plane: PlaneInProcess) -> None:
    headers = {**SIGNED, "X-Amzn-SageMaker-Inference-Id": "order-1"}
    assert plane.ask("/endpoints/churn/invocations", BODY, headers=headers).status == 200
    assert plane.frames[0].caller_ids == ["order-1", "order-1"]


def test_a_variant_is_an_arm(tmp_path: Path) -> None:
    with PlaneInProcess(tmp_path) as plane:
        plane.serve("churn", CHURN, churn, churn)
        for arm in ("candidate", "stable"):
            headers = {**SIGNED, "X-Amzn-SageMaker-Target-Variant": arm}
            got = plane.ask("/endpoints/churn/invocations", BODY, headers=headers)
            assert got.headers["x-amzn-invoked-production-variant"] == arm
            assert (plane.frames[-1].arm, plane.frames[-1].assigned_by) == (arm, "override")
        headers = {**SIGNED, "X-Amzn-SageMaker-Target-Variant": "none"}
        got = plane.ask("/endpoints/churn/invocations", BODY, headers=headers)
        assert (got.status, got.headers["x-amzn-errortype"]) == (404, "ValidationError")
        assert "candidate, stable" in got.json["message"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/endpoints/other/invocations", BODY),
        ("/endpoints/churn/invocations", {"instances": [["secret", 3, None]]}),
        ("/endpoints/churn/invocations", b"1,2"),
        ("/endpoints/churn/other", BODY),
    ],
)
def test_wrong_requests_are_validation_errors(
    plane: PlaneInProcess, path: str, body: object
) -> None:
    got = plane.ask(path, body)
    assert got.status in (400, 404)
    assert got.headers["x-amzn-errortype"] == "ValidationError"
    assert got.json.keys() == {"message"}
    assert b"secret" not in got.body


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (RuntimeError("a secret"), 424, "ModelError"),
        (DeadlineError("Too late."), 424, "ModelError"),
        (UnavailableError("Not now."), 503, "ServiceUnavailable"),
    ],
    ids=repr,
)
def test_failures_are_told_by_whose_they_are(
    tmp_path: Path, error: Exception, status: int, kind: str
) -> None:
    def fails(_: object) -> Any:
        raise error

    with PlaneInProcess(tmp_path) as plane:
        plane.serve("churn", CHURN, fails)
        got = plane.ask("/endpoints/churn/invocations", BODY)
    assert (got.status, got.headers["x-amzn-errortype"]) == (status, kind)
    assert b"secret" not in got.body
    if status == 424:
        assert got.json["OriginalStatusCode"] in (500, 504)


def test_asynchronous_invocations_are_refused_plainly(plane: PlaneInProcess) -> None:
    got = plane.ask("/endpoints/churn/async-invocations", BODY)
    assert (got.status, got.headers["x-amzn-errortype"]) == (501, "ValidationError")
    assert "/endpoints/<name>/invocations" in got.json["message"]


def test_batch_transforms_learn_what_they_may_send(plane: PlaneInProcess) -> None:
    assert plane.ask("/execution-parameters").json == {
        "MaxConcurrentTransforms": 16,
        "BatchStrategy": "MULTI_RECORD",
        "MaxPayloadInMB": BODY_BYTES_MAX >> 20,
    }


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, b"AccessDeniedException"),
        (403, b"AccessDeniedException"),
        (429, b"ThrottlingException"),
    ],
)
def test_who_is_not_let_in_is_told_in_terms_of_aws(status: int, kind: bytes) -> None:
    response = sagemaker_shape(refusal(status, "No."))
    assert (response.status, dict(response.headers)[b"x-amzn-errortype"]) == (status, kind)
