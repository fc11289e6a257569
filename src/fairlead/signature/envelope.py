"""The native JSON bodies: rows, columns, or one record, with whose they are.

    {"rows": [{"age": 42, "plan": "pro"}], "unit": "user-7", "id": "order-1"}
    {"columns": {"age": [42], "plan": ["pro"]}, "unit": ["user-7"], "id": ["order-1"]}
    {"age": 42, "plan": "pro", "unit": "user-7", "id": "order-1"}

`unit` and `id` are one text for all rows, or a list with one text or null for each. Beside rows or
columns a text `arm` names the arm that shall answer, for those who operate the endpoint. A body
with a key `rows` or `columns` is never one record, whatever the fields' names are; in one record
`unit` and `id` are fields if the model has fields of these names, and `arm` can be nothing else.
Of a JSON key that stands twice the last counts.
"""

from __future__ import annotations

import types
from collections.abc import Iterable
from itertools import islice
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from fairlead.errors import InputError
from fairlead.nearest import nearest
from fairlead.signature import UNREADABLE, Batch, ColumnDecoder, RowDecoder, Signature, parse_json
from fairlead.signature.kinds import RULES

FORMS = ("rows", "columns")
WHOSE = ("unit", "id")
ARM = "arm"
TEXT_LENGTH_MAX = 256
KEYS_COMPARED_MAX = 50

Texts = str | list[str | None] | None
Decoded = tuple[Batch, Texts, Texts, str]


class Envelope:
    """Decodes one endpoint's bodies, rows and all in one go.

    Args:
        rows: decoder of the endpoint's rows.
        rows_max: of one request.
    """

    def __init__(self, rows: RowDecoder, rows_max: int) -> None:
        self.rows = rows
        self.rows_max = rows_max
        self._columns = ColumnDecoder(rows.signature)
        self.inputs = rows.signature.inputs
        self._fields = tuple(field.name for field in self.inputs)
        body = msgspec.defstruct(
            "Predict",
            [
                ("rows", types.GenericAlias(list, (rows.row_type,)) | UnsetType, UNSET),
                ("columns", self._columns.columns_type | UnsetType, UNSET),
                ("unit", Texts, None),
                ("id", Texts, None),
                (ARM, str, ""),
            ],
            forbid_unknown_fields=True,
            gc=False,
        )
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(body)
        record = _record_type(rows.signature)
        self._record: msgspec.json.Decoder[Any] | None = record and msgspec.json.Decoder(record)

    def decode(self, body: bytes) -> Decoded:
        """The rows of a body, its `unit`, its `id`, and the `arm` that it names or an empty text.

        Raises:
            InputError: it is no such body, or rows do not fit; names each row and field.
        """
        decoded = self.decode_plain(body)
        return self.decode_exactly(body) if decoded is None else decoded

    def refuses(self, name: str) -> bool:
        """Whether no row may have a field of this name."""
        return self.rows.signature.extra == "error" and name not in self._fields

    def decode_plain(self, body: bytes) -> Decoded | None:
        """The same in one go; None if it has to be read again, to say what is wrong with it."""
        try:
            decoded = self._decoder.decode(body)
        except UNREADABLE:
            return self._decode_record(body)
        if decoded.columns is UNSET and decoded.rows is not UNSET:
            check_rows(len(decoded.rows), self.rows_max)
            return self.rows.gather(decoded.rows), decoded.unit, decoded.id, decoded.arm
        if decoded.rows is UNSET and decoded.columns is not UNSET:
            batch = self._columns.gather(decoded.columns)
            return batch, decoded.unit, decoded.id, decoded.arm
        return self._decode_record(body)

    def decode_exactly(self, body: bytes) -> Decoded:
        """The same of a body that was refused in one go."""
        return self.decode_value(parse_json(body))

    def _decode_record(self, body: bytes) -> Decoded | None:
        if self._record is None:
            return None
        try:
            decoded = self._record.decode(body)
        except UNREADABLE:
            return None
        if decoded.rows is not UNSET or decoded.columns is not UNSET:
            return None
        row = tuple([getattr(decoded, f"f{place}") for place in range(len(self._fields))])
        unit, caller_id = (getattr(decoded, f"whose_{key}", None) for key in WHOSE)
        return self.rows.gather([row]), unit, caller_id, ""

    def _read_rows(self, rows: object) -> Batch:
        return self.rows.recover(rows)

    def decode_value(self, value: object) -> Decoded:
        """The same of a body that was parsed, exactly.

        Raises:
            InputError: as of `decode`.
        """
        if isinstance(value, dict) and not value.keys() & set(FORMS):
            if value.keys() & set(self._fields):
                whose = {key: value.pop(key, None) for key in WHOSE if key not in self._fields}
                unit, caller_id = (_texts(whose.get(key), key) for key in WHOSE)
                return self._read_rows([value]), unit, caller_id, ""
            raise _formless(value)
        if not isinstance(value, dict):
            raise _formless(())
        _check_keys(value)
        unit, caller_id, arm = self.whose(value)
        if "rows" in value:
            check_rows(_length(value["rows"]), self.rows_max)
            return self._read_rows(value["rows"]), unit, caller_id, arm
        columns = value["columns"]
        if isinstance(columns, dict):
            check_rows(max(map(_length, columns.values()), default=0), self.rows_max)
        return self._columns.recover(columns), unit, caller_id, arm

    def whose(self, value: dict[str, Any]) -> tuple[Texts, Texts, str]:
        """What a body says of `unit`, `id` and `arm`.

        Raises:
            InputError: it says nothing that can be.
        """
        unit, caller_id = (_texts(value.get(key), key) for key in WHOSE)
        arm = value.get(ARM, "")
        if not isinstance(arm, str):
            raise InputError("'arm' must be a text: the name of the arm that shall answer.")
        return unit, caller_id, arm


def check_rows(rows: int, rows_max: int) -> None:
    """Refuse a request with too many rows; best before they are looked at one by one.

    Raises:
        InputError: there are more than are taken.
    """
    if rows > rows_max:
        raise InputError(
            f"The request has more than {rows_max} rows, the most that are taken at once.",
            hint="Send several requests.",
        )


def _length(value: object) -> int:
    return len(value) if isinstance(value, list) else 0


def each(texts: Texts, rows: int, key: str) -> list[str | None] | None:
    """One text for each row.

    Raises:
        InputError: there is another number of them, or one is too long.
    """
    if texts is None:
        return None
    if isinstance(texts, str):
        texts = [texts] * rows
    if len(texts) != rows:
        raise InputError(f"'{key}' has {len(texts)} entries for {rows} rows.")
    if any(text is not None and len(text) > TEXT_LENGTH_MAX for text in texts):
        raise InputError(f"'{key}' is longer than {TEXT_LENGTH_MAX} characters.")
    return texts


def _record_type(signature: Signature) -> Any:
    """A Struct of one record and whose it is; None where names of its fields would be unclear."""
    names = [field.name for field in signature.inputs]
    if set(names) & set(FORMS):
        return None
    fields: list[Any] = [(key, Any, UNSET) for key in FORMS]
    renamed: dict[str, str] = {}
    for key in WHOSE:
        if key not in names:
            fields.append((f"whose_{key}", Texts, None))
            renamed[f"whose_{key}"] = key
    for place, field in enumerate(signature.inputs):
        kind = RULES[field.kind].annotation(field)
        default = () if field.missing == "error" else (None,)
        fields.append((f"f{place}", kind if not default else kind | None, *default))
        renamed[f"f{place}"] = field.name
    try:
        return msgspec.defstruct(
            "Record",
            fields,
            rename=renamed,
            kw_only=True,
            gc=False,
            forbid_unknown_fields=signature.extra == "error",
        )
    except ValueError:
        return None


def _formless(keys: Iterable[str]) -> InputError:
    close = next(
        filter(None, (nearest(key, FORMS) for key in islice(keys, KEYS_COMPARED_MAX))), None
    )
    return InputError(
        "The body is not an object with a key 'rows' or 'columns', nor one record of the model's "
        "fields.",
        hint=f"Did you mean '{close}'?"
        if close
        else 'Send {"rows": [{"<field>": <value>, ...}, ...]}.',
    )


def _check_keys(value: dict[str, object]) -> None:
    if all(key in value for key in FORMS):
        raise InputError("The body has both 'rows' and 'columns'.", hint="Send one of them.")
    for key in value:
        if key not in (*FORMS, *WHOSE, ARM):
            close = nearest(key, (*FORMS, *WHOSE, ARM))
            raise InputError(
                "The body has a key beside 'rows', 'columns', 'unit', 'id' and 'arm'.",
                hint=f"Did you mean '{close}'?" if close else "Fields belong into the rows.",
            )


def _texts(value: object, key: str) -> Texts:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list) and all(text is None or isinstance(text, str) for text in value):
        return value
    raise InputError(f"'{key}' must be a text, or a list with a text or null for each row.")
