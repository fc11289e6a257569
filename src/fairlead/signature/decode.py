"""The hot path of native JSON: bytes to typed rows, and rows to a batch, with few objects made.

A Struct made from the signature lets msgspec check types while it parses; `gather` turns the
rows over into columns at once and checks what types cannot say. Whatever is refused on the way
is read again by the slow, exact path, which either accepts it after all (3.0 for an integer) or
says all that is wrong. Where a key comes twice, its last value counts.
"""

from __future__ import annotations

import struct
import types
from collections.abc import Callable, Sequence
from itertools import starmap
from operator import itemgetter
from typing import Any, cast

import msgspec
import numpy as np
from msgspec.structs import astuple

from fairlead.signature.columns import imputed, pack
from fairlead.signature.kinds import RULES
from fairlead.signature.parse import UNREADABLE, parse_json
from fairlead.signature.read import (
    INTEGER_LIMIT,
    Refused,
    cast_elements,
    element,
    families,
    fits_shape,
)
from fairlead.signature.records import from_records
from fairlead.signature.types import NUMERIC, Batch, Column, Field, Numbers, Signature

Gather = Callable[[list[Any]], Column]


class RowDecoder:
    """Decodes the rows of requests to one signature.

    Args:
        signature: what the rows must fit.

    Attributes:
        row_type: the type of one row for msgspec, to be used inside the type of a request's
            envelope: `list[decoder.row_type]`.

    Example:
        >>> from fairlead.signature import Field
        >>> fields = (Field(name="age", kind="number"), Field(name="plan", kind="text"))
        >>> decoder = RowDecoder(Signature(inputs=fields, outputs=()))
        >>> batch = decoder.decode(b'[{"plan": "pro", "age": 42}, [7, "free"]]')
        >>> batch.numbers.tolist(), batch.columns["plan"].tolist()
        ([[42.0], [7.0]], ['pro', 'free'])
    """

    def __init__(self, signature: Signature) -> None:
        self.signature = signature
        row_type = _row_type(signature)
        self.row_type: Any = row_type
        self._decoder: msgspec.json.Decoder[list[Any]] = msgspec.json.Decoder(
            types.GenericAlias(list, (row_type,))
        )
        fields = list(enumerate(signature.inputs))
        self._numeric = tuple(field.name for field in signature.numeric)
        self._pick = _picker(signature)
        self._pack = struct.Struct(f"{len(self._numeric)}d").pack
        self._texts = [
            (place, RULES[field.kind].reader(field))
            for place, field in fields
            if field.kind in NUMERIC and field.coerce
        ]
        self._others = [
            (place, field.name, gatherer(field))
            for place, field in fields
            if field.kind not in NUMERIC
        ]
        self._settle = settler(signature)

    def decode(self, raw: bytes) -> Batch:
        """Read a JSON list of rows.

        Raises:
            InputError: it is not JSON, not a list, or rows do not fit; names each row and field.
        """
        try:
            rows = self._decoder.decode(raw)
        except UNREADABLE:
            return self.recover(parse_json(raw))
        return self.gather(rows)

    def gather(self, rows: Sequence[Any]) -> Batch:
        """Turn rows that msgspec decoded as `row_type` over into columns.

        Raises:
            InputError: there is no row, or values do not fit.
        """
        try:
            return self._gather(_tuples(rows))
        except (Refused, LookupError, TypeError, ValueError):
            return self.recover([_plain(self.signature, row) for row in rows])

    def recover(self, rows: object) -> Batch:
        """Read rows that were refused on the fast path again, exactly.

        Args:
            rows: the rows as plain Python objects, as `parse_json` gives them.

        Raises:
            InputError: with all that is wrong.
        """
        return from_records(self.signature, rows)

    def _gather(self, rows: list[tuple[Any, ...]]) -> Batch:
        if not rows:
            raise Refused("no rows")
        columns: dict[str, Column] = {}
        for place, name, gather in self._others:
            columns[name] = gather([row[place] for row in rows])
        picked = self._read_texts(rows) if self._texts else rows
        if self._pick is not None:
            picked = [self._pick(row) for row in picked]
        numbers = self._matrix(picked)
        self._settle(numbers)
        return Batch(len(rows), self._numeric, numbers, columns)

    def _matrix(self, rows: Sequence[tuple[Any, ...]]) -> Numbers:
        """All numbers; packing takes a fifth of what NumPy takes, but knows no missing values."""
        try:
            packed = bytearray().join(starmap(self._pack, rows))
        except struct.error:
            return np.array(rows, dtype=np.float64)
        return np.ndarray((len(rows), len(self._numeric)), np.float64, packed)

    def _read_texts(self, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """Rows with numbers in place of texts that hold them."""
        out = []
        for row in rows:
            values = list(row)
            for place, read in self._texts:
                if type(values[place]) is str:
                    values[place] = read(values[place])
            out.append(tuple(values))
        return out


def _row_type(signature: Signature) -> Any:
    """A Struct for rows by name, or a tuple for rows by position.

    Any, and with it the slow path, where a name cannot be a key of a Struct.
    """
    kinds = value_types(signature)
    by_name = struct_type("Row", signature, kinds)
    return Any if by_name is Any else by_name | types.GenericAlias(tuple, tuple(kinds))


def value_types(signature: Signature) -> list[Any]:
    """The type of each field's value for msgspec."""
    found = []
    for field in signature.inputs:
        kind = RULES[field.kind].annotation(field)
        found.append(kind if field.missing == "error" else kind | None)
    return found


def struct_type(name: str, signature: Signature, kinds: Sequence[Any]) -> Any:
    """A Struct with a field `f<place>` of each type for each of the signature's, by their names.

    Any where a name cannot be a key of one.
    """
    try:
        return msgspec.defstruct(
            name,
            [
                (f"f{place}", kind, *(() if field.missing == "error" else (None,)))
                for place, (field, kind) in enumerate(zip(signature.inputs, kinds, strict=True))
            ],
            rename={f"f{place}": field.name for place, field in enumerate(signature.inputs)},
            kw_only=True,
            gc=False,
            forbid_unknown_fields=signature.extra == "error",
        )
    except ValueError:
        return Any


def _tuples(rows: Sequence[Any]) -> list[tuple[Any, ...]]:
    """The values of rows by position; rows by name, as most are, without asking each."""
    try:
        return list(map(astuple, rows))
    except TypeError:
        return [row if type(row) is tuple else astuple(row) for row in rows]


def _plain(signature: Signature, row: Any) -> object:
    if isinstance(row, msgspec.Struct):
        names = (field.name for field in signature.inputs)
        return dict(zip(names, astuple(row), strict=True))
    return row


def _picker(signature: Signature) -> Callable[[tuple[Any, ...]], tuple[Any, ...]] | None:
    """What takes the numeric values out of a row; None where all of them are."""
    places = [i for i, field in enumerate(signature.inputs) if field.kind in NUMERIC]
    if len(places) == len(signature.inputs):
        return None
    if len(places) > 1:
        return itemgetter(*places)
    return lambda row: tuple(row[place] for place in places)


def settler(signature: Signature) -> Callable[[Numbers], None]:
    """What checks the integers of a matrix, and puts in what stands for missing values."""
    integers = [i for i, f in enumerate(signature.numeric) if f.kind == "integer"]
    instead = [
        (i, cast(float, imputed(f)))
        for i, f in enumerate(signature.numeric)
        if f.missing == "impute"
    ]

    def settle(numbers: Numbers) -> None:
        if integers:
            _check_integers(numbers[:, integers])
        for place, value in instead:
            column = numbers[:, place]
            column[np.isnan(column)] = value

    return settle


def _check_integers(numbers: Numbers) -> None:
    """Missing values pass: no comparison holds for NaN."""
    if (np.abs(numbers - np.rint(numbers)) > 0).any():
        raise Refused("a number with a fraction")
    if (np.abs(numbers) >= INTEGER_LIMIT).any():
        raise Refused("an integer too large to be exact")


def gatherer(field: Field) -> Gather:
    """What makes a column of one field's decoded values, or refuses them."""
    if field.kind == "tensor":
        return _tensor_gatherer(field)
    read = _value_reader(field)
    instead = imputed(field) if field.missing == "impute" else None
    blank = np.iinfo(np.int64).min if field.kind == "timestamp" and instead is None else instead

    def gather(values: list[Any]) -> Column:
        if read is not None:
            values = [blank if value is None else read(value) for value in values]
        elif blank is not None:
            values = [blank if value is None else value for value in values]
        return pack(field, values)

    return gather


def _value_reader(field: Field) -> Callable[[Any], Any] | None:
    """What checks a decoded value further; None where nothing is left to check."""
    if field.kind == "text":
        return None
    if field.kind != "category":
        return RULES[field.kind].reader(field)
    kinds = families(field)
    if not field.categories or (kinds == {"text"} and field.unknown in ("error", "allow")):
        return None
    if {"a boolean", "a number"} <= kinds:
        return RULES["category"].reader(field)
    known = {value: value for value in field.categories}
    if field.unknown == "error":
        return lambda value: known[value]
    if field.unknown == "allow":
        return lambda value: known.get(value, value)
    return lambda value: known.get(value, field.impute)


def _tensor_gatherer(field: Field) -> Gather:
    dtype = element(field)
    decoded = dtype if dtype.kind in "Ob" else np.dtype(np.float64)

    def gather(values: list[Any]) -> Column:
        found = np.array(values, dtype=decoded)
        if not fits_shape(found.shape[1:], field.shape):
            raise Refused("a tensor of another shape")
        return cast_elements(found, dtype)

    return gather
