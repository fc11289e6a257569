"""The OpenAPI description of one endpoint, made from its signature."""

from __future__ import annotations

from typing import Any

from fairlead.routing import Route
from fairlead.signature import answer_schema, row_schema

Json = dict[str, Any]

_TEXTS: Json = {
    "oneOf": [
        {"type": "string", "maxLength": 256},
        {"type": "array", "items": {"type": ["string", "null"], "maxLength": 256}},
    ]
}


def openapi(route: Route) -> Json:
    """Describe an endpoint as OpenAPI 3.1.

    Args:
        route: in force.
    """
    name = route.endpoint
    versions = ", ".join(arm.version.name for arm in route.arms)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": name,
            "version": str(route.revision),
            "description": f"Answered by {versions}.",
        },
        "paths": {
            f"/v1/endpoints/{name}/predict": {"post": _predict(route)},
            f"/v1/endpoints/{name}/feedback": {"post": _feedback()},
        },
        "components": {"schemas": {"Error": _error()}},
    }


def _predict(route: Route) -> Json:
    row = row_schema(route.signature)
    answer = answer_schema(route.signature)
    request = {
        "type": "object",
        "required": ["rows"],
        "additionalProperties": False,
        "properties": {
            "rows": {"type": "array", "minItems": 1, "items": row},
            "unit": {**_TEXTS, "description": "Whom a row is about: keeps its arm."},
            "id": {**_TEXTS, "description": "Your own id of a row, kept beside ours."},
        },
    }
    prediction = {
        **answer,
        "properties": {
            "id": {"type": "string", "format": "uuid", "description": "For feedback."},
            "version": {"type": "string"},
            "arm": {"type": "string"},
            **answer["properties"],
        },
        "required": ["id", "version", "arm", *answer["required"]],
    }
    prediction.pop("examples", None)
    reply = {
        "type": "object",
        "properties": {
            "endpoint": {"type": "string"},
            "revision": {"type": "integer"},
            "predictions": {"type": "array", "items": prediction},
        },
    }
    example = {"rows": row["examples"]}
    return _operation("predict", "Answer rows.", request, reply, example)


def _feedback() -> Json:
    value = {"type": ["boolean", "number", "string"]}
    item = {
        "type": "object",
        "required": ["id", "value"],
        "additionalProperties": False,
        "properties": {
            "id": {"type": "string", "format": "uuid", "description": "Of the prediction."},
            "value": {**value, "description": "The label, judgement or outcome."},
            "name": {"type": "string", "default": "label"},
            "time": {"type": "string", "format": "date-time"},
        },
    }
    request = {
        "type": "object",
        "required": ["feedback"],
        "additionalProperties": False,
        "properties": {"feedback": {"type": "array", "minItems": 1, "items": item}},
    }
    reply = {"type": "object", "properties": {"accepted": {"type": "integer"}}}
    example = {"feedback": [{"id": "01890a5d-ac96-774b-bcce-b302099a8057", "value": "yes"}]}
    return _operation("feedback", "Say what came later.", request, reply, example)


def _operation(name: str, summary: str, request: Json, reply: Json, example: Json) -> Json:
    error = {"$ref": "#/components/schemas/Error"}
    refused = {
        status: {"description": text, "content": {"application/json": {"schema": error}}}
        for status, text in (
            ("400", "The body does not fit; says which row and field."),
            ("404", "There is no such endpoint."),
            ("413", "The body is too large."),
            ("503", "Not now: starting, stopping or overloaded."),
        )
    }
    return {
        "operationId": name,
        "summary": summary,
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": request, "example": example}},
        },
        "responses": {
            "200": {"description": "OK", "content": {"application/json": {"schema": reply}}},
            **refused,
        },
    }


def _error() -> Json:
    text = {"type": "string"}
    problem = {
        "type": "object",
        "properties": {
            "message": text,
            "row": {"type": "integer"},
            "field": text,
            "expected": text,
            "nearest": text,
        },
    }
    inner = {
        "type": "object",
        "required": ["code", "message"],
        "properties": {
            "code": text,
            "message": text,
            "hint": text,
            "problems": {"type": "array", "items": problem},
        },
    }
    return {"type": "object", "required": ["error"], "properties": {"error": inner}}
