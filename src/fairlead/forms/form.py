"""A form made from a signature: a control for each field, and what the answer may be."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from fairlead.signature import Field, Scalar, Signature, row_schema

SLIDER_STEPS = 100
SPAN_MIN = 1e-300


@dataclass(frozen=True)
class Slider:
    """The range seen of a number, as a slider takes it."""

    low: str
    high: str
    step: str


@dataclass(frozen=True)
class Option:
    """One choice: its value as JSON, and what people read."""

    value: str
    text: str
    selected: bool = False


@dataclass(frozen=True)
class Control:
    """How one field is asked for.

    Args:
        id: of the element; names of fields stand nowhere but in text and in `data`.
        name: of the field.
        kind: of the control: `number`, `checkbox`, `select`, `datalist`, `textarea`, `time`,
            `file` or `json`.
        note: what else to know about the field.
        value: that it starts with.
        step: of a number.
        accept: which files are meant.
        slider: beside a number.
        options: to choose from.
        nullable: whether a value may be missing.
        missing: whether it is missing at the start.
        data: what the page's script must know of the field, as JSON.
    """

    id: str
    name: str
    kind: str
    note: str
    value: str
    step: str
    accept: str
    slider: Slider | None
    options: tuple[Option, ...]
    nullable: bool
    missing: bool
    data: str


def controls_of(signature: Signature, example: Mapping[str, object]) -> list[Control]:
    """A control for each input.

    Args:
        signature: of what an endpoint takes.
        example: the row that the form starts with, by field name; values may be absent.
    """
    types = row_schema(signature)["properties"]
    return [
        _control(f"field-{place}", field, types[field.name], example)
        for place, field in enumerate(signature.inputs)
    ]


def neutral(signature: Signature) -> dict[str, object]:
    """A row to start with that nobody ever sent: the middle of ranges, and first categories.

    Args:
        signature: of what an endpoint takes.

    Returns:
        By field name; without those of which the signature says too little.

    Example:
        >>> neutral(Signature(inputs=(Field(name="age", kind="integer", low=18, high=91),
        ...                           Field(name="note", kind="text")), outputs=()))
        {'age': 54}
    """
    values = {field.name: _middle(field) for field in signature.inputs}
    return {name: value for name, value in values.items() if value is not None}


def answer_of(signature: Signature) -> Field | None:
    """The output that is shown large, and that feedback is about."""
    by_name = {field.name: field for field in signature.outputs}
    single = (field for field in signature.outputs if field.kind != "tensor")
    return by_name.get("label") or by_name.get("prediction") or next(single, None)


def options_of(signature: Signature, answer: Field | None) -> list[Option]:
    """What the right answer may be, where that is known."""
    return [Option(to_json(value), _text(value)) for value in _labels(signature, answer)]


def to_json(value: object) -> str:
    """A value for a page's script."""
    return msgspec.json.encode(value).decode()


def _control(
    element_id: str, field: Field, schema: Mapping[str, Any], example: Mapping[str, object]
) -> Control:
    given = example.get(field.name)
    nullable = field.nullable or field.missing != "error"
    kind = _kind(field)
    types = schema.get("type", [])
    known = list(field.categories or ())
    data = {
        "name": field.name,
        "kind": kind,
        "types": [types] if isinstance(types, str) else types,
        "known": known if kind == "datalist" else [],
    }
    return Control(
        id=element_id,
        name=field.name,
        kind=kind,
        note=_note(field),
        value=_value(field, given),
        step="1" if field.kind == "integer" else "any",
        accept=f"{field.kind}/*",
        slider=_slider(field) if kind == "number" else None,
        options=tuple(Option(to_json(v), _text(v), _same(v, given)) for v in known),
        nullable=nullable,
        missing=nullable and given is None,
        data=to_json(data),
    )


def _kind(field: Field) -> str:
    match field.kind:
        case "number" | "integer":
            return "number"
        case "boolean":
            return "checkbox"
        case "category":
            return "select" if field.categories and field.unknown == "error" else "datalist"
        case "text":
            return "textarea"
        case "timestamp":
            return "time"
        case "image" | "audio":
            return "file"
        case "tensor":
            return "json"


def _note(field: Field) -> str:
    """What is worth knowing before a value is chosen."""
    match field.kind:
        case "number" | "integer" if field.low is not None and field.high is not None:
            return f"seen: {_number(field.low)} to {_number(field.high)}"
        case "timestamp":
            return "UTC"
        case "tensor":
            shape = " x ".join("any" if length == -1 else str(length) for length in field.shape)
            return f"JSON, {shape or 'a single value'}"
        case "image" | "audio" | "text" | "integer":
            return field.kind
        case "category" if field.categories and field.unknown != "error":
            return "others are taken too"
    return ""


def _slider(field: Field) -> Slider | None:
    """A slider over the range seen, if there is one, in a hundred to a thousand even steps."""
    if field.low is None or field.high is None:
        return None
    span = field.high - field.low
    if not SPAN_MIN < span < math.inf:
        return None
    step = 10.0 ** math.floor(math.log10(span / SLIDER_STEPS))
    if field.kind == "integer":
        step = max(step, 1.0)
    return Slider(_number(field.low), _number(field.high), _number(step))


def _middle(field: Field) -> Scalar | None:
    """What a field may be, without anything being meant by it."""
    if field.kind == "category" and field.categories:
        return field.categories[0]
    slider = _slider(field) if field.kind in ("number", "integer") else None
    if slider is None or field.low is None or field.high is None:
        return None
    middle = (field.low + field.high) / 2
    return round(middle) if field.kind == "integer" else round(middle, _places(float(slider.step)))


def _places(step: float) -> int:
    """The digits behind the point that a step has."""
    return -math.floor(math.log10(step))


def _value(field: Field, given: object) -> str:
    """What a control starts with, as text."""
    if given is None or field.kind in ("image", "audio"):
        return ""
    match field.kind:
        case "boolean":
            return "true" if given is True else ""
        case "timestamp":
            return _local_time(given)
        case "tensor":
            return to_json(given)
    return _text(given)


def _local_time(given: object) -> str:
    """A time as `datetime-local` takes it, in UTC; empty if it is none."""
    try:
        if isinstance(given, int | float):
            time = dt.datetime.fromtimestamp(given, dt.UTC)
        else:
            time = dt.datetime.fromisoformat(str(given))
        if time.tzinfo:
            time = time.astimezone(dt.UTC).replace(tzinfo=None)
    except (ValueError, OverflowError, OSError):
        return ""
    return time.isoformat(timespec="seconds")


def _labels(signature: Signature, answer: Field | None) -> tuple[Scalar, ...]:
    """What the right answer may be, where that is known."""
    if answer is None or answer.kind in ("number", "integer"):
        return ()
    if answer.kind == "boolean":
        return (True, False)
    named = (field.categories for field in signature.outputs if field.name == "probabilities")
    return answer.categories or next(named, None) or ()


def _same(value: Scalar, given: object) -> bool:
    return value == given and isinstance(value, bool) == isinstance(given, bool)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return _number(value) if isinstance(value, float) else str(value)


def _number(value: float) -> str:
    """A number as short as it can be written without becoming another one."""
    return (
        str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))
    )
