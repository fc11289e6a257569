"""Other projects' clients, unchanged and in environments of their own, against a real platform."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import fairlead
from support.environment import environment, requirements_of, run_in
from support.models import package_churn
from support.platform import Platform

pytest.importorskip("grpc", reason="needs the extra `grpc`")

CLIENTS = Path(__file__).parents[1] / "support" / "clients"


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    from sklearn.linear_model import LinearRegression

    home = tmp_path_factory.mktemp("clients") / ".fairlead"
    package_churn(home)
    points = np.random.default_rng(7).normal(size=(50, 2))
    model = LinearRegression().fit(points, points.sum(axis=1))
    fairlead.package(model, points, points.sum(axis=1), name="points", home=home)
    with Platform(home, "churn:1", "points:1", "--grpc-port=0", "--workers=2") as running:
        yield running


@pytest.mark.slow
@pytest.mark.parametrize("client", ["triton", "kserve"])
def test_the_clients_of_the_open_inference_protocol_are_answered(
    platform: Platform, client: str
) -> None:
    python = environment(client, requirements_of(CLIENTS / f"{client}.txt"))
    http = platform.addresses.api.removeprefix("http://")
    said = run_in(python, CLIENTS / f"ask_{client}.py", http, platform.addresses.grpc)
    assert "all answered" in said


@pytest.mark.slow
@pytest.mark.parametrize("model", ["churn", "points"])
def test_a_real_platform_passes_the_conformance_suite(platform: Platform, model: str) -> None:
    said = platform.run("conformance", platform.addresses.api, "--model", model)
    assert ", 0 failed, " in said
