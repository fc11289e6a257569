"""Reading one value exactly: what a field takes, from JSON or from Python, and why not.

A reader is made once per field and called per value. It is the slow path, and the measure of
the fast ones: what they accept, it accepts with the same result.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt

from fairlead.signature.media import media_kind
from fairlead.signature.types import Field, Scalar

INTEGER_LIMIT = 2**53
"""Integers below it are exact in double precision; it itself may be a rounded one."""

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
SECONDS_LOW, SECONDS_HIGH = -62_135_596_800, 253_402_300_799
KNOWN_SHOWN = 10

NUMBER = re.compile(r"\s*[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?\s*", re.ASCII)

Reader = Callable[[object], object]


class Refused(Exception):  # noqa: N818  # a verdict on one value, caught a few lines away
    """A value is not what its field takes.

    Args:
        got: what is there instead, by type, never by value.
        hint: what to do about it.
    """

    def __init__(self, got: str, hint: str = "") -> None:
        super().__init__(got)
        self.got = got
        self.hint = hint


def is_missing(value: object) -> bool:
    """Whether a value stands for none: None, NaN, and the NaT and NA of pandas.

    Example:
        >>> [is_missing(v) for v in (None, float("nan"), 0, "", "nan")]
        [True, True, False, False, False]
    """
    if value is None:
        return True
    if isinstance(value, float | np.floating):
        return bool(value != value)
    if isinstance(value, np.datetime64):
        return bool(np.isnat(value))
    return type(value).__name__ in ("NAType", "NaTType")


def describe(value: object) -> str:
    """What a value is, in the words of JSON where it has some.

    Example:
        >>> describe("x"), describe([1]), describe(True)
        ('text', 'a list', 'a boolean')
    """
    if value is None:
        return "null"
    if isinstance(value, bool | np.bool_):
        return "a boolean"
    if isinstance(value, int | float | np.number | Decimal):
        return "a number"
    if isinstance(value, str):
        return "text"
    if isinstance(value, list | tuple | np.ndarray):
        return "a list"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, bytes):
        return "bytes"
    return f"a value of type {type(value).__name__}"


def read_number(field: Field) -> Reader:
    """A reader of finite numbers, as float."""

    def read(value: object) -> float:
        if isinstance(value, str):
            value = _number_of_text(value, coerce=field.coerce)
        if isinstance(value, bool | np.bool_) or not isinstance(
            value, int | float | np.number | Decimal
        ):
            raise Refused(describe(value))
        try:
            number = float(value)
        except (OverflowError, TypeError):
            raise Refused("a number beyond the range of a double") from None
        if math.isinf(number):
            raise Refused("an infinite number")
        return number

    return read


def _number_of_text(text: str, *, coerce: bool) -> float | str:
    if not NUMBER.fullmatch(text):
        raise Refused("text")
    if not coerce:
        raise Refused(
            "text that holds a number",
            "Send the number without quotes, or set `coerce` for this field.",
        )
    return float(text)


def read_integer(field: Field) -> Reader:
    """A reader of whole numbers that a double holds exactly, as float."""
    number = read_number(field)

    def read(value: object) -> float:
        whole = number(value)
        if not isinstance(whole, float) or not whole.is_integer():
            raise Refused("a number with a fraction")
        if abs(whole) >= INTEGER_LIMIT:
            raise Refused(
                "an integer of 2^53 or more, which a double does not hold exactly",
                "Long numbers that only name something are better sent as text.",
            )
        return whole

    return read


def read_boolean(field: Field) -> Reader:  # noqa: ARG001  # readers share one shape
    """A reader of true and false, as 1.0 and 0.0."""

    def read(value: object) -> float:
        if not isinstance(value, bool | np.bool_):
            raise Refused(describe(value), "Send true or false, without quotes.")
        return float(value)

    return read


def family(value: object) -> str:
    """Which of JSON's scalars a value is: `text`, `a number`, `a boolean`, or else its type."""
    return describe(value)


def families(field: Field) -> frozenset[str]:
    """The scalars that a category's values are, from those seen or else from its dtype."""
    if field.categories:
        return frozenset(map(family, field.categories))
    if field.dtype == "bool":
        return frozenset({"a boolean"})
    if field.dtype.startswith(("int", "uint", "float")):
        return frozenset({"a number"})
    return frozenset({"text"})


def known_categories(field: Field) -> dict[tuple[bool, Scalar], Scalar]:
    """The categories seen, by value and by whether they are booleans: Python has True == 1."""
    return {(isinstance(value, bool), value): value for value in field.categories or ()}


def read_category(field: Field) -> Reader:
    """A reader of categories, as the value that was seen in the reference data."""
    allowed, known = families(field), known_categories(field)

    def read(value: object) -> Scalar:
        scalar = value.item() if isinstance(value, np.generic) else value
        if not isinstance(scalar, bool | int | float | str) or family(scalar) not in allowed:
            raise Refused(describe(value))
        found = known.get((isinstance(scalar, bool), scalar))
        if found is not None or not field.categories or field.unknown == "allow":
            return scalar if found is None else found
        if field.unknown == "impute":
            assert field.impute is not None
            return field.impute
        raise Refused("a category that the model has not seen", known_in_words(field))

    return read


def known_in_words(field: Field) -> str:
    """What a category may be, for whoever sent another one."""
    values = field.categories or ()
    shown = ", ".join(repr(value) for value in values[:KNOWN_SHOWN])
    more = f" and {len(values) - KNOWN_SHOWN} more" if len(values) > KNOWN_SHOWN else ""
    return f"Known are {shown}{more}; `unknown` set to allow or impute lets others in."


def read_text(field: Field) -> Reader:  # noqa: ARG001  # readers share one shape
    """A reader of text."""

    def read(value: object) -> str:
        if not isinstance(value, str):
            raise Refused(describe(value))
        return str(value)

    return read


def read_media(field: Field) -> Reader:
    """A reader of pictures or sound: bytes, or base64 of them, as bytes."""

    def read(value: object) -> bytes:
        if isinstance(value, str):
            try:
                value = base64.b64decode(value, validate=True)
            except (binascii.Error, ValueError):
                raise Refused("text that is not base64") from None
        if not isinstance(value, bytes):
            raise Refused(describe(value))
        if media_kind(value) != field.kind:
            raise Refused("bytes of another format")
        return value

    return read


def read_timestamp(field: Field) -> Reader:  # noqa: ARG001  # readers share one shape
    """A reader of times, as whole microseconds since 1970, UTC.

    ISO 8601 text, seconds since 1970, and Python's and NumPy's datetimes; a time without a zone
    is UTC.
    """

    def read(value: object) -> int:
        if isinstance(value, str):
            try:
                value = dt.datetime.fromisoformat(value)
            except ValueError:
                raise Refused("text that is not an ISO 8601 time") from None
        if isinstance(value, np.datetime64):
            return _in_range(int(value.astype("datetime64[us]").astype(np.int64)))
        if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
            value = dt.datetime.combine(value, dt.time())
        if isinstance(value, dt.datetime):
            aware = value if value.tzinfo else value.replace(tzinfo=dt.UTC)
            return _in_range((aware - EPOCH) // dt.timedelta(microseconds=1))
        if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.number):
            raise Refused(describe(value))
        return _in_range(round(min(max(float(value), -1e15), 1e15) * 1e6))

    return read


def _in_range(time_us: int) -> int:
    if not SECONDS_LOW <= time_us / 1e6 <= SECONDS_HIGH:
        raise Refused(
            "a time beyond the years 1 to 9999",
            "Numbers are seconds since 1970, not milliseconds.",
        )
    return time_us


def element(field: Field) -> np.dtype[np.generic]:
    """The type of a tensor's elements: its dtype, or object for text."""
    name = field.dtype
    return np.dtype(name if name.startswith(("int", "uint", "float", "bool")) else object)


def read_tensor(field: Field) -> Reader:
    """A reader of nested lists and arrays, as an array of the field's shape and dtype."""
    dtype = element(field)

    def read(value: object) -> npt.NDArray[np.generic]:
        if not isinstance(value, list | tuple | np.ndarray):
            raise Refused(describe(value))
        try:
            found = np.asarray(value)
        except ValueError:
            raise Refused("a list of lists of unequal lengths") from None
        if not fits_shape(found.shape, field.shape):
            raise Refused(f"a tensor of shape {shape_in_words(found.shape)}")
        if isinstance(value, list | tuple):
            _check_leaves(value, dtype)
        return cast_elements(found, dtype)

    return read


def fits_shape(shape: tuple[int, ...], declared: tuple[int, ...]) -> bool:
    """Whether a shape is as declared, where -1 stands for any length.

    Example:
        >>> fits_shape((3, 7), (3, -1)), fits_shape((3, 7), (7, -1)), fits_shape((3,), (3, -1))
        (True, False, False)
    """
    return len(shape) == len(declared) and all(
        want in (-1, have) for have, want in zip(shape, declared, strict=True)
    )


def shape_in_words(shape: tuple[int, ...]) -> str:
    """A shape as people write it: `28 x 28`, with `any` for -1."""
    return " x ".join("any" if n == -1 else str(n) for n in shape) or "a single value"


def cast_elements(found: npt.NDArray[Any], dtype: np.dtype[np.generic]) -> npt.NDArray[np.generic]:
    """Change an array's element type where nothing but precision is lost.

    Raises:
        Refused: an element is of another type, not finite, or out of the type's range.
    """
    kind = {"O": "OU", "b": "b"}.get(dtype.kind, "iuf")
    if found.size and found.dtype.kind not in kind:
        raise Refused("a list with elements of another type")
    if dtype.kind in "iu":
        limits = np.iinfo(dtype.name)
        whole = bool(np.all(found == np.rint(found)))
        if not whole or np.any(found < limits.min) or np.any(found > limits.max):
            raise Refused(f"elements that {dtype.name} does not hold")
    with np.errstate(over="ignore"):
        converted = found.astype(dtype)
    if dtype.kind == "f" and not np.isfinite(converted).all():
        raise Refused(f"elements that are missing or beyond the range of {dtype.name}")
    return converted


def _check_leaves(value: object, dtype: np.dtype[np.generic]) -> None:
    """Refuse booleans among numbers and the like, which NumPy would quietly turn into one type."""
    if isinstance(value, list | tuple):
        for item in value:
            _check_leaves(item, dtype)
        return
    want = {"O": "text", "b": "a boolean"}.get(dtype.kind, "a number")
    if not isinstance(value, np.ndarray) and describe(value) != want:
        raise Refused("a list with elements of another type")
