"""Fields of a signature as rows of a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fairlead.signature import Field

CATEGORIES_SHOWN = 8
_MISSING = {"error": "is refused", "allow": "is taken"}
_UNKNOWN = {"error": "are refused", "allow": "are taken", "impute": "are replaced"}


@dataclass(frozen=True)
class FieldRow:
    """One field.

    Args:
        name: of it.
        kind: what its values are, with their shape.
        low: smallest value seen; empty if that makes no sense.
        high: largest value seen.
        categories: the first that were seen.
        more: categories beside these.
        missing: what becomes of a row without a value.
        unknown: what becomes of other categories; empty if it has none.
    """

    name: str
    kind: str
    low: str
    high: str
    categories: tuple[str, ...]
    more: int
    missing: str
    unknown: str


def field_rows(fields: Sequence[Field]) -> list[FieldRow]:
    """Each field in words.

    Example:
        >>> field_rows([Field(name="age", kind="number", low=18, high=90, missing="allow")])[0]
        FieldRow(name='age', kind='number', low='18', high='90', categories=(), more=0, \
missing='is taken', unknown='')
    """
    return [_row(field) for field in fields]


def _row(field: Field) -> FieldRow:
    known = field.categories or ()
    has_range = field.low is not None and field.high is not None
    return FieldRow(
        name=field.name,
        kind=_kind(field),
        low=f"{field.low:.6g}" if has_range else "",
        high=f"{field.high:.6g}" if has_range else "",
        categories=tuple(str(one) for one in known[:CATEGORIES_SHOWN]),
        more=max(0, len(known) - CATEGORIES_SHOWN),
        missing=_MISSING.get(field.missing, f"becomes {field.impute}"),
        unknown=_UNKNOWN[field.unknown] if field.kind == "category" else "",
    )


def _kind(field: Field) -> str:
    if field.kind != "tensor":
        return field.kind
    shape = " x ".join("any" if length == -1 else str(length) for length in field.shape)
    return f"tensor {shape}" if shape else "tensor"
