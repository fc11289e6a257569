"""What each kind of field takes, declared once: how it is read, named, typed and refused.

Validation, error messages, the decoder's types, JSON Schema and the tests' samples of wrong
values all come from this table.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from fairlead.signature import read
from fairlead.signature.media import IMAGES, SOUNDS
from fairlead.signature.types import Field, FieldKind

JsonSchema = dict[str, Any]


@dataclass(frozen=True)
class Rule:
    """The rule of one kind.

    Args:
        reader: makes the exact reader of single values.
        expected: says in words what a field takes.
        annotation: the type by which msgspec decodes a value quickly; whatever it lets pass is
            checked on when columns are gathered.
        schema: JSON Schema of a value.
        wrong: JSON values that no field of the kind takes (null apart).
    """

    reader: Callable[[Field], read.Reader]
    expected: Callable[[Field], str]
    annotation: Callable[[Field], Any]
    schema: Callable[[Field], JsonSchema]
    wrong: tuple[object, ...]


def _number_type(field: Field) -> Any:
    return float | str if field.coerce else float


def _range(field: Field) -> JsonSchema:
    """The range seen, as a note: values outside it are taken."""
    seen = {"x-seen-minimum": field.low, "x-seen-maximum": field.high}
    return {key: value for key, value in seen.items() if value is not None}


def _number_schema(field: Field) -> JsonSchema:
    return {"type": ["number", "string"] if field.coerce else "number", **_range(field)}


def _integer_schema(field: Field) -> JsonSchema:
    limit = read.INTEGER_LIMIT - 1
    kind = ["integer", "string"] if field.coerce else "integer"
    return {"type": kind, "minimum": -limit, "maximum": limit, **_range(field)}


def _category_expected(field: Field) -> str:
    kinds = " or ".join(sorted(read.families(field), reverse=True))
    return f"one of {len(field.categories)} known categories" if field.categories else kinds


_SCALARS: dict[str, tuple[str, Any]] = {
    "text": ("string", str),
    "a number": ("number", int | float),
    "a boolean": ("boolean", bool),
}


def _category_type(field: Field) -> Any:
    families = read.families(field)
    if field.categories and field.unknown == "error" and families == {"text"}:
        return Literal[field.categories]  # a hash look-up while decoding
    union: Any = None
    for name, (_, kind) in _SCALARS.items():
        if name in families:
            union = kind if union is None else union | kind
    return union


def _category_schema(field: Field) -> JsonSchema:
    if field.categories and field.unknown == "error":
        return {"enum": list(field.categories)}
    types = [kind for name, (kind, _) in _SCALARS.items() if name in read.families(field)]
    seen = {"examples": list(field.categories[:5])} if field.categories else {}
    return {"type": types[0] if len(types) == 1 else types, **seen}


def _media_schema(field: Field) -> JsonSchema:
    return {
        "type": "string",
        "contentEncoding": "base64",
        "contentMediaType": f"{field.kind}/*",
    }


def _element_type(field: Field) -> Any:
    return {"O": str, "b": bool}.get(read.element(field).kind, float)


def _tensor_type(field: Field) -> Any:
    nested: Any = _element_type(field)
    for _ in field.shape:
        nested = types.GenericAlias(list, (nested,))
    return nested


def _tensor_expected(field: Field) -> str:
    element = {str: "text", bool: "booleans", float: "numbers"}[_element_type(field)]
    return f"nested lists of {element} of shape {read.shape_in_words(field.shape)}"


def _tensor_schema(field: Field) -> JsonSchema:
    kind = {str: "string", bool: "boolean", float: "number"}[_element_type(field)]
    nested: JsonSchema = {"type": kind}
    for length in reversed(field.shape):
        limits = {} if length == -1 else {"minItems": length, "maxItems": length}
        nested = {"type": "array", "items": nested, **limits}
    return nested


RULES: dict[FieldKind, Rule] = {
    "number": Rule(
        read.read_number,
        lambda _: "a finite number",
        _number_type,
        _number_schema,
        (True, "red", [1], {"a": 1}),
    ),
    "integer": Rule(
        read.read_integer,
        lambda _: "a whole number below 2^53",
        _number_type,
        _integer_schema,
        (True, 1.5, 2**53, -(2**60), "red", [1], {}),
    ),
    "boolean": Rule(
        read.read_boolean,
        lambda _: "true or false",
        lambda _: bool,
        lambda _: {"type": "boolean"},
        (0, 1, 0.5, "true", [True], {}),
    ),
    "category": Rule(
        read.read_category,
        _category_expected,
        _category_type,
        _category_schema,
        ([], ["a"], {"a": 1}),
    ),
    "text": Rule(
        read.read_text,
        lambda _: "text",
        lambda _: str,
        lambda _: {"type": "string"},
        (1, 1.5, True, ["a"], {}),
    ),
    "image": Rule(
        read.read_media,
        lambda _: f"{IMAGES} in base64",
        lambda _: bytes,
        _media_schema,
        (1, True, "not base64!", "aGVsbG8=", ["aGk="], {}),
    ),
    "audio": Rule(
        read.read_media,
        lambda _: f"{SOUNDS} in base64",
        lambda _: bytes,
        _media_schema,
        (1, True, "not base64!", "aGVsbG8=", ["aGk="], {}),
    ),
    "timestamp": Rule(
        read.read_timestamp,
        lambda _: "an ISO 8601 time, or seconds since 1970",
        lambda _: str | float,
        lambda _: {"type": ["string", "number"], "format": "date-time"},
        (True, "yesterday", 1.7e15, [0], {}),
    ),
    "tensor": Rule(
        read.read_tensor,
        _tensor_expected,
        _tensor_type,
        _tensor_schema,
        (1, "red", True, {}, [[[[[[[[1]]]]]]]], [None]),
    ),
}
