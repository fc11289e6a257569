"""Rows in TensorFlow Serving's two formats, `instances` by row and `inputs` by column.

MLflow takes both too. Bytes may be written `{"b64": "…"}`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import numpy as np
from msgspec.structs import astuple

from fairlead.errors import InputError, Problem
from fairlead.signature import Batch, Field, Signature, from_columns, from_records
from fairlead.signature.envelope import check_rows

NO_ROWS = Batch(0, (), np.empty((0, 0)), {})
BYTES = {"b64"}
INSTANCES_HINT = 'Send {"instances": [{"<field>": <value>, ...}, ...]}.'
INPUTS_HINT = 'Send {"inputs": {"<field>": [<one value for each row>, ...], ...}}.'


def from_instances(signature: Signature, instances: object, rows_max: int) -> Batch:
    """Read the row format exactly.

    An instance is an object by field name, a list by position, or, for a model of one field,
    the value itself.

    Args:
        signature: what the rows must fit.
        instances: as `parse_json` gives them.
        rows_max: that are taken; counted before they are looked at.

    Raises:
        InputError: something is wrong; says what.

    Example:
        >>> one = Signature(inputs=(Field(name="x", kind="number"),), outputs=())
        >>> from_instances(one, [1.5, [2.5], {"x": 3.5}], 10).numbers.tolist()
        [[1.5], [2.5], [3.5]]
    """
    if not isinstance(instances, list):
        raise InputError("'instances' is not a list.", hint=INSTANCES_HINT)
    if not instances:
        return NO_ROWS
    check_rows(len(instances), rows_max)
    fields = {field.name: field for field in signature.inputs}
    rows = [_row(fields, place, instance) for place, instance in enumerate(instances)]
    return from_records(signature, rows)


def from_inputs(signature: Signature, inputs: object, rows_max: int) -> Batch:
    """Read the column format exactly.

    One column that is no field of the model but a matrix as wide as it has fields is read by
    position; so is a list in place of the object.

    Args:
        signature: what the rows must fit.
        inputs: as `parse_json` gives them.
        rows_max: that are taken; counted before they are looked at.

    Raises:
        InputError: something is wrong; says what.

    Example:
        >>> two = Signature(
        ...     inputs=(Field(name="a", kind="number"), Field(name="b", kind="number")), outputs=()
        ... )
        >>> from_inputs(two, {"a": [1, [2]], "b": [3, 4]}, 10).numbers.tolist()
        [[1.0, 3.0], [2.0, 4.0]]
        >>> from_inputs(two, {"input": [[1, 3]]}, 10).numbers.tolist()
        [[1.0, 3.0]]
    """
    if isinstance(inputs, list):
        return from_instances(signature, inputs, rows_max)
    if not isinstance(inputs, dict) or not inputs:
        raise InputError("'inputs' is not an object of columns.", hint=INPUTS_HINT)
    fields = {field.name: field for field in signature.inputs}
    if len(inputs) == 1:
        ((name, values),) = inputs.items()
        if name not in fields and _is_matrix(values, len(fields)):
            return from_instances(signature, values, rows_max)
    if all(values == [] for values in inputs.values()):
        return NO_ROWS
    check_rows(longest(inputs.values()), rows_max)
    return from_columns(
        signature, {name: _column(fields.get(name), values) for name, values in inputs.items()}
    )


def rows_in(decoded: Any) -> int:
    """How many rows there are in what msgspec decoded as columns; 0 if it is none."""
    return longest(astuple(decoded)) if isinstance(decoded, msgspec.Struct) else 0


def longest(columns: Iterable[object]) -> int:
    """The length of the longest of the columns that are lists."""
    return max((len(values) for values in columns if isinstance(values, list)), default=0)


def _column(field: Field | None, values: object) -> object:
    if not isinstance(values, list):
        return values
    return [_value(field, place, value) for place, value in enumerate(values)]


def _row(fields: Mapping[str, Field], place: int, instance: object) -> object:
    if isinstance(instance, dict) and (instance.keys() != BYTES or "b64" in fields):
        return {name: _value(fields.get(name), place, value) for name, value in instance.items()}
    if len(fields) == 1:
        (field,) = fields.values()
        if not isinstance(instance, list) or 0 < _depth(instance) <= len(field.shape):
            return [_value(field, place, instance)]
    if isinstance(instance, list) and len(instance) == len(fields):
        pairs = zip(fields.values(), instance, strict=True)
        return [_value(field, place, value) for field, value in pairs]
    return instance


def _value(field: Field | None, place: int, value: object) -> object:
    """A value without TensorFlow's wrappings: a list of one, and bytes as base64."""
    if field is None or field.kind == "tensor":
        return value
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, dict) or value.keys() != BYTES:
        return value
    if field.kind in ("image", "audio"):
        return value["b64"]
    try:
        return base64.b64decode(value["b64"], validate=True).decode()
    except (binascii.Error, ValueError, TypeError):
        problem = Problem("is not text in UTF-8, in base64", row=place, field=field.name)
        raise InputError(
            f"Row {place}, field '{field.name}': 'b64' is not base64 of text in UTF-8.", (problem,)
        ) from None


def _is_matrix(values: object, width: int) -> bool:
    return isinstance(values, list) and all(
        isinstance(row, list) and len(row) == width for row in values
    )


def _depth(value: object) -> int:
    """How many lists a value lies in."""
    depth = 0
    while isinstance(value, list) and value:
        value, depth = value[0], depth + 1
    return depth
