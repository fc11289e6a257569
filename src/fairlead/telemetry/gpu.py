"""What NVIDIA's graphics cards tell of themselves, through NVML."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from fairlead.telemetry.types import Sample, gauged


class Cards:
    """The graphics cards of this machine.

    Attributes:
        missing: why nothing is told of any, in words; empty if it is.
    """

    def __init__(self) -> None:
        self._nvml: ModuleType | None = None
        self.missing = ""
        try:
            import pynvml as nvml  # an optional library
        except ImportError:
            self.missing = "nvidia-ml-py is not installed"
            return
        try:
            nvml.nvmlInit()
        except nvml.NVMLError as error:
            self.missing = f"NVIDIA's driver does not answer: {error}"
            return
        self._nvml = nvml

    def measure(self) -> list[Sample]:
        """How each card is now; what a card does not tell is left out."""
        nvml = self._nvml
        if nvml is None:
            return []
        samples: list[Sample] = []
        for place in range(nvml.nvmlDeviceGetCount()):
            with contextlib.suppress(nvml.NVMLError):
                samples += _measure(nvml, place)
        return samples


def _measure(nvml: ModuleType, place: int) -> Iterator[Sample]:
    card = nvml.nvmlDeviceGetHandleByIndex(place)
    labels = {"gpu": str(place), "name": _text(nvml.nvmlDeviceGetName(card))}
    read: dict[str, Callable[[], Any]] = {
        "memory_size_bytes": lambda: nvml.nvmlDeviceGetMemoryInfo(card).total,
        "memory_used_bytes": lambda: nvml.nvmlDeviceGetMemoryInfo(card).used,
        "utilization_ratio": lambda: nvml.nvmlDeviceGetUtilizationRates(card).gpu / 100,
        "power_watts": lambda: nvml.nvmlDeviceGetPowerUsage(card) / 1000,
        "temperature_celsius": lambda: nvml.nvmlDeviceGetTemperature(
            card, nvml.NVML_TEMPERATURE_GPU
        ),
    }
    for name, ask in read.items():
        with contextlib.suppress(nvml.NVMLError):
            yield gauged(f"fairlead_gpu_{name}", float(ask()), **labels)


def _text(name: str | bytes) -> str:
    """Older releases of the library give bytes."""
    return name.decode(errors="replace") if isinstance(name, bytes) else name
