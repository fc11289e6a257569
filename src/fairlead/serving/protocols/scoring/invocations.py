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

from dataclasses import replace
from functools import partial

import msgspec

from fairlead.errors import MediaTypeError, NotFoundError
from fairlead.serving.dataplane import Endpoint
from fairlead.serving.front import Front, Read, Reading
from fairlead.serving.message import Request, Response, json_response
from fairlead.serving.negotiate import media_type, preferred
from fairlead.serving.protocols.native import JSON_TYPE, JSON_TYPES
from fairlead.serving.protocols.scoring.answers import columns_of, records_of, with_ids
from fairlead.serving.protocols.scoring.instances import NO_ROWS
from fairlead.serving.protocols.scoring.lines import with_names, without_names
from fairlead.serving.protocols.scoring.mlflow_body import MLflowBody
from fairlead.serving.protocols.tables import TABLE_TYPES, read_table
from fairlead.serving.tables.types import CSV, PARQUET
from fairlead.serving.types import Answer
from fairlead.signature import Batch, Signature

TYPES_HINT = f"Send {JSON_TYPE}, {CSV} or {PARQUET}."


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
        self._bodies: dict[str, MLflowBody] = {}

    def about(self, _: Request) -> str:
        """The endpoint that a request without a name in its path is to; empty if that is open."""
        try:
            return self.endpoint_name()
        except NotFoundError:
            return ""

    def endpoint_name(self) -> str:
        """The endpoint that paths without a name mean.

        Raises:
            NotFoundError: there is none, or there are several and no setting names one.
        """
        if self._default:
            return self._default
        names = self._front.plane.names()
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
            batch = self._body(endpoint).decode(request.body)
        else:
            raise MediaTypeError("The body is not of a type that is taken.", hint=TYPES_HINT)
        if batch is None:
            return self._native(endpoint, request)
        wanted = preferred(request.headers.get(b"accept"), (JSON_TYPE, CSV), JSON_TYPE)
        return Reading(batch, with_ids(partial(write, endpoint.route.signature, wanted)))

    def _body(self, endpoint: Endpoint) -> MLflowBody:
        name = endpoint.route.endpoint
        found = self._bodies.get(name)
        if found is None or found.strict is not endpoint.decoder:
            found = self._bodies[name] = MLflowBody(endpoint.decoder, self._front.rows_max)
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
