"""The values of the Open Inference Protocol: datatypes, tensors, what a request asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from fairlead.errors import InputError
from fairlead.nearest import nearest

Parameter = bool | int | float | str
EMPTY_SIZE_MAX = 1 << 16
"""What the other dimensions of a tensor without elements may come to: no data bounds them."""
DIMENSIONS_MAX = 16
NAME_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Datatype:
    """One type of elements.

    Args:
        name: as the protocol writes it.
        numpy: of an array of them; objects for BYTES. BF16, which NumPy lacks, becomes float32.
        size_bytes: of one element in binary; 0 for BYTES, whose elements tell their own.
        in_json: whether the protocol has a form for it in JSON.
    """

    name: str
    numpy: np.dtype[Any]
    size_bytes: int
    in_json: bool = True


def _sized(name: str, numpy: str) -> Datatype:
    dtype = np.dtype(numpy).newbyteorder("<")
    return Datatype(name, dtype, dtype.itemsize)


BYTES = Datatype("BYTES", np.dtype(object), 0)
DATATYPES = {
    datatype.name: datatype
    for datatype in (
        _sized("BOOL", "bool"),
        *(_sized(f"{s}INT{n}", f"{s.lower()}int{n}") for s in ("", "U") for n in (8, 16, 32, 64)),
        Datatype("FP16", np.dtype("<f2"), 2, in_json=False),
        Datatype("BF16", np.dtype("<f4"), 2, in_json=False),
        _sized("FP32", "float32"),
        _sized("FP64", "float64"),
        BYTES,
    )
}
_OF_NUMPY = {
    datatype.numpy.name: datatype
    for datatype in DATATYPES.values()
    if datatype.name not in ("BF16", "BYTES")
}


def datatype_named(name: str, place: str) -> Datatype:
    """The datatype of a name.

    Args:
        name: as the caller wrote it.
        place: whose it is, for the error: `Input 'age'`.

    Raises:
        InputError: there is none of this name.
    """
    found = DATATYPES.get(name)
    if found is None:
        close = nearest(name.upper(), DATATYPES)
        raise InputError(
            f"{place} has a datatype that does not exist.",
            hint=f"Did you mean {close}?" if close else f"There are {', '.join(DATATYPES)}.",
        )
    return found


def datatype_of(dtype: str) -> Datatype:
    """The datatype in which an array of a NumPy type is sent; BYTES for what is no number.

    Example:
        >>> datatype_of("float32").name, datatype_of("object").name
        ('FP32', 'BYTES')
    """
    return _OF_NUMPY.get(dtype, BYTES)


@dataclass(frozen=True, slots=True)
class Tensor:
    """A named array.

    Args:
        name: of the input or output.
        datatype: of its elements.
        values: in its shape. Elements of BYTES are str or bytes as they were sent, and None
            where a JSON null stood; so are those of other datatypes with a null among them.
    """

    name: str
    datatype: Datatype
    values: npt.NDArray[Any]

    @property
    def shape(self) -> tuple[int, ...]:
        """Its lengths."""
        return self.values.shape


@dataclass(frozen=True, slots=True)
class Wanted:
    """One output that a request asks for.

    Args:
        name: of the output.
        binary: whether it shall come as bytes after the JSON.
    """

    name: str
    binary: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for inference, from whichever transport.

    Args:
        id: the caller's own, echoed as it is; None if there is none.
        parameters: of the request.
        tensors: the inputs.
        outputs: those asked for; None for all.
        binary: whether outputs come as bytes if nothing else is said of them.
    """

    id: str | None
    tensors: Sequence[Tensor]
    outputs: Sequence[Wanted] | None = None
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    binary: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """What a request is answered.

    Args:
        model: its name.
        version: its number.
        id: the caller's, if there was one.
        prediction_ids: one for each row.
        tensors: the outputs.
        binary: for each output, whether it is sent as bytes.
    """

    model: str
    version: str
    id: str | None
    prediction_ids: str
    tensors: Sequence[Tensor]
    binary: Sequence[bool]


def called(name: str) -> str:
    """An input for people: `Input 'age'`, however long its name is."""
    return f"Input '{name if len(name) <= NAME_SHOWN else name[:NAME_SHOWN] + '...'}'"


def check_shape(shape: Sequence[int], place: str) -> int:
    """How many elements a shape holds.

    Args:
        shape: as the caller wrote it.
        place: whose it is, for the error.

    Raises:
        InputError: it has no or too many dimensions, or a negative one.
    """
    unreal = not 0 < len(shape) <= DIMENSIONS_MAX or min(shape) < 0
    if unreal or (0 in shape and prod(n for n in shape if n) > EMPTY_SIZE_MAX):
        raise InputError(
            f"{place} has a shape that no tensor can have.",
            hint=f"Give 1 to {DIMENSIONS_MAX} whole numbers, the first of them the rows.",
        )
    return prod(shape)
