"""Runs a program that torch.export wrote, in a process of its own.

Torch costs a worker half a gigabyte and seconds of import, and its threads get in the way of
others; so it stays out of the worker. Its program runs there on one thread.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np

from fairlead.bundle import RunnerSpec
from fairlead.errors import ModelError
from fairlead.runners.device import CPU, Device
from fairlead.runners.feed import make_feed
from fairlead.runners.process import ModelProcess
from fairlead.runners.python import as_batch
from fairlead.signature import Batch, Column, Field, Signature

CHILD = "fairlead.runners.torch_child"


class TorchRunner:
    """Asks the process of a program.

    Args:
        path: of the program, a `.pt2` file.
        spec: which fields feed which inputs, in their order; the names of its outputs are their
            places, "0", "1" ….
        signature: of the version; a label that its program answers is the place of the class.
        timeout_s: for one batch.
        device: that it runs on.

    Raises:
        ModelError: torch is not installed, or the program cannot be loaded.
    """

    blocking = True

    def __init__(
        self,
        path: Path,
        spec: RunnerSpec,
        signature: Signature,
        *,
        timeout_s: float,
        device: Device = CPU,
    ) -> None:
        if importlib.util.find_spec("torch") is None:
            raise ModelError(
                "The model is a program of torch, which is not installed.",
                hint="pip install 'fairlead[torch]'",
            )
        self._feeds = {given.name: make_feed(given) for given in spec.inputs}
        self._places = {output.field: output.name for output in spec.outputs}
        self._outputs = signature.outputs
        self._process = ModelProcess(
            CHILD, path, device.name, str(device.memory_mb or 0), timeout_s=timeout_s
        )

    def predict(self, batch: Batch) -> Batch:
        """Answer rows.

        Raises:
            ModelError: the program failed, its process died, it answers another form, or the
                runner is closed.
            DeadlineError: it took too long, and was ended.
        """
        try:
            feeds = {name: feed(batch) for name, feed in self._feeds.items()}
        except (KeyError, ValueError, TypeError) as error:
            raise ModelError(f"The model failed ({type(error).__name__}).") from None
        answers = self._process.ask(feeds)
        missing = [place for place in self._places.values() if place not in answers]
        if missing:
            raise ModelError("The model answered another number of outputs than it should.")
        columns = {f.name: as_field(f, answers[self._places[f.name]]) for f in self._outputs}
        return as_batch(columns, self._outputs, batch.rows)

    def process_id(self) -> int:
        """The number of its process, as it is now."""
        return self._process.pid

    def close(self) -> None:
        """End the process."""
        self._process.close()


def as_field(field: Field, values: Column) -> Column:
    """An output of a program as the values of a field.

    Args:
        field: of the signature.
        values: shape (rows, ...); places of classes, if the field is a category.

    Raises:
        ModelError: there is no class at such a place.

    Example:
        >>> plan = Field(name="label", kind="category", categories=("free", "pro"))
        >>> as_field(plan, np.array([1, 0])).tolist()
        ['pro', 'free']
    """
    if field.kind == "tensor":
        return values
    if values.size == len(values):
        values = values.reshape(len(values))
    if field.kind != "category" or field.categories is None:
        return values
    classes = np.empty(len(field.categories), dtype=object)
    classes[:] = field.categories
    try:
        named: Column = classes[values]
    except IndexError:
        raise ModelError("The model answered a class that it does not have.") from None
    return named
