"""The OpenAPI description of one endpoint, made from its signature."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fairlead.routing import Mode, Route
from fairlead.serving.openapi_bodies import WHOSE, ref, reply_content, request_content, schemas

Json = dict[str, Any]

_ROOT = "../../.."
"""Seen from where the document is: wherever it is mounted, paths begin there."""
_TIMINGS: Json = {
    "Server-Timing": {
        "schema": {"type": "string"},
        "description": "How long the rows waited (queue) and the model ran (model), in ms.",
    }
}
_RETRY: Json = {"Retry-After": {"schema": {"type": "integer"}, "description": "In seconds."}}
_REFUSED: dict[str, str] = {
    "400": "The body does not fit; says which row and field.",
    "401": "There is no key, or none that is valid.",
    "403": "The key is not for this.",
    "404": "There is no such endpoint.",
    "413": "The body is too large.",
    "415": "The body's Content-Type is not taken; says which are.",
    "429": "The key's limit is used up; says when there is more.",
    "500": "The model failed.",
    "503": "Not now: starting, stopping or overloaded.",
    "504": "The answer was not there in time.",
}
_DECIDES: dict[Mode, str] = {
    "human": "A person decides every row.",
    "shadow": "A person decides every row.",
    "assist": "A person decides every row.",
    "partial": "The model decides some rows, a person the others.",
}
_TIMEOUT: Json = {
    "name": "fairlead-timeout-ms",
    "in": "header",
    "schema": {"type": "integer", "minimum": 1, "maximum": 999_999_999},
    "description": "How long you wait for the answer.",
}


_KEYED = ("401", "403", "429")
KEY_SCHEMES: Json = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
}
"""How a caller shows its key, one way or the other."""


def openapi(route: Route, *, keys: bool = False, by: Sequence[str] = ()) -> Json:
    """Describe an endpoint as OpenAPI 3.1.

    Args:
        route: in force.
        keys: whether callers need one.
        by: keys by which it is looked up what rows leave out.
    """
    name = route.endpoint
    versions = ", ".join(arm.version.name for arm in route.arms)
    mode = route.automation.mode
    is_full = mode == "full"
    described: Json = {
        "openapi": "3.1.0",
        "info": {
            "title": name,
            "version": str(route.revision),
            "description": f"Answered by {versions}." if is_full else _DECIDES[mode],
        },
        "servers": [{"url": _ROOT}],
        "paths": {
            f"/v1/endpoints/{name}/predict": {"post": _predict(route, keys=keys)},
            f"/v1/endpoints/{name}/feedback": {"post": _feedback(keys=keys)},
            **(_lookup(name, keys=keys) if is_full else _decision(keys=keys)),
        },
        "components": {"schemas": {**schemas(route.signature, by), "Error": _error()}},
    }
    if keys:
        described["components"]["securitySchemes"] = KEY_SCHEMES
        described["security"] = [{name: []} for name in KEY_SCHEMES]
    return described


def _predict(route: Route, *, keys: bool) -> Json:
    named = [
        {
            "name": key,
            "in": "query",
            "schema": {"type": "string"},
            "description": f"{text} Of a table, the column that says so; of a body that is one "
            "picture or sound, the text itself.",
        }
        for key, text in WHOSE.items()
    ]
    return {
        "operationId": "predict",
        "summary": "Answer rows.",
        "description": "The answer has the form that `Accept` asks for, or else is JSON. A row of "
        "JSON may bring the `key` of a prediction that was made ahead.",
        "parameters": [*named, _TIMEOUT],
        "requestBody": {"required": True, "content": request_content(route.signature)},
        "responses": {
            **_replies(route.automation.mode),
            **_refusals(*(s for s in _REFUSED if keys or s not in _KEYED)),
        },
    }


def _lookup(endpoint: str, *, keys: bool) -> Json:
    key = {"name": "key", "in": "path", "required": True, "schema": {"type": "string"}}
    described = {
        "operationId": "lookup",
        "summary": "Look up a prediction that was made ahead.",
        "parameters": [key, _TIMEOUT],
        "responses": {
            **_answered(),
            **_refusals("400", *(_KEYED if keys else ()), "404", "503", "504"),
        },
    }
    return {f"/v1/endpoints/{endpoint}/lookup/{{key}}": {"get": described}}


def _decision(*, keys: bool) -> Json:
    text = {"type": "string"}
    told = {
        "id": text,
        "endpoint": text,
        "decided_by": {**text, "enum": ["pending", "person", "model"]},
        "decision": {"type": ["boolean", "number", "string", "null"]},
        "decided_at": {"type": ["string", "null"], "format": "date-time"},
    }
    schema = {"type": "object", "required": [*told], "properties": told}
    content = {"application/json": {"schema": schema}}
    described = {
        "operationId": "decision",
        "summary": "Ask what a person has decided.",
        "parameters": [{"name": "id", "in": "path", "required": True, "schema": text}],
        "responses": {
            "200": {"description": "What is known of it now.", "content": content},
            **_refusals("400", *(_KEYED if keys else ()), "404", "503", "504"),
        },
    }
    return {"/v1/predictions/{id}": {"get": described}}


def _answered() -> Json:
    return {"200": {"description": "OK", "headers": _TIMINGS, "content": reply_content()}}


def _replies(mode: Mode) -> Json:
    """What is replied to rows that fit, by who decides them."""
    if mode == "full":
        return _answered()
    held = {"202": {"description": "A person decides some rows, or all.", "content": _held()}}
    decided = {"200": {"description": "The model decides all rows.", "content": _held()}}
    return {**decided, **held} if mode == "partial" else held


def _held() -> Json:
    """Rows that say who decides; of those that wait for a person the id alone."""
    who = {"type": "string", "enum": ["model", "pending"]}
    told = {"id": {"type": "string"}, "decided_by": who}
    row = {"type": "object", "required": [*told], "properties": told}
    names = {
        "endpoint": {"type": "string"},
        "revision": {"type": "integer"},
        "predictions": {"type": "array", "items": row},
    }
    schema = {"type": "object", "required": [*names], "properties": names}
    return {"application/json": {"schema": schema}}


def _feedback(*, keys: bool) -> Json:
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
    accepted = {"accepted": {"type": "integer"}}
    reply = {"type": "object", "required": ["accepted"], "properties": accepted}
    example = {"feedback": [{"id": "01890a5d-ac96-774b-bcce-b302099a8057", "value": "yes"}]}
    return {
        "operationId": "feedback",
        "summary": "Say what came later.",
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": request, "example": example}},
        },
        "responses": {
            "200": {"description": "OK", "content": {"application/json": {"schema": reply}}},
            **_refusals("400", *(_KEYED if keys else ()), "404", "413", "503"),
        },
    }


def _refusals(*statuses: str) -> Json:
    return {
        status: {
            "description": _REFUSED[status],
            "content": {"application/json": {"schema": ref("Error")}},
            **({"headers": _RETRY} if status in ("429", "503") else {}),
        }
        for status in statuses
    }


def refused_content() -> Json:
    """By media type, what a refusal looks like, whole."""
    return {"application/json": {"schema": _error()}}


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
