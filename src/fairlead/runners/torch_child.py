"""The process of a program that torch.export wrote: loads it, then answers on one thread.

Started as `python -m fairlead.runners.torch_child FILE SOCKET`.
"""

from __future__ import annotations

from typing import Any

from fairlead.runners.python_child import answer_questions
from fairlead.signature import Column


class _Program:
    """A program, asked with arrays in the order of its inputs."""

    def __init__(self, path: str) -> None:
        import torch

        torch.set_num_threads(1)
        self._torch: Any = torch
        self._module: Any = torch.export.load(path).module()

    def predict(self, columns: dict[str, Column]) -> dict[str, Column]:
        """Its outputs by their place."""
        with self._torch.inference_mode():
            outputs = self._module(*map(self._torch.from_numpy, columns.values()))
        return {str(place): output.numpy() for place, output in enumerate(outputs)}


if __name__ == "__main__":
    answer_questions(_Program, copy=False)
