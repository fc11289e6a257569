"""Where a model runs: the processor, or a graphics card that several models share."""

from __future__ import annotations

from typing import Literal

import msgspec

from fairlead.errors import ConfigError

DeviceName = Literal["cpu", "cuda"]


class Device(msgspec.Struct, frozen=True):
    """A device and a model's share of it.

    Args:
        name: of the device.
        memory_mb: of the card's memory that the model may take, in millions of bytes; None for as
            much as there is.
    """

    name: DeviceName = "cpu"
    memory_mb: int | None = None


CPU = Device()


def check_cpu(device: Device, kind: str) -> None:
    """Refuse another device for a model that runs on the processor alone.

    Raises:
        ConfigError: it is set to run elsewhere.
    """
    if device.name != "cpu":
        raise ConfigError(
            f"The endpoint's device is {device.name}, but a model of {kind} runs on the CPU alone.",
            hint='Set device = "cpu" for its endpoint.',
        )
