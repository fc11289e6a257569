"""What two signatures do not share, field by field, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from fairlead.signature import Field, Scalar, Signature

NAMED_MAX = 5


class FieldDifference(msgspec.Struct, frozen=True, kw_only=True):
    """A field that is not the same on both sides.

    Args:
        side: whether it is taken or answered.
        name: of the field.
        left: it there; None if it has none.
        right: likewise.
        words: what differs; never empty.
    """

    side: Literal["input", "output"]
    name: str
    left: Field | None
    right: Field | None
    words: tuple[str, ...]


def differ(left: Signature, right: Signature) -> tuple[FieldDifference, ...]:
    """Say in which fields two signatures differ.

    Args:
        left: of the one.
        right: of the other.

    Example:
        >>> one = Signature(inputs=(Field(name="age", kind="number", low=0, high=90),), outputs=())
        >>> two = Signature(inputs=(Field(name="age", kind="number", low=0, high=99),), outputs=())
        >>> differ(one, two)[0].words
        ('range: 0 to 90, then 0 to 99',)
        >>> differ(one, one)
        ()
    """
    return (
        *_side("input", left.inputs, right.inputs),
        *_side("output", left.outputs, right.outputs),
    )


def _side(
    side: Literal["input", "output"], left: tuple[Field, ...], right: tuple[Field, ...]
) -> Iterator[FieldDifference]:
    one, two = ({field.name: field for field in fields} for fields in (left, right))
    for name in dict.fromkeys((*one, *two)):
        words = tuple(_words(one.get(name), two.get(name)))
        if words:
            yield FieldDifference(
                side=side, name=name, left=one.get(name), right=two.get(name), words=words
            )


def _words(left: Field | None, right: Field | None) -> Iterator[str]:
    if left is None or right is None:
        yield "only on the right" if left is None else "only on the left"
        return
    if left.kind != right.kind:
        yield f"kind: {left.kind}, then {right.kind}"
        return  # the rest follows from it
    for name, one, two in (
        ("type", left.dtype, right.dtype),
        ("shape", left.shape, right.shape),
        ("range", _range(left), _range(right)),
        ("missing values seen", left.nullable, right.nullable),
        ("a missing value", left.missing, right.missing),
        ("an unknown category", left.unknown, right.unknown),
        ("value put in", left.impute, right.impute),
        ("text read as number", left.coerce, right.coerce),
    ):
        if one != two:
            yield f"{name}: {_value(one)}, then {_value(two)}"
    yield from _categories(left.categories or (), right.categories or ())


def _categories(left: tuple[Scalar, ...], right: tuple[Scalar, ...]) -> Iterator[str]:
    for word, found in (
        ("without", [one for one in left if one not in right]),
        ("with", [one for one in right if one not in left]),
    ):
        if found:
            named = ", ".join(f"'{one}'" for one in found[:NAMED_MAX])
            more = f" and {len(found) - NAMED_MAX} more" if len(found) > NAMED_MAX else ""
            yield f"then {word} the categories {named}{more}"


def _range(field: Field) -> str | None:
    if field.low is None or field.high is None:
        return None
    return f"{field.low:.6g} to {field.high:.6g}"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return " x ".join(map(str, value)) or "a single value"
    return "none" if value is None else str(value)
