"""A constant answer, as the settings write it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from fairlead.errors import ConfigError, InputError
from fairlead.signature import Batch, Field, Signature, from_records


def read_constant(endpoint: str, outputs: Sequence[Field], constant: Mapping[str, Any]) -> Batch:
    """A constant as the one row of answers that it is.

    Args:
        endpoint: whose it is.
        outputs: of its model.
        constant: by output, a value as replies have it.

    Raises:
        ConfigError: it is no such row; says what is wrong with it.
    """
    fields = tuple(replace(field, missing="error", unknown="error") for field in outputs)
    row = {name: _listed(name, value, fields) for name, value in constant.items()}
    try:
        return from_records(Signature(inputs=fields, outputs=()), [row])
    except InputError as error:
        told = "; ".join(f"'{p.field}' {p.message.partition('. ')[0]}" for p in error.problems)
        told = told.rstrip(".")
        raise ConfigError(
            f"The setting 'endpoint.{endpoint}.constant' is no answer of its model: {told}.",
            hint=f"Give a value for each of {', '.join(field.name for field in fields)}.",
        ) from None


def _listed(name: str, value: Any, fields: Sequence[Field]) -> Any:
    """A value by the names of a last axis, such as probabilities, in their order."""
    names = next((f.categories for f in fields if f.name == name and f.kind == "tensor"), None)
    if names is None or not isinstance(value, dict) or set(value) != set(map(str, names)):
        return value
    return [value[str(each)] for each in names]
