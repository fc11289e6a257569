"""Inference, whichever transport brought the request: tensors to a reading, answers to tensors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fairlead.errors import InputError
from fairlead.serving.dataplane import Endpoint
from fairlead.serving.front import Reading
from fairlead.serving.message import Response
from fairlead.serving.protocols.oip.inputs import InputReader
from fairlead.serving.protocols.oip.outputs import OutputWriter
from fairlead.serving.protocols.oip.specs import TensorSpec, spec_of
from fairlead.serving.protocols.oip.types import Answered, Asked
from fairlead.serving.types import Answer
from fairlead.signature import Signature

UNIT_LENGTH_MAX = 256


@dataclass(frozen=True, slots=True)
class Model:
    """An endpoint as the protocol sees it.

    Args:
        signature: of the endpoint.
        inputs: its tensors.
        reader: of them.
        writer: of the answers' tensors.
    """

    signature: Signature
    inputs: tuple[TensorSpec, ...]
    reader: InputReader
    writer: OutputWriter

    @staticmethod
    def of(signature: Signature) -> Model:
        """Put a model together."""
        inputs = tuple(map(spec_of, signature.inputs))
        return Model(signature, inputs, InputReader(signature), OutputWriter(signature))


class Models:
    """The models of the endpoints that were asked so far, made once for each signature."""

    def __init__(self) -> None:
        self._made: dict[str, Model] = {}

    def of(self, endpoint: Endpoint) -> Model:
        """The model of an endpoint."""
        name, signature = endpoint.route.endpoint, endpoint.route.signature
        made = self._made.get(name)
        if made is None or made.signature is not signature:
            made = self._made[name] = Model.of(signature)
        return made


def reading(
    model: Model, asked: Asked, version: str, encode: Callable[[Answered], Response]
) -> Reading:
    """What a request means to the data plane.

    Args:
        model: that is asked.
        asked: the request.
        version: the number that it names; empty if it names none.
        encode: writes what it is answered.

    Raises:
        InputError: an input, an output or a parameter is not right.
    """
    wanted = model.writer.wanted(asked)
    batch = model.reader.read(asked.tensors)

    def write(answer: Answer) -> Response:
        return encode(model.writer.answered(asked, wanted, answer))

    unit = _unit(asked)
    units: list[str | None] | None = None if unit is None else [unit] * batch.rows
    return Reading(batch, write, units, version=version, timeout_s=_timeout_s(asked))


def _unit(asked: Asked) -> str | None:
    unit = asked.parameters.get("unit")
    if unit is not None and not (isinstance(unit, str) and len(unit) <= UNIT_LENGTH_MAX):
        raise InputError(
            f"The parameter 'unit' is no text of at most {UNIT_LENGTH_MAX} characters."
        )
    return unit


def _timeout_s(asked: Asked) -> float | None:
    """How long the caller waits; 0 stands for as long as the server lets it."""
    timeout_us = asked.parameters.get("timeout", 0)
    if type(timeout_us) is not int or timeout_us < 0:
        raise InputError("The parameter 'timeout' is no whole number of microseconds.")
    return timeout_us / 1e6 or None
