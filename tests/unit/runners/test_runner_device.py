"""A device that is not there is refused, never replaced by another one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from fairlead.app.settings import EndpointSettings, ServerSettings, Settings, device_of
from fairlead.bundle import RunnerSpec
from fairlead.errors import ConfigError, ModelError
from fairlead.runners.device import CPU, Device, check_cpu
from fairlead.runners.onnx import CUDA, OnnxRunner
from fairlead.runners.process import ModelProcess

CARD = Device("cuda", 100)


def linear() -> bytes:
    from skl2onnx import to_onnx

    rows = np.eye(3, dtype=np.float32)
    raw: bytes = to_onnx(LinearRegression().fit(rows, rows[:, 0]), rows).SerializeToString()
    return raw


def has_cuda() -> bool:
    import onnxruntime

    return CUDA in onnxruntime.get_available_providers()


@pytest.mark.skipif(has_cuda(), reason="this onnxruntime can use CUDA")
def test_an_onnxruntime_without_cuda_is_told_by_name() -> None:
    with pytest.raises(ConfigError, match="pip install onnxruntime-gpu"):
        OnnxRunner(linear(), RunnerSpec(kind="onnx", path="m"), (), CARD)


@pytest.mark.skipif(not has_cuda(), reason="there is no onnxruntime with CUDA here")
def test_a_model_runs_on_the_card() -> None:
    runner = OnnxRunner(linear(), RunnerSpec(kind="onnx", path="m"), (), CARD)
    assert runner._session.get_providers()[0] == CUDA


def test_torch_without_a_card_says_what_to_install(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    if torch.cuda.is_available():
        pytest.skip("there is a card")
    program = torch.export.export(torch.nn.Linear(2, 1), (torch.zeros(1, 2),))
    torch.export.save(program, tmp_path / "model.pt2")
    with pytest.raises(ModelError, match="build of torch for CUDA"):
        ModelProcess(
            "fairlead.runners.torch_child", tmp_path / "model.pt2", "cuda", "100", timeout_s=30.0
        )


def test_what_runs_on_the_processor_alone_says_so() -> None:
    check_cpu(CPU, "sklearn")
    with pytest.raises(ConfigError, match="on the CPU alone"):
        check_cpu(CARD, "sklearn")


def test_an_endpoint_has_its_own_device_or_the_servers() -> None:
    settings = Settings(
        server=ServerSettings(device="cuda"),
        endpoint={"a": EndpointSettings(device="cpu"), "b": EndpointSettings(gpu_memory_mb=100)},
    )
    assert [device_of(settings, name) for name in "abc"] == [CPU, CARD, Device("cuda")]
