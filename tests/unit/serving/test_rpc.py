"""The Open Inference Protocol over gRPC: a real server and channel, messages of the protocol."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from fairlead.routing import Automation
from support.oip import NUMBERS, classify

if TYPE_CHECKING:
    from support.rpc import Caller

grpc = pytest.importorskip("grpc", reason="needs the extra `grpc`")
pb = pytest.importorskip("fairlead.serving.protocols.oip.oip_pb2", reason="needs protobuf 6.31")
rpc = pytest.importorskip("support.rpc", reason="needs the extra `grpc`")
SERVICE, BYTES_MAX = rpc.SERVICE, rpc.BYTES_MAX


@pytest.fixture
def caller(tmp_path: Path) -> Iterator[Caller]:
    with rpc.calling(tmp_path) as made:
        yield made


def churn(*ages: float, raw: bool = True) -> Any:
    message = pb.ModelInferRequest(model_name="churn", id="r1")
    columns = {
        "age": ("FP64", np.array(ages), "fp64_contents"),
        "visits": ("INT32", np.full(len(ages), 3, np.int32), "int_contents"),
        "paying": ("BOOL", np.ones(len(ages), bool), "bool_contents"),
    }
    for name, (datatype, values, field) in columns.items():
        item = message.inputs.add(name=name, datatype=datatype, shape=[len(ages)])
        if raw:
            message.raw_input_contents.append(values.tobytes())
        else:
            getattr(item.contents, field).extend(values.tolist())
    return message


def test_raw_inputs_are_answered_raw(caller: Caller) -> None:
    answer = caller.infer(churn(20.0, 80.0))
    assert (answer.model_name, answer.model_version, answer.id) == ("churn", "1", "r1")
    assert [(o.name, o.datatype, list(o.shape)) for o in answer.outputs] == [
        ("label", "BYTES", [2]), ("probabilities", "FP64", [2, 2]),
    ]  # fmt: skip
    assert answer.raw_output_contents[0] == b"\x06\0\0\0stayed\x04\0\0\0left"
    shares = np.frombuffer(answer.raw_output_contents[1], "<f8")
    assert shares.tolist() == pytest.approx([0.2, 0.8, 0.8, 0.2])
    assert len(answer.parameters["prediction_id"].string_param.split(",")) == 2


def test_typed_inputs_are_answered_typed(caller: Caller) -> None:
    message = churn(20.0, raw=False)
    message.outputs.add(name="probabilities")
    answer = caller.infer(message)
    assert not answer.raw_output_contents
    assert list(answer.outputs[0].contents.fp64_contents) == pytest.approx([0.2, 0.8])
    texts = pb.ModelInferRequest(model_name="texts")
    item = texts.inputs.add(name="x", datatype="BYTES", shape=[1, 2])
    item.contents.bytes_contents.extend([b"a", "ä".encode()])
    both, count = caller.infer(texts).outputs
    assert list(both.contents.bytes_contents) == ["aä".encode()]
    assert list(count.contents.int64_contents) == [2]


def test_a_version_answers_if_it_is_routed(caller: Caller) -> None:
    message = churn(20.0)
    message.model_version = "12"
    assert caller.infer(message).model_version == "12"
    message.model_version = "3"
    assert caller.refused(message)[0] == "NOT_FOUND"


def test_what_is_wrong_is_told_with_a_code(caller: Caller) -> None:
    unknown = churn(20.0)
    unknown.model_name = "chrun"
    code, details = caller.refused(unknown)
    assert code == "NOT_FOUND"
    assert "Did you mean 'churn'?" in details
    short = churn(20.0)
    short.raw_input_contents[0] = b"1234"
    code, details = caller.refused(short)
    assert code == "INVALID_ARGUMENT"
    assert details.startswith("Input 'age' has 4 bytes; its shape and datatype take 8.")
    for change, says in (
        (lambda m: m.raw_input_contents.pop(), "for 2 of 3 inputs"),
        (lambda m: m.inputs[0].contents.fp64_contents.append(1.0), "both raw and typed"),
        (lambda m: m.inputs.pop(), "for 3 of 2 inputs"),
        (lambda m: m.outputs.add(name="labels"), "Did you mean 'label'?"),
    ):
        wrong = churn(20.0)
        change(wrong)  # type: ignore[no-untyped-call]
        code, details = caller.refused(wrong)
        assert (code, says in details) == ("INVALID_ARGUMENT", True), details
    typed = churn(20.0, raw=False)
    typed.inputs[1].datatype = "INT8"
    typed.inputs[1].contents.int_contents[0] = 300
    assert "beyond the range of INT8" in caller.refused(typed)[1]
    typed.inputs[1].contents.int_contents.append(1)
    assert "2 elements in int_contents; its shape takes 1" in caller.refused(typed)[1]
    typed.inputs[1].datatype = "FP16"
    assert "raw_input_contents" in caller.refused(typed)[1]


def test_where_people_decide_it_is_refused_and_nothing_is_recorded(caller: Caller) -> None:
    automation = Automation("partial", "confidence >= 0.7")
    caller.plane.serve("churn", NUMBERS, classify, automation=automation)
    code, details = caller.refused(churn(20.0))
    assert (code, "A person decides some rows here" in details) == ("ABORTED", True)
    assert not caller.plane.frames


def test_messages_larger_than_a_body_may_be_are_refused(caller: Caller) -> None:
    code, details = caller.refused(churn(*[1.0] * 20_000))
    assert code == "RESOURCE_EXHAUSTED"
    assert str(BYTES_MAX) in details


def test_bytes_that_are_no_message_are_refused(caller: Caller) -> None:
    class Torn:
        def SerializeToString(self) -> bytes:  # noqa: N802  # as messages name it
            return b"\xff\xff"

    assert caller.refused(Torn())[0] == "INVALID_ARGUMENT"
    assert caller.refused(Torn(), "ModelMetadata")[0] == "INVALID_ARGUMENT"


def test_calls_that_are_not_offered_say_so(caller: Caller) -> None:
    assert caller.refused(pb.Empty(), "TraceSetting")[0] == "UNIMPLEMENTED"
    code, details = caller.refused(pb.Empty(), "RepositoryModelLoad")
    assert code == "UNIMPLEMENTED"
    assert "fairlead deploy" in details


def test_the_server_and_its_models_are_told(caller: Caller) -> None:
    def call(path: str, kind: Any, **asked: str) -> Any:
        return caller.call(SERVICE + path, pb.ModelRequest(**asked), kind)

    caller.infer(churn(20.0, 30.0))
    assert call("ServerLive", pb.ServerLiveResponse).live
    assert call("ServerReady", pb.ServerReadyResponse).ready
    assert "statistics" in call("ServerMetadata", pb.ServerMetadataResponse).extensions
    assert call("ModelReady", pb.ModelReadyResponse, name="churn", version="12").ready
    told = call("ModelMetadata", pb.ModelMetadataResponse, name="churn")
    assert list(told.versions) == ["1", "12"]
    assert [(i.name, i.datatype, list(i.shape)) for i in told.inputs][1] == (
        "visits",
        "INT32",
        [-1],
    )
    config = call("ModelConfig", pb.ModelConfigResponse, name="churn").config
    assert config.output[1].data_type == pb.TYPE_FP64
    assert list(config.output[1].dims) == [-1, 2]
    (stats, _) = call("ModelStatistics", pb.ModelStatisticsResponse, name="churn").model_stats
    assert (stats.inference_count, stats.execution_count) == (2, 1)
    assert stats.inference_stats.success.count == stats.inference_stats.queue.count == 1
    assert stats.last_inference > 1_700_000_000_000
    index = call("RepositoryIndex", pb.RepositoryIndexResponse).models
    assert ("churn", "12", "READY") in [(m.name, m.version, m.state) for m in index]
    assert caller.refused(pb.ModelRequest(name="none"), "ModelMetadata")[0] == "NOT_FOUND"


def test_health_is_told_as_health_checks_ask(caller: Caller) -> None:
    def check(service: str) -> Any:
        asked = pb.HealthCheckRequest(service=service)
        path = "/grpc.health.v1.Health/Check"
        return caller.call(path, asked, pb.HealthCheckResponse).status

    serving, not_serving = pb.HealthCheckResponse.SERVING, pb.HealthCheckResponse.NOT_SERVING
    assert check("") == check("inference.GRPCInferenceService") == check("churn") == serving
    with pytest.raises(grpc.aio.AioRpcError, match="no endpoint"):
        check("none")
    caller.plane.ready = False
    assert check("") == not_serving


def test_health_is_told_again_to_who_watches_it_when_it_changes(caller: Caller) -> None:
    async def watching() -> list[str]:
        statuses = []
        watch = caller.channel.unary_stream("/grpc.health.v1.Health/Watch")
        for service in ("", "none"):
            asked = pb.HealthCheckRequest(service=service).SerializeToString()
            told = watch(asked, timeout=60.0)
            statuses.append(pb.HealthCheckResponse.FromString(await told.read()).status)
            if not service:
                caller.plane.ready = False
                statuses.append(pb.HealthCheckResponse.FromString(await told.read()).status)
            told.cancel()
        return [pb.HealthCheckResponse.ServingStatus.Name(status) for status in statuses]

    told = caller.plane.loop.run_until_complete(watching())
    assert told == ["SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"]
