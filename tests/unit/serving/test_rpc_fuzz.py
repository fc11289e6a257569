"""Whatever message is sent over gRPC is answered or refused, and never a fault."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.serving.protocols.oip.types import DATATYPES

if TYPE_CHECKING:
    from support.rpc import Caller

grpc = pytest.importorskip("grpc", reason="needs the extra `grpc`")
pb: Any = pytest.importorskip("fairlead.serving.protocols.oip.oip_pb2", reason="needs protobuf")
rpc = pytest.importorskip("support.rpc", reason="needs the extra `grpc`")

REFUSED = {"INVALID_ARGUMENT", "NOT_FOUND"}

CONTENTS = {
    "bool_contents": st.booleans(),
    "int_contents": st.integers(-(2**31), 2**31 - 1),
    "int64_contents": st.integers(-(2**63), 2**63 - 1),
    "uint_contents": st.integers(0, 2**32 - 1),
    "uint64_contents": st.integers(0, 2**64 - 1),
    "fp32_contents": st.floats(width=32),
    "fp64_contents": st.floats(),
    "bytes_contents": st.binary(max_size=6),
}
INPUTS = st.builds(
    pb.ModelInferRequest.InferInputTensor,
    name=st.sampled_from(["age", "visits", "paying", "x", "pair", "a", "photo", "at", ""]),
    datatype=st.sampled_from([*DATATYPES, "FP99", ""]),
    shape=st.lists(st.sampled_from([-1, 0, 1, 2, 3, 2**40, 2**63 - 1]), max_size=4),
    contents=st.fixed_dictionaries(
        {}, optional={name: st.lists(value, max_size=4) for name, value in CONTENTS.items()}
    ),
)
PARAMETERS = st.dictionaries(
    st.sampled_from(["timeout", "unit", "binary_data_output", "sequence_id"]),
    st.one_of(
        st.builds(pb.InferParameter, int64_param=st.sampled_from([-(2**63), -1, 0, 2**63 - 1])),
        st.builds(pb.InferParameter, string_param=st.text(max_size=4)),
        st.builds(pb.InferParameter),
    ),
    max_size=2,
)
MESSAGES = st.builds(
    pb.ModelInferRequest,
    model_name=st.sampled_from(["churn", "mixed", "texts", "picture", "none", ""]),
    model_version=st.sampled_from(["", "1", "12", "-1", "٣", "x"]),
    id=st.text(max_size=4),
    parameters=PARAMETERS,
    inputs=st.lists(INPUTS, max_size=3),
    outputs=st.lists(
        st.builds(
            pb.ModelInferRequest.InferRequestedOutputTensor,
            name=st.sampled_from(["label", "x", "a", "y"]),
        ),
        max_size=2,
    ),
    raw_input_contents=st.lists(st.binary(max_size=24), max_size=3),
)
VALID = pb.ModelInferRequest(
    model_name="churn",
    inputs=[
        pb.ModelInferRequest.InferInputTensor(name=name, datatype=datatype, shape=[1])
        for name, datatype in (("age", "FP64"), ("visits", "INT32"), ("paying", "BOOL"))
    ],
    raw_input_contents=[bytes(8), bytes(4), bytes(1)],
).SerializeToString()


@pytest.fixture(scope="module")
def caller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    with rpc.calling(tmp_path_factory.mktemp("rpc")) as made:
        yield made


def answered_or_refused(caller: Caller, raw: bytes, call: str = "ModelInfer") -> str:
    try:
        caller.send(rpc.SERVICE + call, raw)
    except grpc.aio.AioRpcError as error:
        code, details = error.code().name, error.details()
    else:
        return "OK"
    assert code in REFUSED, details
    assert details
    assert "made a mistake" not in details
    return str(code)


@settings(max_examples=200, deadline=None)
@given(MESSAGES)
def test_messages_of_the_protocols_form_never_break_it(caller: Caller, message: Any) -> None:
    answered_or_refused(caller, message.SerializeToString())


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(VALID) - 1), st.integers(0, 3), st.binary(max_size=3))
def test_damaged_messages_never_break_it(
    caller: Caller, start: int, length: int, other: bytes
) -> None:
    answered_or_refused(caller, VALID[:start] + other + VALID[start + length :])


@settings(max_examples=100, deadline=None)
@given(
    st.binary(max_size=40),
    st.sampled_from(["ModelInfer", "ModelReady", "ModelMetadata", "ModelConfig",
                     "ModelStatistics", "RepositoryIndex"]),
)  # fmt: skip
def test_bytes_of_any_kind_never_break_it(caller: Caller, raw: bytes, call: str) -> None:
    answered_or_refused(caller, raw, call)


def test_what_is_not_damaged_is_answered(caller: Caller) -> None:
    assert answered_or_refused(caller, VALID) == "OK"
