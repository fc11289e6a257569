"""Rows from dictionaries, lists and frames as JSON, and answers as a frame again.

pandas and Polars are recognised by their types' names, and imported only once one was given.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from fairlead.errors import InputError, Problem

FORMS = "a dictionary, a list of dictionaries, or a pandas or Polars DataFrame"
FIRST_COLUMNS = ("id", "version", "arm")

_PLAIN = frozenset({str, int, bool})


def library_of(data: object) -> str | None:
    """Whose DataFrame something is: `pandas`, `polars`, or None if it is none."""
    for kind in type(data).__mro__:
        library = kind.__module__.partition(".")[0]
        if kind.__name__ == "DataFrame" and library in ("pandas", "polars"):
            return library
    return None


def records(data: Any) -> list[object]:
    """Rows one by one: dictionaries, or lists of values from an array.

    Raises:
        InputError: these are no rows.
    """
    library = library_of(data)
    if library is not None:
        names = [str(name) for name in data.columns]
        if len(set(names)) < len(names):
            raise InputError("Two columns have the same name.", hint="Rename one of them.")
        return list(data.to_dicts() if library == "polars" else data.to_dict("records"))
    if type(data).__module__ == "numpy" and getattr(data, "ndim", None):
        values = data.tolist()
        return values if data.ndim == 2 else [[value] for value in values]
    if isinstance(data, Sequence) and not isinstance(data, str | bytes | bytearray):
        return list(data)
    raise InputError(f"Rows of type {type(data).__name__} cannot be sent.", hint=f"Give {FORMS}.")


def encode_row(row: object, number: int) -> bytes:
    """One row as JSON; values that are missing are left out.

    Raises:
        InputError: a value has no form in JSON; names the row and the field.
    """
    if isinstance(row, Mapping):
        pairs = [(str(name), value) for name, value in row.items()]
    elif isinstance(row, list | tuple):
        pairs = [(str(place), value) for place, value in enumerate(row)]
    else:
        problem = Problem("is not a dictionary", row=number, expected="an object of fields")
        raise InputError(f"Row {number} is of type {type(row).__name__}.", (problem,),
                         hint=f"Give {FORMS}.")  # fmt: skip
    try:
        if isinstance(row, Mapping):
            return msgspec.json.encode(
                {name: plain(value) for name, value in pairs if not is_missing(value)}
            )
        return msgspec.json.encode(
            [None if is_missing(value) else plain(value) for _, value in pairs]
        )
    except _UNSENDABLE:
        raise _unsendable(pairs, number) from None


_UNSENDABLE = (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError)


def _unsendable(pairs: Iterable[tuple[str, object]], number: int) -> InputError:
    """Say which value it is that cannot be written."""
    expected = "a finite number, a boolean, text, a time, bytes or lists of these"
    for name, value in pairs:
        try:
            if not is_missing(value):
                msgspec.json.encode({name: plain(value)})
        except _UNSENDABLE:
            problem = Problem("cannot be sent", row=number, field=name, expected=expected)
            return InputError(
                f"Row {number}, field '{name}': a value of type {type(value).__name__} "
                f"cannot be sent.",
                (problem,),
                hint=f"Give {expected}.",
            )
    return InputError(f"Row {number} cannot be sent.", hint=f"Give {FORMS}.")


def is_missing(value: object) -> bool:
    """Whether a value stands for none: None, NaN, and the NaT and NA of NumPy and pandas.

    Example:
        >>> [is_missing(value) for value in (None, float("nan"), 0, "", "nan")]
        [True, True, False, False, False]
    """
    if value is None or type(value) in _PLAIN:
        return value is None
    kind = type(value)
    if isinstance(value, float) or (kind.__module__ == "numpy" and not hasattr(value, "__len__")):
        return bool(value != value)
    return kind.__name__ in ("NAType", "NaTType")


def plain(value: Any) -> Any:
    """A value as one of JSON's: times as ISO 8601, NumPy's values as Python's.

    Raises:
        ValueError: it is a number without a form in JSON.
    """
    kind = type(value)
    if kind in _PLAIN or kind is bytes:
        return value
    if isinstance(value, float | Decimal):
        if math.isinf(value):
            raise ValueError
        return float(value)
    if isinstance(value, dt.datetime):
        return value.isoformat(timespec="microseconds")
    if isinstance(value, dt.date):
        return dt.datetime.combine(value, dt.time()).isoformat()
    if isinstance(value, str):
        return str(value)
    if isinstance(value, list | tuple):
        return [None if is_missing(item) else plain(item) for item in value]
    if kind.__module__ == "numpy" and hasattr(value, "tolist"):
        return str(value) if kind.__name__ == "datetime64" else plain(value.tolist())
    if type(value).__name__ == "Series" and hasattr(value, "to_list"):
        return plain(value.to_list())
    return value


def answer_frame(asked: Any, answers: Sequence[Mapping[str, Any]]) -> Any:
    """Answers as a frame of the library that the rows came in, in the order of the rows.

    Args:
        asked: the frame that was sent; one of pandas keeps its index.
        answers: one for each of its rows.

    Returns:
        Columns `id`, `version`, `arm`, then the outputs. Outputs with named elements, such as
        probabilities, are lists in the order of the first answer's names.
    """
    names = dict.fromkeys((*FIRST_COLUMNS, *(name for answer in answers for name in answer)))
    columns = {name: _column([answer.get(name) for answer in answers]) for name in names}
    if library_of(asked) == "pandas":
        import pandas as pd

        return pd.DataFrame(columns, index=asked.index)
    import polars as pl

    return pl.DataFrame(columns, strict=False, infer_schema_length=None)


def _column(values: list[Any]) -> list[Any]:
    """Objects by name as lists, in one order for all rows."""
    names = dict.fromkeys(name for value in values for name in _names(value))
    return [_listed(value, tuple(names)) for value in values] if names else values


def _names(value: Any) -> Iterable[str]:
    if isinstance(value, list):
        return [name for item in value for name in _names(item)]
    return value if isinstance(value, dict) else ()


def _listed(value: Any, names: tuple[str, ...]) -> Any:
    if isinstance(value, list):
        return [_listed(item, names) for item in value]
    return [value.get(name) for name in names] if isinstance(value, dict) else value
