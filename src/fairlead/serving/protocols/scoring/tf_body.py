"""TensorFlow Serving's bodies of JSON, decoded at once where they are plainly right."""

from __future__ import annotations

import types
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from fairlead.errors import InputError
from fairlead.nearest import nearest
from fairlead.serving.protocols.scoring.instances import (
    INSTANCES_HINT,
    from_inputs,
    from_instances,
    rows_in,
)
from fairlead.serving.protocols.scoring.lenient import decode_lenient, parse_lenient
from fairlead.signature import Batch, ColumnDecoder, RowDecoder
from fairlead.signature.envelope import check_rows

Form = Literal["instances", "inputs"]

SIGNATURES = ("", "serving_default")
PREDICT_KEYS = ("signature_name", "instances", "inputs")
EXAMPLE_KEYS = ("signature_name", "context", "examples")
NAME_SHOWN = 80


class PredictBody:
    """Decodes one endpoint's bodies.

    Args:
        rows: decoder of the endpoint's rows.
        rows_max: of one request.
    """

    def __init__(self, rows: RowDecoder, rows_max: int) -> None:
        self.rows = rows
        self._rows_max = rows_max
        self._columns = ColumnDecoder(rows.signature)
        self._fields = frozenset(field.name for field in rows.signature.inputs)
        instances: Any = types.GenericAlias(list, (rows.row_type,))
        self._decoder = _decoder(instances, self._columns.columns_type | instances)
        self._matrix_decoder = _decoder(instances, types.GenericAlias(dict, (str, instances)))

    def decode(self, body: bytes) -> tuple[Batch, Form]:
        """The rows of a body, and the form they had.

        Raises:
            InputError: it cannot be read.
        """
        found = decode_lenient(self._decoder.decode, body)
        if found is None:
            found = decode_lenient(self._matrix_decoder.decode, body)
        if found is None or (found.instances is UNSET) == (found.inputs is UNSET):
            return self._exactly(body)
        form: Form = "instances" if found.inputs is UNSET else "inputs"
        rows = getattr(found, form)
        if isinstance(rows, dict):
            rows = self._matrix(rows)
        count = len(rows) if isinstance(rows, list) else rows_in(rows)
        if not count:
            return self._exactly(body)
        check_rows(count, self._rows_max)
        gather = self.rows.gather if isinstance(rows, list) else self._columns.gather
        return gather(rows), form

    def _matrix(self, columns: dict[str, list[Any]]) -> list[Any]:
        """The rows of one column that is no field of the model, and so a matrix."""
        ((name, rows), *others) = columns.items() or [("", [])]
        return [] if others or name in self._fields else rows

    def _exactly(self, body: bytes) -> tuple[Batch, Form]:
        """Read again what was not plainly right, to read it or say what is wrong with it."""
        value = parse_lenient(body)
        if not isinstance(value, dict):
            raise InputError("The body is not an object.", hint=INSTANCES_HINT)
        _check_keys(value, PREDICT_KEYS)
        if ("instances" in value) == ("inputs" in value):
            raise InputError("The body must have 'instances' or 'inputs', and not both.")
        signature, limit = self.rows.signature, self._rows_max
        if "inputs" in value:
            return from_inputs(signature, value["inputs"], limit), "inputs"
        return from_instances(signature, value["instances"], limit), "instances"


def _decoder(instances: Any, inputs: Any) -> msgspec.json.Decoder[Any]:
    body = msgspec.defstruct(
        "Predict",
        [
            ("signature_name", Literal[SIGNATURES], ""),
            ("instances", instances | UnsetType, UNSET),
            ("inputs", inputs | UnsetType, UNSET),
        ],
        forbid_unknown_fields=True,
        gc=False,
    )
    return msgspec.json.Decoder(body)


def examples_of(raw: bytes) -> list[object]:
    """The examples of a body to classify or regress, each with what the context says of all.

    Raises:
        InputError: it cannot be read, or is of another form.
    """
    body = parse_lenient(raw)
    if not isinstance(body, dict) or not isinstance(body.get("examples"), list):
        raise InputError(
            "The body is not an object with a list of 'examples'.",
            hint='Send {"examples": [{"<field>": <value>, ...}, ...]}.',
        )
    _check_keys(body, EXAMPLE_KEYS)
    context, examples = body.get("context", {}), body["examples"]
    if not isinstance(context, dict) or not all(isinstance(e, dict) for e in examples):
        raise InputError("'context' and each of the 'examples' are objects by field name.")
    return [{**context, **example} for example in examples]


def _check_keys(body: dict[str, object], known: tuple[str, ...]) -> None:
    for key in body:
        if key not in known:
            close = nearest(key[:NAME_SHOWN], known)
            raise InputError(
                f"The body has a key beside {', '.join(map(repr, known))}.",
                hint=f"Did you mean '{close}'?" if close else INSTANCES_HINT,
            )
    if body.get("signature_name", "") not in SIGNATURES:
        raise InputError("The one signature of a model here is 'serving_default'.")
