"""Fairlead's own JSON: named rows in, one answer for each row out.

    {"rows": [{"age": 42, "plan": "pro"}], "unit": "user-7", "id": "order-1"}

    {"endpoint": "churn", "revision": 3, "predictions": [
        {"id": "…", "version": "churn:1", "arm": "stable", "label": "yes", "probabilities": {…}}]}

`unit` and `id` are one text for all rows, or a list with one text or null for each. Of a JSON
key that stands twice the last counts.
"""

from __future__ import annotations

import types
from functools import lru_cache
from itertools import repeat
from typing import Any

import msgspec

from fairlead.errors import InputError
from fairlead.ids import texts
from fairlead.nearest import nearest
from fairlead.serving.dataplane import Endpoint
from fairlead.serving.front import Front, Reading
from fairlead.serving.message import Reply, Request, Response, json_response
from fairlead.serving.refusal import native_shape
from fairlead.serving.router import Door, Names
from fairlead.serving.types import Answer, Part
from fairlead.signature import UNREADABLE, Batch, Field, RowDecoder, RowEncoder, parse_json

KEYS = ("rows", "unit", "id")
TEXT_LENGTH_MAX = 256

Texts = str | list[str | None] | None


class Native:
    """Reads and writes the native bodies of all endpoints.

    Args:
        front: takes what is read to the data plane.
    """

    def __init__(self, front: Front) -> None:
        self._front = front
        self._envelopes: dict[str, _Envelope] = {}

    def doors(self) -> list[Door]:
        """Where predictions are asked for."""
        return [Door("POST", "/v1/endpoints/{name}/predict", "predict", self._predict)]

    def _predict(self, request: Request, reply: Reply, names: Names) -> None:
        self._front.predict(request, reply, names["name"], self._read, native_shape)

    def _read(self, endpoint: Endpoint, request: Request) -> Reading:
        name = endpoint.route.endpoint
        envelope = self._envelopes.get(name)
        if envelope is None or envelope.rows is not endpoint.decoder:
            envelope = self._envelopes[name] = _Envelope(endpoint.decoder)
        batch, unit, caller_id = envelope.decode(request.body)
        units, caller_ids = _each(unit, batch.rows, "unit"), _each(caller_id, batch.rows, "id")
        return Reading(batch, _write, units, caller_ids)


def _write(answer: Answer) -> Response:
    """One object for each row in the request's order."""
    first = answer.parts[0]
    if first.places is None:
        rows = _rows(first)
    else:
        rows = [{}] * answer.rows
        for part in answer.parts:
            for place, row in zip(part.places or (), _rows(part), strict=True):
                rows[place] = row
    return json_response(
        {"endpoint": answer.endpoint, "revision": answer.revision, "predictions": rows}
    )


def _rows(part: Part) -> list[Any]:
    """Answers as objects, one for each row of a part."""
    encoder, columns = part.answered.outputs.view(_view)
    start, rows = part.answered.start, len(part.ids)
    if rows < part.answered.outputs.batch.rows:
        columns = [column[start : start + rows] for column in columns]
    return encoder.rows((texts(part.ids), repeat(part.version), repeat(part.arm)), columns)


def _view(fields: tuple[Field, ...], batch: Batch) -> tuple[RowEncoder, list[list[Any]]]:
    """What all requests that ran together take their rows from."""
    encoder = _encoder(fields)
    return encoder, encoder.columns(batch)


@lru_cache(maxsize=256)
def _encoder(fields: tuple[Field, ...]) -> RowEncoder:
    return RowEncoder(("id", "version", "arm"), fields)


class _Envelope:
    """Decodes one endpoint's bodies, rows and all in one go."""

    def __init__(self, rows: RowDecoder) -> None:
        self.rows = rows
        body = msgspec.defstruct(
            "Predict",
            [
                ("rows", types.GenericAlias(list, (rows.row_type,))),
                ("unit", Texts, None),
                ("id", Texts, None),
            ],
            forbid_unknown_fields=True,
            gc=False,
        )
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(body)

    def decode(self, body: bytes) -> tuple[Batch, Texts, Texts]:
        try:
            decoded = self._decoder.decode(body)
        except UNREADABLE:
            return self._decode_exactly(body)
        return self.rows.gather(decoded.rows), decoded.unit, decoded.id

    def _decode_exactly(self, body: bytes) -> tuple[Batch, Texts, Texts]:
        """Read again what was refused, to say what is wrong with it."""
        value = parse_json(body)
        if not isinstance(value, dict) or "rows" not in value:
            raise InputError(
                "The body is not an object with a key 'rows'.",
                hint='Send {"rows": [{"<field>": <value>, ...}, ...]}.',
            )
        for key in value:
            if key not in KEYS:
                close = nearest(key, KEYS)
                raise InputError(
                    "The body has a key beside 'rows', 'unit' and 'id'.",
                    hint=f"Did you mean '{close}'?" if close else "Fields belong into the rows.",
                )
        unit, caller_id = (_texts(value.get(key), key) for key in ("unit", "id"))
        return self.rows.recover(value["rows"]), unit, caller_id


def _texts(value: object, key: str) -> Texts:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list) and all(text is None or isinstance(text, str) for text in value):
        return value
    raise InputError(f"'{key}' must be a text, or a list with a text or null for each row.")


def _each(texts: Texts, rows: int, key: str) -> list[str | None] | None:
    """One text for each row."""
    if texts is None:
        return None
    if isinstance(texts, str):
        texts = [texts] * rows
    if len(texts) != rows:
        raise InputError(f"'{key}' has {len(texts)} entries for {rows} rows.")
    if any(text is not None and len(text) > TEXT_LENGTH_MAX for text in texts):
        raise InputError(f"'{key}' is longer than {TEXT_LENGTH_MAX} characters.")
    return texts
