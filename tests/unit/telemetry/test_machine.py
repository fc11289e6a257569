"""What is told of processes and graphics cards; nothing where there is nothing to tell."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from fairlead.telemetry import Cards, measure_process

linux = pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc here")


def told(pid: int) -> dict[str, float]:
    samples = measure_process("p", pid)
    assert all(sample.series.labels == (("process", "p"),) for sample in samples)
    return {s.series.name.removeprefix("fairlead_process_"): s.values[0] for s in samples}


@linux
def test_a_process_is_measured() -> None:
    before = told(os.getpid())
    until_s = time.process_time() + 0.05
    while time.process_time() < until_s:
        pass
    with Path(__file__).open("rb"):
        after = told(os.getpid())
    assert after["open_fds"] == before["open_fds"] + 1
    assert 0.03 <= after["cpu_seconds_total"] - before["cpu_seconds_total"] < 1.0
    assert 5e6 < after["resident_memory_bytes"] < 1e11
    assert after["open_fds"] < after["max_fds"]
    assert 0 <= time.time() - after["start_time_seconds"] < 86_400
    assert after["disk_read_bytes_total"] >= 0
    assert after["disk_written_bytes_total"] >= 0


@linux
def test_of_a_process_that_is_gone_nothing_is_told() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert told(process.pid) == {}


class NVMLError(Exception):
    """As the library has it."""


def library(**more: object) -> ModuleType:
    """A stand-in for the library with one card, which does not tell its power."""

    def power(_: object) -> int:
        raise NVMLError("Not Supported")

    module = ModuleType("pynvml")
    vars(module).update(
        {
            "NVMLError": NVMLError,
            "NVML_TEMPERATURE_GPU": 0,
            "nvmlInit": lambda: None,
            "nvmlDeviceGetCount": lambda: 1,
            "nvmlDeviceGetHandleByIndex": lambda place: place,
            "nvmlDeviceGetName": lambda _: b"Card",
            "nvmlDeviceGetMemoryInfo": lambda _: SimpleNamespace(total=800, used=200),
            "nvmlDeviceGetUtilizationRates": lambda _: SimpleNamespace(gpu=25),
            "nvmlDeviceGetPowerUsage": power,
            "nvmlDeviceGetTemperature": lambda *_: 40,
            **more,
        }
    )
    return module


def test_a_card_is_measured_and_what_it_does_not_tell_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", library())
    cards = Cards()
    assert cards.missing == ""
    found = {sample.series.name: sample.values[0] for sample in cards.measure()}
    assert found == {
        "fairlead_gpu_memory_size_bytes": 800,
        "fairlead_gpu_memory_used_bytes": 200,
        "fairlead_gpu_utilization_ratio": 0.25,
        "fairlead_gpu_temperature_celsius": 40,
    }
    labels = {sample.series.labels for sample in cards.measure()}
    assert labels == {(("gpu", "0"), ("name", "Card"))}


def test_without_the_library_or_the_driver_no_card_is_told_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_driver() -> None:
        raise NVMLError("Driver Not Loaded")

    monkeypatch.setitem(sys.modules, "pynvml", library(nvmlInit=no_driver))
    cards = Cards()
    assert cards.missing == "NVIDIA's driver does not answer: Driver Not Loaded"
    assert cards.measure() == []
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert Cards().missing == "nvidia-ml-py is not installed"
