"""Labels of different types brought to one, where that loses nothing.

A label column read from CSV says "1" or 1.0 where the model's class is 1. Compared as they are,
all of them would silently be wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fairlead.errors import ConfigError

NUMBER_MAX = 1e60
"""Numbers of feedback from here on count as none: the fourth powers of many are still finite."""

Places = npt.NDArray[np.intp]
Reader = Callable[[object], Hashable | None]

SHOWN = 5
TEXT_MAX = 30


@dataclass(frozen=True, slots=True)
class Coded:
    """Labels as numbers that mean the same in the truth and in every model's answers.

    Args:
        truth: shape (rows,); the first model's classes are 0, 1, … in their order.
        predicted: for each model, shape (rows,).
        places: for each model and code, which of its classes that is; -1 for none.
        unknown: labels in the truth that the first model does not know, and their rows.
    """

    truth: Places
    predicted: tuple[Places, ...]
    places: tuple[Places, ...]
    unknown: dict[str, int]


def encode_labels(
    truth: Sequence[object],
    predicted: Sequence[Sequence[object]],
    classes: Sequence[Sequence[object]],
) -> Coded:
    """Give every label a code, after reading all as one type.

    Args:
        truth: true labels, none missing, as plain Python values.
        predicted: for each model, its answers.
        classes: for each model, the classes it knows, in its order.

    Returns:
        Codes; an answer that cannot be read is never right.

    Raises:
        ConfigError: no reading loses nothing, or the first model knows none of the labels.

    Example:
        >>> encode_labels(["1", "0"], [[1, 1]], [[0, 1]]).truth.tolist()
        [1, 0]
    """
    read = _reader(set(truth), classes)
    codes: dict[Hashable, int] = {}
    for label in (*(c for known in classes for c in known), *truth):
        codes.setdefault(read(label), len(codes))
    true = np.array([codes[read(label)] for label in truth], dtype=np.intp)
    answered = tuple(
        np.array([codes.setdefault(read(a), len(codes)) for a in answers], dtype=np.intp)
        for answers in predicted
    )
    places = tuple(_places(known, read, codes) for known in classes)
    return Coded(true, answered, places, _unknown(truth, true, places[0]))


def places_of(labels: Iterable[object], classes: Sequence[object]) -> Places:
    """The place of each label among a model's classes, by the reading that knows most of them.

    Args:
        labels: as they came, from anyone; None where there is none.
        classes: of the model, in its order.

    Returns:
        Shape (rows,); -1 where a label is missing, unreadable or not among the classes.

    Example:
        >>> places_of(["1", "0.0", "maybe", None], [0, 1]).tolist()
        [1, 0, -1, -1]
    """
    listed = list(labels)
    found = np.full(len(listed), -1, dtype=np.intp)
    for read in READERS:
        keys = [read(label) for label in classes]
        if None in keys or len(set(keys)) < len(keys):
            continue
        table: dict[Hashable | None, int] = {key: place for place, key in enumerate(keys)}
        known = {label: table.get(read(label), -1) for label in set(listed) - {None}}
        read_so = np.array([known.get(label, -1) for label in listed], dtype=np.intp)
        if (read_so >= 0).sum() > (found >= 0).sum():
            found = read_so
    return found


def plain_values(values: npt.NDArray[Any]) -> list[Any]:
    """A column as plain Python values, None where one is missing.

    Raises:
        ConfigError: a value is neither text nor a number nor a boolean.
    """
    array = np.asarray(values)
    if np.ma.isMA(values):
        array = array.astype(object)
        array[np.ma.getmaskarray(values)] = None
    if array.dtype.kind in "mM":
        raise _not_labels(array.dtype.name)
    return [_plain(value) for value in array.tolist()]


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or type(value).__name__ in {"NAType", "NaTType"}:
        return None
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if not isinstance(value, bool | int | float | str):
        raise _not_labels(type(value).__name__)
    return value


def _not_labels(kind: str) -> ConfigError:
    return ConfigError(
        f"There are labels of type {kind}.", hint="Give text, numbers or booleans, one a row."
    )


def _text(label: object) -> str | None:
    return label if isinstance(label, str) else None


def _number(label: object) -> int | float | None:
    if isinstance(label, str):
        return _parsed(label)
    if isinstance(label, float):
        return int(label) if label.is_integer() else label
    return int(label) if isinstance(label, int) else None


def _parsed(text: str) -> int | float | None:
    """A number in text; integers exactly, however large."""
    try:
        number = float(text)
        if not math.isfinite(number) or "_" in text:
            return None
        digits = text.strip().lstrip("+-")
        if digits.isdecimal():
            return int(text)
    except ValueError:
        return None
    return int(number) if number.is_integer() else number


def _boolean(label: object) -> bool | None:
    if isinstance(label, str):
        return {"true": True, "false": False}.get(label.strip().lower())
    return label if isinstance(label, bool) else None


READERS: tuple[Reader, ...] = (_text, _number, _boolean)


def _reader(labels: set[object], classes: Sequence[Sequence[object]]) -> Reader:
    """The first reading of all labels that keeps classes apart and meets one of them."""
    for read in READERS:
        known = [[read(label) for label in each] for each in classes]
        readable = all(None not in keys and len(set(keys)) == len(keys) for keys in known)
        keys = {read(label) for label in labels}
        if readable and None not in keys and not keys.isdisjoint(known[0]):
            return read
    raise ConfigError(
        f"The labels look like {_named(labels)}; the model's classes are {_named(classes[0])}.",
        hint="Give the column of labels that the model was fitted on, in the same form.",
    )


def _named(labels: Iterable[object]) -> str:
    names = sorted(map(_shown, labels))
    rest = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + rest


def _shown(label: object) -> str:
    text = repr(label)
    return text if len(text) <= TEXT_MAX else f"{text[:TEXT_MAX]}…"


def _places(known: Sequence[object], read: Reader, codes: dict[Hashable, int]) -> Places:
    places = np.full(len(codes), -1, dtype=np.intp)
    places[[codes[read(label)] for label in known]] = np.arange(len(known))
    return places


def _unknown(truth: Sequence[object], codes: Places, places: Places) -> dict[str, int]:
    counts: dict[str, int] = {}
    for row in np.flatnonzero(places[codes] < 0).tolist():
        name = _shown(truth[row])
        counts[name] = counts.get(name, 0) + 1
    return counts
