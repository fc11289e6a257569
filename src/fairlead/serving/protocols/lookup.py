"""Predictions that were made ahead, asked for by their key: GET /v1/endpoints/NAME/lookup/KEY."""

from __future__ import annotations

from functools import partial

from msgspec.structs import replace

from fairlead.errors import NotFoundError
from fairlead.serving.dataplane import Endpoint
from fairlead.serving.front import Front, Reading
from fairlead.serving.lookup.predictions import PrecomputedTables
from fairlead.serving.message import Reply, Request
from fairlead.serving.protocols.native import query_of, reading_of
from fairlead.serving.refusal import native_shape
from fairlead.serving.router import Door, Names
from fairlead.signature.columns import absent


class LookupDoor:
    """Answers by keys alone, whatever the endpoint's ladder is, and tells the age.

    Args:
        front: takes what is read to the data plane.
        tables: in which is looked.
    """

    def __init__(self, front: Front, tables: PrecomputedTables) -> None:
        self._front = front
        self._tables = tables

    def doors(self) -> list[Door]:
        """Where one asks; hardly ever twice at the same path."""
        path = "/v1/endpoints/{name}/lookup/{key}"
        return [Door("GET", path, "predict", self._look_up, repeated=False)]

    def _look_up(self, request: Request, reply: Reply, names: Names) -> None:
        read = partial(self._read, names["key"])
        self._front.predict(request, reply, names["name"], read, native_shape)

    def _read(self, key: str, endpoint: Endpoint, request: Request) -> Reading:
        route = endpoint.route
        found = self._tables.look_up(route.endpoint, [key], [True])
        if found.failed is not None:
            raise found.failed
        if found.rows[0] is None:
            raise NotFoundError(
                "No prediction was made ahead for this key.",
                hint="Ask the model with its fields: POST /v1/endpoints/NAME/predict; or "
                "precompute a table that has it.",
            )
        batch = absent(route.signature.inputs, 1)
        return replace(
            reading_of(request, batch, query_of(request)), keys=replace(found, alone=True)
        )
