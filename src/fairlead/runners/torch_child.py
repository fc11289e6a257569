"""The process of a program that torch.export wrote: loads it, then answers on one thread.

Started as `python -m fairlead.runners.torch_child SOCKET FILE DEVICE MEGABYTES`.
"""

from __future__ import annotations

from typing import Any

from fairlead.errors import ConfigError
from fairlead.runners.python_child import answer_questions
from fairlead.signature import Column


class _Program:
    """A program, asked with arrays in the order of its inputs."""

    def __init__(self, path: str, device: str, memory_mb: str) -> None:
        import torch

        torch.set_num_threads(1)
        self._torch: Any = torch
        self._device = device
        program = torch.export.load(path)
        if device == "cuda":
            program = self._on_card(program, int(memory_mb) * 1_000_000)
        self._module: Any = program.module()

    def _on_card(self, program: Any, memory_bytes: int) -> Any:
        torch = self._torch
        if not torch.cuda.is_available():
            raise ConfigError(
                "the endpoint's device is cuda, but torch finds no card that it can use.",
                hint="Install a build of torch for CUDA, and see that nvidia-smi lists a card.",
            )
        if memory_bytes:
            total_bytes = torch.cuda.get_device_properties(0).total_memory
            torch.cuda.set_per_process_memory_fraction(min(1.0, memory_bytes / total_bytes))
        return torch.export.passes.move_to_device_pass(program, "cuda")

    def predict(self, columns: dict[str, Column]) -> dict[str, Column]:
        """Its outputs by their place."""
        with self._torch.inference_mode():
            given = [self._torch.from_numpy(column).to(self._device) for column in columns.values()]
            outputs = self._module(*given)
        return {str(place): output.cpu().numpy() for place, output in enumerate(outputs)}


if __name__ == "__main__":
    answer_questions(_Program, copy=False)
