"""What the protocol tells of the server and its models, as plain values for both transports."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Iterable
from typing import Any

from fairlead.errors import UnavailableError
from fairlead.routing import Arm, Route, number_of
from fairlead.serving.dataplane import DataPlane, route_arm
from fairlead.serving.protocols.oip.specs import TensorSpec, spec_of
from fairlead.serving.protocols.operations import Health
from fairlead.serving.refusal import refusal
from fairlead.signature import Field
from fairlead.telemetry import Sample

Json = dict[str, Any]

EXTENSIONS = ("binary_tensor_data", "model_configuration", "model_repository", "statistics")
PLATFORM = "fairlead_bundle"
IDLE = "idle: it is loaded when it is asked"
NO_LOADING = refusal(
    501,
    "Models are not loaded or unloaded by callers.",
    "The operator releases them with `fairlead deploy`.",
)


class Repository:
    """The models: what they are, whether they answer, and how often they did.

    Args:
        plane: knows the endpoints.
        health: tells how the worker is now.
        samples: reads all that workers counted.
    """

    def __init__(
        self,
        plane: DataPlane,
        health: Callable[[], Health],
        samples: Callable[[], list[Sample]],
    ) -> None:
        self._plane = plane
        self._health = health
        self._samples = samples
        self._version = importlib.metadata.version("fairlead")

    def server(self) -> Json:
        """The server's name, version and extensions."""
        return {"name": "fairlead", "version": self._version, "extensions": EXTENSIONS}

    def server_ready(self) -> bool:
        """Whether every model answers that should."""
        return self._health().ready

    def knows(self, name: str) -> bool:
        """Whether there is a model of this name."""
        return name in self._plane.names()

    def model_ready(self, name: str, version: str) -> bool:
        """Whether a model answers.

        Raises:
            NotFoundError: there is none, or it has no such version.
        """
        try:
            self._find(name, version)
        except UnavailableError:
            return False
        return name in self._plane.endpoints

    def model(self, name: str, version: str) -> Json:
        """The metadata of a model.

        Raises:
            NotFoundError: there is none, or it has no such version.
            UnavailableError: it is still being loaded.
        """
        route, _ = self._find(name, version)
        outputs = route.signature.outputs
        if version and name in self._plane.endpoints:  # its own; until it is loaded, the endpoint's
            outputs = self._plane.endpoints[name].version(version).version.fields
        return {
            "name": name,
            "versions": _numbers(route.arms),
            "platform": PLATFORM,
            "inputs": [_input(field) for field in route.signature.inputs],
            "outputs": [_output(field) for field in outputs],
        }

    def config(self, name: str, version: str) -> Json:
        """The configuration of a model, as far as clients read it.

        Raises:
            NotFoundError: there is none, or it has no such version.
            UnavailableError: it is still being loaded.
        """
        signature = self._find(name, version)[0].signature
        return {
            "name": name,
            "platform": PLATFORM,
            "backend": "fairlead",
            "max_batch_size": 0,  # the dimensions below are all there are, rows included
            "input": [_config(spec_of(field)) for field in signature.inputs],
            "output": [_config(spec_of(field)) for field in signature.outputs],
        }

    def index(self, *, ready: bool) -> list[Json]:
        """Every version of every model.

        Args:
            ready: only those that answer.
        """
        rows = [
            {"name": name, "version": number, "state": "READY", "reason": ""}
            for name, endpoint in sorted(self._plane.endpoints.items())
            for number in _numbers(endpoint.route.arms)
        ]
        if not ready:
            rows += [
                {"name": name, "version": number, "state": "UNAVAILABLE", "reason": IDLE}
                for name, route in sorted(self._plane.idle.items())
                for number in _numbers(route.arms)
            ]
            rows += [
                {"name": name, "version": "", "state": "LOADING", "reason": ""}
                for name in sorted(self._plane.loading)
            ]
        return rows

    def statistics(self, name: str, version: str) -> Json:
        """How often models answered and how long it took, over all workers.

        Args:
            name: of the model; empty for all.
            version: its number; empty for all.

        Raises:
            NotFoundError: there is no such model or version.
            UnavailableError: it is still being loaded.
        """
        found = [self._find(name, version)] if name else [
            (endpoint.route, endpoint.route.arms)
            for _, endpoint in sorted(self._plane.endpoints.items())
        ]  # fmt: skip
        samples = self._samples()
        return {
            "model_stats": [
                _statistics(route.endpoint, arm_version, samples)
                for route, arms in found
                for arm_version in dict.fromkeys(arm.version.name for arm in arms)
            ]
        }

    def _find(self, name: str, version: str) -> tuple[Route, tuple[Arm, ...]]:
        """A route, and the arms that a version names: all of them if it is empty."""
        route = self._plane.route(name)
        if not version:
            return route, route.arms
        endpoint = self._plane.endpoints.get(name)
        arm = endpoint.version(version).arm if endpoint else route_arm(route, version)
        return route, (arm,)


def _numbers(arms: Iterable[Arm]) -> list[str]:
    numbers = {number_of(arm.version.name) for arm in arms}
    return sorted(numbers, key=lambda number: (len(number), number))


def _input(field: Field) -> Json:
    """An input, and beyond the protocol what its values are: BYTES alone does not tell."""
    parameters: Json = {"kind": field.kind}
    if field.kind == "category" and field.categories:
        parameters["categories"] = field.categories
    return {**_tensor(spec_of(field)), "parameters": parameters}


def _output(field: Field) -> Json:
    spec = spec_of(field)
    return {**_tensor(spec), **({"parameters": {"classes": spec.classes}} if spec.classes else {})}


def _tensor(spec: TensorSpec) -> Json:
    return {"name": spec.name, "datatype": spec.datatype.name, "shape": spec.shape}


def _config(spec: TensorSpec) -> Json:
    name = "STRING" if spec.datatype.name == "BYTES" else spec.datatype.name
    return {"name": spec.name, "data_type": f"TYPE_{name}", "dims": spec.shape}


def _statistics(model: str, version: str, samples: Iterable[Sample]) -> Json:
    """One version's figures; what is not measured apart, as reading and writing, is 0."""
    requests: dict[str, int] = {}
    rows = batches = waits = 0
    answering_s = failing_s = waiting_s = running_s = asked_s = 0.0
    for sample in samples:
        labels = dict(sample.series.labels)
        if labels.get("endpoint") != model or labels.get("version") != version:
            continue
        match sample.series.name:
            case "fairlead_requests_total":
                outcome = labels["outcome"]
                requests[outcome] = requests.get(outcome, 0) + int(sample.values[0])
            case "fairlead_rows_total" if labels["outcome"] == "ok":
                rows += int(sample.values[0])
            case "fairlead_batch_rows":
                batches += int(sum(sample.values[:-1]))
            case "fairlead_request_seconds":
                answering_s += sample.values[-1]
            case "fairlead_failed_request_seconds_total":
                failing_s += sample.values[0]
            case "fairlead_queue_seconds":
                waits += int(sum(sample.values[:-1]))
                waiting_s += sample.values[-1]
            case "fairlead_last_request_time_seconds":
                asked_s = max(asked_s, sample.values[0])
            case "fairlead_model_seconds":
                running_s += sample.values[-1]
    ok = requests.pop("ok", 0)
    return {
        "name": model,
        "version": number_of(version),
        "last_inference": round(asked_s * 1e3),
        "inference_count": rows,
        "execution_count": batches,
        "inference_stats": {
            "success": _duration(ok, max(0.0, answering_s - failing_s)),
            "fail": _duration(sum(requests.values()), failing_s),
            "queue": _duration(waits, waiting_s),
            "compute_input": _duration(0, 0),
            "compute_infer": _duration(batches, running_s),
            "compute_output": _duration(0, 0),
            "cache_hit": _duration(0, 0),
            "cache_miss": _duration(0, 0),
        },
        "batch_stats": [],
    }


def _duration(count: int, seconds: float) -> Json:
    return {"count": count, "ns": round(seconds * 1e9)}
