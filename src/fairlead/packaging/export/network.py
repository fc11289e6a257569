"""A torch module and how it is asked."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from fairlead.bundle import TensorInput
from fairlead.errors import ExportError
from fairlead.packaging.export.heads import Array, Head
from fairlead.packaging.export.original import is_finite
from fairlead.runners.feed import make_feed
from fairlead.runners.python import as_batch
from fairlead.runners.torch import as_field
from fairlead.signature import NUMERIC, Batch, Field

FLOATS = ("float32", "float64")


@dataclass(frozen=True, slots=True)
class Network:
    """A module in evaluation mode.

    Args:
        module: with its head; answers a tuple of tensors.
        feeds: what its arguments are filled with, in their order.
        inputs: fields in.
        outputs: fields out, in the order of its tensors.
    """

    module: Any
    feeds: tuple[TensorInput, ...]
    inputs: tuple[Field, ...]
    outputs: tuple[Field, ...]

    def answer(self, batch: Batch) -> Batch:
        """Its answers; whatever it raises is let through."""
        got = run(self.module, self.feeds, batch)
        fields = zip(self.outputs, got.values(), strict=True)
        columns = {field.name: as_field(field, values) for field, values in fields}
        return as_batch(columns, self.outputs, batch.rows)

    def tries(self, batch: Batch) -> Batch | None:
        """Its answers, or None where it refuses the rows or answers nothing finite."""
        try:
            got = self.answer(batch)
        except Exception:  # whatever a module raises is a refusal
            return None
        return got if is_finite(got) else None


def is_module(model: object) -> bool:
    """Whether a model is a torch module; torch is not imported to find out."""
    return any(
        kind.__module__ == "torch.nn.modules.module" and kind.__name__ == "Module"
        for kind in type(model).__mro__
    )


@contextmanager
def evaluating(module: Any) -> Iterator[None]:
    """Put a module and all in it into evaluation mode, and each back into the mode it had."""
    modes = [(part, part.training) for part in module.modules()]
    with suppress(NotImplementedError):  # a program of torch.export has one mode only
        module.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training


def tensors(feeds: Sequence[TensorInput], batch: Batch) -> tuple[Any, ...]:
    """What a module is given for a batch."""
    import torch

    return tuple(torch.from_numpy(make_feed(given)(batch).copy()) for given in feeds)


def run(module: Any, feeds: Sequence[TensorInput], batch: Batch) -> dict[str, Array]:
    """What a module answers, by name; one tensor is `output`, those of a tuple are numbered.

    Raises:
        TypeError: it answers something else than tensors.
    """
    import torch

    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the user's own code, which answers nonetheless
        got = module(*tensors(feeds, batch))
    named = _named(got)
    if not named or not all(isinstance(value, torch.Tensor) for value in named.values()):
        raise TypeError("it answers something else than a tensor, or a tuple or dict of tensors")
    return {name: value.numpy(force=True) for name, value in named.items()}


def _named(got: Any) -> dict[str, Any]:
    if isinstance(got, Mapping):
        return {str(name): value for name, value in got.items()}
    if isinstance(got, list | tuple):
        if len(got) == 1:
            return {"output": got[0]}
        return {f"output_{place}": value for place, value in enumerate(got)}
    return {"output": got}


def with_head(module: Any, head: Head | None) -> Any:
    """The module, made to answer a tuple of tensors.

    Args:
        module: that answers one tensor, or several.
        head: what that tensor means; the answer is the class's place and all probabilities.
    """
    import torch

    class Headed(torch.nn.Module):  # type: ignore[misc]  # torch may be missing, and then is Any
        def __init__(self) -> None:
            super().__init__()
            self.inner = module

        def forward(self, *given: Any) -> Any:
            answered = tuple(_named(self.inner(*given)).values())
            if head is None:
                return answered
            scores = answered[0]
            if head.single:
                second = scores.reshape(scores.shape[0])
                second = second if head.shares else torch.sigmoid(second)
                shares = torch.stack((1 - second, second), dim=1)
            else:
                shares = scores if head.shares else torch.softmax(scores, dim=1)
            return shares.argmax(dim=1), shares

    headed = Headed()
    headed.training = module.training
    return headed


def match_inputs(module: Any, fields: tuple[Field, ...], data: object) -> tuple[TensorInput, ...]:
    """Which fields feed which arguments of a module.

    A module that takes one argument is fed with a tensor, or with all fields as a matrix.
    Otherwise each argument is fed with the field of its name, and one that has none with the
    numeric fields that are left.

    Args:
        module: with parameters all on the CPU.
        fields: of the reference.
        data: of the reference; whole numbers of an array are left whole.

    Raises:
        ExportError: they do not fit each other, or a field is neither numeric nor a tensor.
    """
    for field in fields:
        if field.kind not in NUMERIC and (field.kind != "tensor" or field.dtype == "object"):
            raise ExportError(
                f"Field '{field.name}' is of kind {field.kind}; a torch module takes numbers.",
                hint="Encode it as numbers, or put the module behind a Python class in a folder.",
            )
    single = _float_of(module)
    whole = isinstance(data, np.ndarray) and data.dtype.kind in "iu"

    def feed(name: str, given: tuple[Field, ...]) -> TensorInput:
        if len(given) > 1 and not all(field.kind in NUMERIC for field in given):
            raise ExportError(
                f"Argument '{name}' of the module would be fed with several tensors.",
                hint="Name the fields like the arguments of `forward`.",
            )
        tensor = given[0].kind == "tensor"
        kind = np.dtype(given[0].dtype).kind if tensor else "i" if whole else "f"
        exact = given[0].dtype if tensor else "int64"
        names = tuple(field.name for field in given)
        return TensorInput(name=name, fields=names, dtype=single if kind == "f" else exact)

    required, optional = _arguments(module)
    if len(required) == 1:
        return (feed(required[0], fields),)
    by_name = {field.name: field for field in fields}
    unnamed = [name for name in required if name not in by_name]
    taken = [name for name in (*required, *optional) if name in by_name or name in unnamed]
    rest = tuple(field for field in fields if field.name not in taken)
    in_order = taken == [*required, *optional][: len(taken)]
    if len(unnamed) > 1 or bool(unnamed) != bool(rest) or not in_order:
        raise ExportError(
            f"The module's arguments ({', '.join(required)}) and the reference's columns "
            f"({', '.join(by_name)}) do not fit each other.",
            hint="Name the columns like the arguments of `forward`.",
        )
    return tuple(feed(name, (by_name[name],) if name in by_name else rest) for name in taken)


def _arguments(module: Any) -> tuple[list[str], list[str]]:
    """Names of the positional arguments that a module needs, and of those it may be given."""
    required: list[str] = []
    optional: list[str] = []
    for name, given in inspect.signature(module.forward).parameters.items():
        if given.kind in (given.POSITIONAL_ONLY, given.POSITIONAL_OR_KEYWORD):
            (required if given.default is given.empty else optional).append(name)
        elif given.kind is given.VAR_POSITIONAL and not required:
            required.append(name)
    return required, optional


def _float_of(module: Any) -> str:
    """The floating type that a module computes in.

    Raises:
        ExportError: its parameters lie elsewhere than on the CPU, or have a type that NumPy and
            most processors lack.
    """
    parts = [*module.parameters(), *module.buffers()]
    if any(part.device.type != "cpu" for part in parts):
        raise ExportError("The module is not on the CPU.", hint="Give `module.cpu()`.")
    kinds = {str(part.dtype).removeprefix("torch.") for part in parts if part.is_floating_point()}
    if kinds - set(FLOATS) or len(kinds) > 1:
        raise ExportError(
            f"The module computes in {', '.join(sorted(kinds))}.",
            hint="Give it in one type, float32 or float64: `module.float()`.",
        )
    return kinds.pop() if kinds else "float32"
