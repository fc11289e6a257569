"""SageMaker: what its runtime's clients send, and what its container contract asks for.

boto3's `invoke_endpoint` names the endpoint in the path; its signature is left aside. Of its
further headers these are taken: `InferenceId` as the caller's id of every row, and
`TargetVariant` as the name of the arm that shall answer, for those who operate the endpoint.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from fairlead.serving.dataplane import Endpoint
from fairlead.serving.front import Front, Reading
from fairlead.serving.message import Reply, Request, Response, json_response
from fairlead.serving.protocols.scoring.invocations import Invocations
from fairlead.serving.refusal import Refusal, refusal
from fairlead.serving.router import Door, Names
from fairlead.serving.types import Answer

PREFIXES = ("/endpoints/", "/execution-parameters")
CONCURRENT_TRANSFORMS_MAX = 16
INFERENCE_ID = b"x-amzn-sagemaker-inference-id"
INFERENCE_ID_LENGTH_MAX = 64
TARGET_VARIANT = b"x-amzn-sagemaker-target-variant"
INVOKED_VARIANT = b"x-amzn-invoked-production-variant"
ERROR_TYPE = b"x-amzn-errortype"
ERROR_TYPES = {
    401: b"AccessDeniedException",
    403: b"AccessDeniedException",
    429: b"ThrottlingException",
    424: b"ModelError",
    503: b"ServiceUnavailable",
}


def sagemaker_shape(refused: Refusal) -> Response:
    """An error as AWS's clients read it: its type in a header, `message` in the body.

    What goes wrong in a model is a `ModelError` with status 424, which clients do not retry.
    """
    status = refused.status
    body: dict[str, object] = {"message": str(refused)}
    if status in (500, 504):
        body |= {"OriginalStatusCode": status, "OriginalMessage": str(refused)}
        status = 424
    response = json_response(body, status)
    kind = (ERROR_TYPE, ERROR_TYPES.get(status, b"ValidationError"))
    return Response(status, response.body, headers=(*refused.headers, kind))


class SageMaker:
    """Answers as SageMaker's runtime does.

    Args:
        front: takes what is read to the data plane.
        invocations: reads bodies.
        body_bytes_max: of one request.
    """

    def __init__(self, front: Front, invocations: Invocations, body_bytes_max: int) -> None:
        self._front = front
        self._invocations = invocations
        self._parameters = json_response(
            {
                "MaxConcurrentTransforms": CONCURRENT_TRANSFORMS_MAX,
                "BatchStrategy": "MULTI_RECORD",
                "MaxPayloadInMB": max(1, body_bytes_max >> 20),  # 0 would mean without limit
            }
        )

    def doors(self) -> list[Door]:
        """Where SageMaker's clients ask."""
        return [
            Door("GET", "/execution-parameters", "open", lambda _, r, __: r(self._parameters)),
            Door("POST", "/endpoints/{name}/invocations", "predict", self._invoke),
            Door("POST", "/endpoints/{name}/async-invocations", "predict", _refuse_async),
        ]

    def _invoke(self, request: Request, reply: Reply, names: Names) -> None:
        slow = self._invocations.is_slow(request)
        self._front.predict(request, reply, names["name"], self._read, sagemaker_shape, slow=slow)

    def _read(self, endpoint: Endpoint, request: Request) -> Reading:
        reading = self._invocations.read(endpoint, request)
        caller_id = request.headers.get(INFERENCE_ID, b"").decode("latin-1")
        variant = request.headers.get(TARGET_VARIANT, b"").decode("latin-1")
        return replace(
            reading,
            write=_with_variant(reading.write),
            caller_ids=[caller_id[:INFERENCE_ID_LENGTH_MAX]] * reading.batch.rows
            if caller_id
            else reading.caller_ids,
            arm=variant,
        )


def _with_variant(write: Callable[[Answer], Response]) -> Callable[[Answer], Response]:
    """Tells the arm that answered, where it was one."""

    def written(answer: Answer) -> Response:
        response = write(answer)
        if len(answer.parts) != 1:
            return response
        variant = (INVOKED_VARIANT, answer.parts[0].source.arm.encode())
        return replace(response, headers=(*response.headers, variant))

    return written


def _refuse_async(request: Request, reply: Reply, names: Names) -> None:  # noqa: ARG001
    reply(
        sagemaker_shape(
            refusal(
                501,
                "Predictions are not made later here: the answer comes with the reply.",
                "Send the rows themselves to /endpoints/<name>/invocations.",
            )
        )
    )
