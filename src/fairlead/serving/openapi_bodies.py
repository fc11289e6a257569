"""What an endpoint takes and answers, form by form, as OpenAPI describes it."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

import msgspec

from fairlead.serving.tables.types import ARROW_FILE, ARROW_STREAM, CSV, PARQUET
from fairlead.serving.types import BEFORE
from fairlead.signature import Signature, answer_schema, name_beside, row_schema

Json = dict[str, Any]

BINARY: Json = {"type": "string", "format": "binary"}
TABLES = (PARQUET, ARROW_STREAM, ARROW_FILE)
MEDIA = ("image", "audio")

TEXT: Json = {"type": "string", "maxLength": 256}
_TEXTS: Json = {
    "oneOf": [TEXT, {"type": "array", "items": {"type": ["string", "null"], "maxLength": 256}}]
}
WHOSE = {
    "unit": "Whom a row is about: keeps its arm.",
    "id": "Your own id of a row, kept beside ours.",
}
ARM: Json = {
    "type": "string",
    "description": "Names the arm that answers; for those who operate the endpoint.",
}

_KEY: Json = {
    "type": ["string", "integer", "null"],
    "description": "By which it is looked up what a row leaves out.",
}


def ref(name: str) -> Json:
    """A schema of the document's components."""
    return {"$ref": f"#/components/schemas/{name}"}


_SOURCE: Json = {
    "source": {"type": "string", "description": "Who answered, where there is a choice."},
    "age_s": {"type": ["number", "null"], "description": "How old the answer is, likewise."},
}


def schemas(signature: Signature, by: Sequence[str] = ()) -> Json:
    """The components that bodies and replies are made of.

    Args:
        signature: of the endpoint.
        by: keys by which it is looked up what rows leave out.
    """
    row = row_schema(signature)
    values = list(row["properties"].values())
    if by:  # what exactly may be left out, only the table knows
        row["properties"] = {**dict.fromkeys(by, _KEY), **row["properties"]}
        row["required"] = []
    listed = {"type": "array", "prefixItems": values, "minItems": len(values), "items": False}
    columns = {name: {"type": "array", "items": s} for name, s in row["properties"].items()}
    record = {
        **row,
        "properties": {**_whose(TEXT), **row["properties"]},
        "description": "One row. `unit` and `id` are its fields, if it has fields of these names.",
    }
    answer = answer_schema(signature)
    first: Json = {
        "id": {"type": "string", "format": "uuid", "description": "For feedback."},
        "version": {"type": "string"},
        "arm": {"type": "string"},
    }
    answered = {name_beside(BEFORE, name): s for name, s in answer["properties"].items()}
    prediction = {
        **answer,
        "properties": first | _SOURCE | answered,
        "required": [*BEFORE, *(name_beside(BEFORE, name) for name in answer["required"])],
    }
    for described in (row, record, prediction):
        described.pop("examples", None)
    return {
        "Row": row,
        "RowByPosition": {**listed, "description": "Values in the signature's order."},
        "Rows": _envelope("rows", {
            "type": "array", "minItems": 1,
            "items": {"anyOf": [ref("Row"), ref("RowByPosition")]},
        }),
        "Columns": _envelope("columns", {
            "type": "object", "properties": columns, "required": row["required"],
            "additionalProperties": row["additionalProperties"],
        }),
        "Record": record,
        "Prediction": prediction,
        "Predictions": {
            "type": "object",
            "required": ["endpoint", "revision", "predictions"],
            "properties": {
                "endpoint": {"type": "string"},
                "revision": {"type": "integer"},
                "predictions": {"type": "array", "items": ref("Prediction")},
                "cache": {
                    "type": "object",
                    "required": ["age_s"],
                    "properties": {
                        "age_s": {"type": "array", "items": {"type": ["number", "null"]}}
                    },
                    "description": "How old each row's answer is; null of those just computed.",
                },
            },
        },
    }  # fmt: skip


def _envelope(key: str, value: Json) -> Json:
    return {
        "type": "object",
        "required": [key],
        "additionalProperties": False,
        "properties": {key: value, **_whose(_TEXTS), "arm": ARM},
    }


def _whose(schema: Json) -> Json:
    return {key: {**schema, "description": text} for key, text in WHOSE.items()}


def request_content(signature: Signature) -> Json:
    """By media type, what a request's body may be."""
    row: Json = row_schema(signature)["examples"][0]
    examples = {
        "rows": {"value": {"rows": [row]}},
        "columns": {"value": {"columns": {name: [value] for name, value in row.items()}}},
        "record": {"value": row},
    }
    names = {field.name for field in signature.inputs}
    if names & {"rows", "columns"}:
        del examples["record"]
    forms = [ref("Rows"), ref("Columns"), *([ref("Record")] if "record" in examples else [])]
    media = [field for field in signature.inputs if field.kind in MEDIA]
    needed = [field for field in signature.inputs if field.missing == "error"]
    content: Json = {
        "application/json": {"schema": {"anyOf": forms}, "examples": examples},
        CSV: {"schema": {"type": "string"}, "example": _csv(row)},
        **{kind: {"schema": BINARY} for kind in TABLES},
        "multipart/form-data": {"schema": _form(signature)},
    }
    if len(media) == 1 and set(needed) <= set(media):
        content[f"{media[0].kind}/*"] = {"schema": BINARY}
    return content


def reply_content() -> Json:
    """By media type, what the answer may be."""
    return {
        "application/json": {"schema": ref("Predictions")},
        CSV: {"schema": {"type": "string"}},
        **{kind: {"schema": BINARY} for kind in TABLES},
    }


def _form(signature: Signature) -> Json:
    """Parts that repeat are lists: one value for each row."""
    parts = {
        field.name: {
            "type": "array",
            "items": BINARY if field.kind in MEDIA else {"type": "string"},
        }
        for field in signature.inputs
    }
    whose = {key: {"type": "array", "items": TEXT} for key in WHOSE}
    return {
        "type": "object",
        "properties": {**whose, **parts},
        "required": [field.name for field in signature.inputs if field.missing == "error"],
        "additionalProperties": signature.extra == "ignore",
    }


def _csv(row: Json) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(row)
    writer.writerow(
        value if isinstance(value, str) else msgspec.json.encode(value).decode()
        for value in row.values()
    )
    return out.getvalue()
