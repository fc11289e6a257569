"""Rows in TensorFlow Serving's two formats, `instances` by row and `inputs` by column.

MLflow takes both too. Bytes may be written `{"b64": "…"}`.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from fairlead.errors import InputError, Problem
from fairlead.signature import Field, Signature

BYTES = {"b64"}
INSTANCES_HINT = 'Send {"instances": [{"<field>": <value>, ...}, ...]}.'
INPUTS_HINT = 'Send {"inputs": {"<field>": [<one value for each row>, ...], ...}}.'


def rows_of_instances(signature: Signature, instances: object) -> list[Any]:
    """Rows of the row format, as `from_records` takes them.

    An instance is an object by field name, a list by position, or, for a model of one field,
    the value itself.

    Raises:
        InputError: it is no list, or bytes in it are not base64.

    Example:
        >>> one = Signature(inputs=(Field(name="x", kind="number"),), outputs=())
        >>> rows_of_instances(one, [1.5, [2.5], {"x": 3.5}])
        [[1.5], [2.5], {'x': 3.5}]
    """
    if not isinstance(instances, list):
        raise InputError("'instances' is not a list.", hint=INSTANCES_HINT)
    return [_row(signature, place, instance) for place, instance in enumerate(instances)]


def rows_of_inputs(signature: Signature, inputs: object) -> list[Any]:
    """Rows of the column format, as `from_records` takes them.

    One column that is no field of the model but a matrix as wide as it has fields is read by
    position; so is a list in place of the object.

    Raises:
        InputError: it is neither object nor list, its columns differ in length, or bytes in it
            are not base64.

    Example:
        >>> two = Signature(
        ...     inputs=(Field(name="a", kind="number"), Field(name="b", kind="text")), outputs=()
        ... )
        >>> rows_of_inputs(two, {"a": [1.5, [2.5]], "b": ["x", "y"]})
        [{'a': 1.5, 'b': 'x'}, {'a': 2.5, 'b': 'y'}]
        >>> rows_of_inputs(two, {"input": [[1.5, "x"]]})
        [[1.5, 'x']]
    """
    if isinstance(inputs, list):
        return rows_of_instances(signature, inputs)
    if not isinstance(inputs, dict) or not inputs:
        raise InputError("'inputs' is not an object of columns.", hint=INPUTS_HINT)
    fields = {field.name: field for field in signature.inputs}
    if len(inputs) == 1:
        ((name, values),) = inputs.items()
        if name not in fields and _is_matrix(values, len(fields)):
            return rows_of_instances(signature, values)
    for name, values in inputs.items():
        if not isinstance(values, list):
            raise InputError(
                f"The column '{name[:80]}' is not a list.",
                (Problem("is not a list", field=name[:80]),),
                hint=INPUTS_HINT,
            )
    lengths = {len(values) for values in inputs.values()}
    if len(lengths) > 1:
        raise InputError(
            f"The columns differ in length: there are some of {min(lengths)} and some of "
            f"{max(lengths)} values.",
            hint="Each column has one value for each row.",
        )
    columns = [
        [_value(fields.get(name), place, value) for place, value in enumerate(values)]
        for name, values in inputs.items()
    ]
    return [dict(zip(inputs, row, strict=True)) for row in zip(*columns, strict=True)]


def _row(signature: Signature, place: int, instance: object) -> object:
    fields = {field.name: field for field in signature.inputs}
    if isinstance(instance, dict) and (instance.keys() != BYTES or "b64" in fields):
        return {name: _value(fields.get(name), place, value) for name, value in instance.items()}
    if len(fields) == 1:
        field = signature.inputs[0]
        if not isinstance(instance, list) or 0 < _depth(instance) <= len(field.shape):
            return [_value(field, place, instance)]
    if isinstance(instance, list) and len(instance) == len(fields):
        pairs = zip(signature.inputs, instance, strict=True)
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
