"""JSON Schema, as OpenAPI 3.1 takes it, of a row and of an answer."""

from __future__ import annotations

from typing import Any

from fairlead.signature.kinds import RULES, JsonSchema
from fairlead.signature.read import element
from fairlead.signature.types import Field, Signature

_EXAMPLES: dict[str, Any] = {
    "boolean": True,
    "text": "some text",
    "timestamp": "2024-01-31T12:00:00Z",
    "image": "iVBORw0KGgo=",
    "audio": "ZkxhQw==",
}


def row_schema(signature: Signature) -> JsonSchema:
    """JSON Schema of one row by field name, with an example.

    Example:
        >>> age = Field(name="age", kind="number", low=18, high=90)
        >>> ages = Signature(inputs=(age,), outputs=())
        >>> row_schema(ages)["required"], row_schema(ages)["examples"]
        (['age'], [{'age': 54.0}])
    """
    return {
        "type": "object",
        "properties": {field.name: _input_schema(field) for field in signature.inputs},
        "required": [field.name for field in signature.inputs if field.missing == "error"],
        "additionalProperties": signature.extra == "ignore",
        "examples": [{field.name: example(field) for field in signature.inputs}],
    }


def answer_schema(signature: Signature) -> JsonSchema:
    """JSON Schema of one answer, without what the server adds to it, with an example."""
    return {
        "type": "object",
        "properties": {field.name: _output_schema(field) for field in signature.outputs},
        "required": [field.name for field in signature.outputs],
        "examples": [{field.name: _answer_example(field) for field in signature.outputs}],
    }


def example(field: Field) -> Any:
    """A value that an input field takes: the middle of the range seen, the first category."""
    if field.kind == "category":
        return field.categories[0] if field.categories else "some category"
    if field.kind in ("number", "integer"):
        low, high = field.low or 0.0, field.high if field.high is not None else field.low or 0.0
        middle = low + (high - low) / 2
        return round(middle) if field.kind == "integer" else float(f"{middle:.6g}")
    if field.kind == "tensor":
        zero = {"O": "", "b": False}.get(element(field).kind, 0)
        return _filled(field.shape, zero)
    return _EXAMPLES[field.kind]


def _filled(shape: tuple[int, ...], value: object) -> Any:
    return [_filled(shape[1:], value)] * max(shape[0], 1) if shape else value


def _input_schema(field: Field) -> JsonSchema:
    schema = RULES[field.kind].schema(field)
    return schema if field.missing == "error" else _or_null(schema)


def _or_null(schema: JsonSchema) -> JsonSchema:
    if "enum" in schema:
        return {**schema, "enum": [*schema["enum"], None]}
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return {**schema, "type": [*kinds, "null"]}


def _output_schema(field: Field) -> JsonSchema:
    if field.kind == "tensor" and field.categories:
        names = [str(name) for name in field.categories]
        named: JsonSchema = {
            "type": "object",
            "properties": {name: {"type": "number"} for name in names},
            "required": names,
        }
        for _ in field.shape[1:]:
            named = {"type": "array", "items": named}
        return named
    schema = RULES[field.kind].schema(field)
    may_lack = field.kind in ("number", "integer", "boolean") or field.missing != "error"
    return _or_null(schema) if may_lack else schema


def _answer_example(field: Field) -> Any:
    if field.kind == "tensor" and field.categories:
        share = round(1 / len(field.categories), 4)
        return {str(name): share for name in field.categories}
    return example(field)
