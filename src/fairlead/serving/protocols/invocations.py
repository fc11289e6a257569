"""The bodies of `/invocations`, as MLflow's and SageMaker's callers send them.

    {"dataframe_split": {"columns": ["age", "plan"], "data": [[42, "pro"]]}}
    {"dataframe_records": [{"age": 42, "plan": "pro"}]}
    {"instances": [{"age": 42, "plan": "pro"}]}
    {"inputs": {"age": [42], "plan": ["pro"]}}

    {"predictions": ["stayed"]}

Tables are taken too, CSV also without a line of names and with rows by position, as SageMaker's
algorithms take them; who accepts `text/csv` gets one line for each row.

Columns that are no fields of the model are left aside, as MLflow does, and so are `params`: no
model here takes any. A body of our own, `{"rows": [...]}`, is read and answered as on the native
path.
"""

from __future__ import annotations

import types
from dataclasses import replace
from functools import partial
from typing import Any

import msgspec
import numpy as np
from msgspec import UNSET

from fairlead.errors import InputError, MediaTypeError, NotFoundError
from fairlead.nearest import nearest
from fairlead.serving.dataplane import Endpoint
from fairlead.serving.front import Front, Read, Reading
from fairlead.serving.message import Request, Response, json_response
from fairlead.serving.negotiate import media_type, preferred
from fairlead.serving.protocols import envelope
from fairlead.serving.protocols.answers import columns_of, records_of
from fairlead.serving.protocols.instances import rows_of_inputs, rows_of_instances
from fairlead.serving.protocols.lenient import decode_lenient, parse_lenient
from fairlead.serving.protocols.lines import with_names, without_names
from fairlead.serving.protocols.native import JSON_TYPE, JSON_TYPES
from fairlead.serving.protocols.tables import TABLE_TYPES, read_table
from fairlead.serving.tables.types import CSV, PARQUET
from fairlead.serving.types import Answer
from fairlead.signature import Batch, RowDecoder, Signature

FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")
OURS = (*envelope.FORMS, *envelope.WHOSE)
KEYS = (*FORMS, "params", *OURS)
HINT = 'Send {"dataframe_records": [{"<field>": <value>, ...}, ...]}.'
TYPES_HINT = f"Send {JSON_TYPE}, {CSV} or {PARQUET}."
NAMES_SHOWN = 5
NAME_SHOWN = 80

NO_ROWS = Batch(0, (), np.empty((0, 0)), {})


class Invocations:
    """Reads what comes to paths of `/invocations`.

    Args:
        front: knows the endpoints.
        native: reads bodies of our own.
        default: the endpoint that paths without a name mean; empty for the only one there is.
    """

    def __init__(self, front: Front, native: Read, default: str) -> None:
        self._front = front
        self._native = native
        self._default = default
        self._envelopes: dict[str, _Envelope] = {}

    def endpoint_name(self) -> str:
        """The endpoint that paths without a name mean.

        Raises:
            NotFoundError: there is none, or there are several and no setting names one.
        """
        if self._default:
            return self._default
        names = {*self._front.plane.endpoints, *self._front.plane.loading}
        if len(names) == 1:
            return names.pop()
        if not names:
            raise NotFoundError("There is no endpoint yet.", hint="Deploy a model first.")
        raise NotFoundError(
            f"This path names no endpoint, and there are {len(names)}.",
            hint="Name one as 'default_endpoint' in [server] of fairlead.toml, or ask a path "
            "with its name in it: /endpoints/<name>/invocations.",
        )

    def is_slow(self, request: Request) -> bool:
        """Whether a body is one of those that are read beside the loop."""
        return media_type(request.headers.get(b"content-type")) in TABLE_TYPES

    def read(self, endpoint: Endpoint, request: Request) -> Reading:
        """Read a body.

        Raises:
            MediaTypeError: it is of a form that is not taken.
            InputError: it cannot be read; says why.
        """
        header = request.headers.get(b"content-type", b"")
        check_charset(header)
        kind = media_type(header)
        if kind in TABLE_TYPES:
            batch: Batch | None = self._read_table(endpoint, kind, request.body)
        elif kind in JSON_TYPES:
            batch = self._envelope(endpoint).decode(request.body)
        else:
            raise MediaTypeError("The body is not of a type that is taken.", hint=TYPES_HINT)
        if batch is None:
            return self._native(endpoint, request)
        wanted = preferred(request.headers.get(b"accept"), (JSON_TYPE, CSV), JSON_TYPE)
        return Reading(batch, partial(write, endpoint.route.signature, wanted))

    def _envelope(self, endpoint: Endpoint) -> _Envelope:
        name = endpoint.route.endpoint
        found = self._envelopes.get(name)
        if found is None or found.strict is not endpoint.decoder:
            found = self._envelopes[name] = _Envelope(endpoint.decoder)
        return found

    def _read_table(self, endpoint: Endpoint, kind: str, body: bytes) -> Batch:
        signature = msgspec.structs.replace(endpoint.route.signature, extra="ignore")
        table = with_names(signature, body) if TABLE_TYPES[kind] == CSV else body
        if table is None:
            return NO_ROWS
        route = msgspec.structs.replace(endpoint.route, signature=signature)
        patient = replace(endpoint, route=route)
        return read_table(patient, kind, table, rows_max=self._front.rows_max)


def check_charset(header: bytes) -> None:
    """See that a Content-Type says UTF-8, if it says anything of that.

    Raises:
        MediaTypeError: it says something else.
    """
    for parameter in header.decode("latin-1").lower().split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip(' "') not in ("utf-8", "utf8"):
            raise MediaTypeError("The body is not in UTF-8.", hint="Encode it as UTF-8.")


def write(signature: Signature, kind: str, answer: Answer) -> Response:
    """What MLflow's models answer: a classifier its labels, a regressor its numbers.

    Several outputs of other models are objects by name; in CSV, cells of a line.

    Args:
        signature: of the endpoint.
        kind: of the reply, JSON or CSV.
        answer: of the data plane.
    """
    columns = columns_of(answer, signature)
    if signature.task == "classification" and "label" in columns:
        columns = {"label": columns["label"]}
    rows = next(iter(columns.values())) if len(columns) == 1 else records_of(columns)
    if kind == JSON_TYPE:
        return json_response({"predictions": rows})
    lines = (list(row.values()) if isinstance(row, dict) else row for row in rows)
    return Response(200, without_names(lines), CSV.encode())


class _Envelope:
    """Decodes one endpoint's bodies.

    Args:
        strict: decoder of the endpoint's rows.
    """

    def __init__(self, strict: RowDecoder) -> None:
        self.strict = strict
        self._rows = RowDecoder(msgspec.structs.replace(strict.signature, extra="ignore"))
        self._fields = [field.name for field in strict.signature.inputs]
        rows: Any = types.GenericAlias(list, (self._rows.row_type,))
        split = msgspec.defstruct(
            "Split",
            [("data", rows), ("columns", list[str | int] | None, None), ("index", Any, None)],
            forbid_unknown_fields=True,
            gc=False,
        )
        kinds = {"dataframe_split": split, "inputs": Any, "params": dict}
        kinds |= dict.fromkeys(OURS, msgspec.Raw)
        body = msgspec.defstruct(
            "Invocation",
            [(key, kinds.get(key, rows) | msgspec.UnsetType, UNSET) for key in KEYS],
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
        if form == "inputs":
            return self._recover(rows_of_inputs(self.strict.signature, rows))
        if form == "dataframe_split":
            if rows.columns != self._fields and not _is_unnamed(rows.columns, self._fields):
                return self._exactly(body)
            rows = rows.data
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
        return None if form is None else self._recover(self._as_rows(form, value[form]))

    def _as_rows(self, form: str, value: object) -> list[Any]:
        if form == "dataframe_split":
            return _rows_of_split(value, self._fields)
        if form == "inputs":
            return rows_of_inputs(self.strict.signature, value)
        return rows_of_instances(self.strict.signature, value)

    def _recover(self, rows: list[Any]) -> Batch:
        if not rows:
            return NO_ROWS
        try:
            return self._rows.recover(rows)
        except InputError as error:
            named = dict.fromkeys(k for row in rows if isinstance(row, dict) for k in row)
            aside = [name for name in named if name not in self._fields]
            hint = f"{error.hint} {_left_aside(aside, self._fields)}".strip()
            raise InputError(error.message, error.problems, hint=hint) from None


def _form(given: set[str]) -> str | None:
    """The one key that says in which form the rows are; None if the body is one of our own."""
    forms = given.intersection(FORMS)
    if len(forms) == 1 and not given.intersection(OURS):
        return forms.pop()
    if not forms and "rows" in given:
        return None
    raise InputError(f"The body must have exactly one of {', '.join(map(repr, FORMS))}.", hint=HINT)


def _refuse_key(key: str) -> None:
    close = nearest(key, KEYS)
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


def _left_aside(names: list[str], fields: list[str]) -> str:
    if not names:
        return ""
    shown = []
    for name in names[:NAMES_SHOWN]:
        close = nearest(name, fields)
        shown.append(f"'{name[:NAME_SHOWN]}'" + (f" (did you mean '{close}'?)" if close else ""))
    return f"Left aside, since they are no fields of the model: {', '.join(shown)}."
