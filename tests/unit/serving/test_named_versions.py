"""Who may name the version or the arm that answers, whatever the protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fairlead.access import Gate, KeyBook, Scope
from fairlead.clock import SystemClock
from fairlead.serving.doors import make_rpc_doors
from fairlead.serving.entry import Entry
from fairlead.serving.router import Router
from fairlead.store.memory import MemoryStore
from support.oip import NUMBERS, classify
from support.oip import churn as tensors
from support.plane import PlaneInProcess
from support.reply import Reply

ROUTED, PREVIOUS, SHADOW, UNKNOWN = "1", "8", "9", "7"
ROW = {"age": 20.0, "visits": 3, "paying": True}
TF = {"instances": [ROW]}


class Guarded:
    """An endpoint with two arms, a shadow and a version before, and keys for it."""

    def __init__(self, folder: Path) -> None:
        self._book = KeyBook(MemoryStore(), SystemClock())
        self._gate = Gate(self._book.get, SystemClock(), 1)
        self.plane = PlaneInProcess(folder, gate=self._gate)
        self.plane.serve(
            "churn", NUMBERS, classify, classify, shadow=classify, seen=0.0, previous=classify
        )
        self._secrets = {
            "caller": self._key("caller", "predict"),
            "operator": self._key("operator", "predict", "operate"),
        }

    def _key(self, name: str, *scopes: Scope) -> str:
        return self._book.create(name, scopes)[1]

    def ask(self, who: str, path: str, body: object = None, **headers: str) -> Reply:
        shown = {"x-api-key": self._secrets[who]}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.plane.ask(path, body, shown | named)

    def call(self, who: str, path: str, message: bytes) -> Reply:
        """The same over gRPC."""
        plane = self.plane
        dialect = make_rpc_doors(plane.plane, plane.front, plane.health, list)
        router = Router([dialect], Entry(plane.router._entry.sites, self._gate))
        shown = {"x-api-key": self._secrets[who]}
        return plane.ask("/inference.GRPCInferenceService/" + path, message, shown, router=router)


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Guarded]:
    made = Guarded(tmp_path)
    with made.plane:
        yield made


def oip(number: str) -> tuple[str, object]:
    return f"/v2/models/churn/versions/{number}/infer", tensors(20.0)


def tf(number: str) -> tuple[str, object]:
    return f"/v1/models/churn/versions/{number}:predict", TF


@pytest.mark.parametrize("door", [oip, tf])
def test_a_version_that_is_loaded_beside_the_route_answers_who_operates(
    guarded: Guarded, door: Callable[[str], tuple[str, object]]
) -> None:
    for number, arm in ((PREVIOUS, "previous"), (SHADOW, "shadow"), (ROUTED, "stable")):
        assert guarded.ask("operator", *door(number)).status == 200
        said = guarded.plane.frames[-1]
        assert (said.arm, said.version, said.assigned_by) == (arm, f"churn:{number}", "override")
    assert guarded.ask("operator", *door(UNKNOWN)).status == 404


@pytest.mark.parametrize("door", [oip, tf])
def test_others_get_what_the_route_names_and_learn_of_nothing_else(
    guarded: Guarded, door: Callable[[str], tuple[str, object]]
) -> None:
    assert guarded.ask("caller", *door(ROUTED)).status == 200
    hidden = [guarded.ask("caller", *door(number)) for number in (PREVIOUS, SHADOW, UNKNOWN)]
    assert {reply.status for reply in hidden} == {404}
    assert len({reply.body for reply in hidden}) == 1
    assert "Those that do: 1, 2." in hidden[0].json["error"]
    assert len(guarded.plane.frames) == 1


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/v2/models/churn/versions/{}", '"age"'),
        ("/v2/models/churn/versions/{}/ready", '"ready":true'),
        ("/v2/models/churn/versions/{}/config", '"age"'),
        ("/v2/models/churn/versions/{}/stats", '"version":"{}"'),
        ("/v1/models/churn/versions/{}", '"version":"{}"'),
        ("/v1/models/churn/versions/{}/metadata", '"version":"{}"'),
    ],
)
def test_what_is_told_of_a_version_is_told_to_whom_it_answers(
    guarded: Guarded, path: str, told: str
) -> None:
    for number in (PREVIOUS, SHADOW):
        reply = guarded.ask("operator", path.format(number))
        assert reply.status == 200
        assert told.replace("{}", number) in reply.body.decode()
        assert guarded.ask("caller", path.format(number)).status == 404
    assert guarded.ask("caller", path.format(ROUTED)).status == 200
    assert guarded.ask("operator", path.format(UNKNOWN)).status == 404


def test_the_same_holds_over_grpc(guarded: Guarded) -> None:
    pb = pytest.importorskip("fairlead.serving.protocols.oip.oip_pb2", reason="needs protobuf")
    for number in (PREVIOUS, SHADOW):
        message = pb.ModelInferRequest(model_name="churn", model_version=number)
        for name, kind, values in (
            ("age", "FP64", {"fp64_contents": [20.0]}),
            ("visits", "INT32", {"int_contents": [3]}),
            ("paying", "BOOL", {"bool_contents": [True]}),
        ):
            item = message.inputs.add(name=name, datatype=kind, shape=[1])
            item.contents.MergeFrom(pb.InferTensorContents(**values))
        about = pb.ModelRequest(name="churn", version=number).SerializeToString()
        asked = {"ModelInfer": message.SerializeToString()}
        asked |= dict.fromkeys(
            ("ModelReady", "ModelMetadata", "ModelConfig", "ModelStatistics"), about
        )
        for path, raw in asked.items():
            assert guarded.call("operator", path, raw).status == 200, path
            assert guarded.call("caller", path, raw).status == 404, path
        assert guarded.plane.frames[-1].version == f"churn:{number}"


Named = tuple[str, object, dict[str, str]]
LABELLED: Named = ("/v1/models/churn/labels/candidate:predict", TF, {})
VARIANT: Named = (
    "/endpoints/churn/invocations",
    {"dataframe_records": [ROW]},
    {"x_amzn_sagemaker_target_variant": "candidate"},
)
HEADER: Named = ("/v1/endpoints/churn/predict", {"rows": [ROW]}, {"fairlead_arm": "candidate"})
FIELD: Named = ("/v1/endpoints/churn/predict", {"rows": [ROW], "arm": "candidate"}, {})


@pytest.mark.parametrize(("path", "body", "headers"), [LABELLED, VARIANT, HEADER, FIELD])
def test_an_arm_is_named_by_who_operates_in_every_protocol(
    guarded: Guarded, path: str, body: object, headers: dict[str, str]
) -> None:
    assert guarded.ask("caller", path, body, **headers).status == 403
    assert not guarded.plane.frames
    assert guarded.ask("operator", path, body, **headers).status == 200
    said = guarded.plane.frames[-1]
    assert (said.arm, said.assigned_by) == ("candidate", "override")


def test_a_label_and_a_header_that_differ_are_not_guessed_between(guarded: Guarded) -> None:
    path, body, _ = LABELLED
    assert guarded.ask("operator", path, body, fairlead_arm="stable").status == 400
    assert guarded.ask("operator", path, body, fairlead_arm="candidate").status == 200


def test_where_no_keys_are_asked_for_everyone_operates(tmp_path: Path) -> None:
    with PlaneInProcess(tmp_path) as plane:
        plane.serve("churn", NUMBERS, classify, shadow=classify, seen=0.0)
        for path, body in (oip(SHADOW), tf(SHADOW)):
            assert plane.ask(path, body).status == 200
        assert plane.frames[-1].version == f"churn:{SHADOW}"
