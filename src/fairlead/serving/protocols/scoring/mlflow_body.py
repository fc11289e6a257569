"""MLflow's bodies of JSON, decoded at once where they are plainly right."""

from __future__ import annotations

import types
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from fairlead.errors import InputError
from fairlead.nearest import nearest
from fairlead.serving.protocols.scoring.instances import (
    NO_ROWS,
    from_inputs,
    from_instances,
    rows_in,
)
from fairlead.serving.protocols.scoring.lenient import decode_lenient, parse_lenient
from fairlead.signature import Batch, ColumnDecoder, RowDecoder, envelope
from fairlead.signature.envelope import check_rows

FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")
OURS = (*envelope.FORMS, *envelope.WHOSE)
KEYS = (*FORMS, "params", *OURS)
HINT = 'Send {"dataframe_records": [{"<field>": <value>, ...}, ...]}.'
NAMES_SHOWN = 5
NAME_SHOWN = 80


class MLflowBody:
    """Decodes one endpoint's bodies; what is no field of its model is left aside.

    Args:
        strict: decoder of the endpoint's rows.
        rows_max: of one request.
    """

    def __init__(self, strict: RowDecoder, rows_max: int) -> None:
        self.strict = strict
        self._rows_max = rows_max
        self._signature = msgspec.structs.replace(strict.signature, extra="ignore")
        self._rows = RowDecoder(self._signature)
        self._columns = ColumnDecoder(self._signature)
        self._fields = [field.name for field in strict.signature.inputs]
        rows: Any = types.GenericAlias(list, (self._rows.row_type,))
        split = msgspec.defstruct(
            "Split",
            [("data", rows), ("columns", list[str | int] | None, None), ("index", Any, None)],
            forbid_unknown_fields=True,
            gc=False,
        )
        kinds: dict[str, Any] = dict.fromkeys(OURS, msgspec.Raw)
        inputs = self._columns.columns_type | rows
        kinds |= {"dataframe_split": split, "inputs": inputs, "params": dict}
        body = msgspec.defstruct(
            "Invocation",
            [(key, kinds.get(key, rows) | UnsetType, UNSET) for key in KEYS],
            forbid_unknown_fields=True,
            gc=False,
        )
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(body)

    def decode(self, body: bytes) -> Batch | None:
        """The rows of a body; None if it is one of our own.

        Raises:
            InputError: it cannot be read.
        """
        found = decode_lenient(self._decoder.decode, body)
        if found is None:
            return self._exactly(body)
        form = _form({key for key in KEYS if getattr(found, key) is not UNSET})
        if form is None:
            return None
        rows = getattr(found, form)
        if form == "inputs" and not isinstance(rows, list):
            check_rows(rows_in(rows), self._rows_max)
            return self._columns.gather(rows) if rows_in(rows) else self._exactly(body)
        if form == "dataframe_split":
            if rows.columns != self._fields and not _is_unnamed(rows.columns, self._fields):
                return self._exactly(body)
            rows = rows.data
        check_rows(len(rows), self._rows_max)
        return self._rows.gather(rows) if rows else NO_ROWS

    def _exactly(self, body: bytes) -> Batch | None:
        """Read again what was not plainly right, to read it or say what is wrong with it."""
        value = parse_lenient(body)
        if not isinstance(value, dict):
            raise InputError("The body is not an object.", hint=HINT)
        for key in value:
            if key not in KEYS:
                _refuse_key(key)
        if not isinstance(value.get("params", {}), dict):
            raise InputError("'params' is not an object.")
        form = _form(set(value))
        if form is None:
            return None
        rows = value[form]
        if form == "dataframe_split":
            rows = _rows_of_split(rows, self._fields)
        elif form != "inputs" and not isinstance(rows, list):
            raise InputError(f"'{form}' is not a list.", hint=HINT)
        read = from_inputs if form == "inputs" else from_instances
        try:
            return read(self._signature, rows, self._rows_max)
        except InputError as error:
            hint = f"{error.hint} {_left_aside(_names(rows), self._fields)}".strip()
            raise InputError(error.message, error.problems, hint=hint) from None


def _form(given: set[str]) -> str | None:
    """The one key that says in which form the rows are; None if the body is one of our own."""
    forms = given.intersection(FORMS)
    if len(forms) == 1 and not given.intersection(OURS):
        return forms.pop()
    if not forms and given.intersection(envelope.FORMS):
        return None
    raise InputError(f"The body must have exactly one of {', '.join(map(repr, FORMS))}.", hint=HINT)


def _refuse_key(key: str) -> None:
    close = nearest(key[:NAME_SHOWN], KEYS)
    raise InputError(
        f"The body has a key beside {', '.join(map(repr, FORMS))} and 'params'.",
        hint=f"Did you mean '{close}'?" if close else HINT,
    )


def _rows_of_split(split: object, fields: list[str]) -> list[Any]:
    """Rows of a data frame in pandas' orientation `split`."""
    data = split.get("data") if isinstance(split, dict) else None
    if not isinstance(split, dict) or not isinstance(data, list):
        raise InputError(
            "'dataframe_split' is not an object with 'columns' and 'data'.",
            hint='Send {"dataframe_split": {"columns": ["<field>", ...], "data": [[...], ...]}}.',
        )
    columns = split.get("columns")
    if _is_unnamed(columns, fields):
        return data
    if not isinstance(columns, list) or len(set(map(str, columns))) < len(columns):
        raise InputError("'columns' is not a list of names, each of them once.")
    names = [str(name) for name in columns]
    for place, row in enumerate(data):
        if not isinstance(row, list) or len(row) != len(names):
            raise InputError(f"Row {place} of 'data' is not a list of {len(names)} values.")
    return [dict(zip(names, row, strict=True)) for row in data]


def _is_unnamed(columns: object, fields: list[str]) -> bool:
    """Whether columns have no names, or those that pandas gives to an array's."""
    return columns is None or (columns == list(range(len(fields))))


def _names(rows: object) -> list[str]:
    """The names that rows or columns have, of whatever form."""
    objects = [rows] if isinstance(rows, dict) else rows if isinstance(rows, list) else []
    return list(dict.fromkeys(name for row in objects if isinstance(row, dict) for name in row))


def _left_aside(names: list[str], fields: list[str]) -> str:
    """What to tell of names that are no fields, since one of them may be meant to be."""
    unknown = [name[:NAME_SHOWN] for name in names if name not in fields][:NAMES_SHOWN]
    if not unknown:
        return ""
    likely = {name: nearest(name, fields) for name in unknown}
    shown = [f"'{n}'" + (f" (did you mean '{of}'?)" if of else "") for n, of in likely.items()]
    return f"Left aside, since they are no fields of the model: {', '.join(shown)}."
