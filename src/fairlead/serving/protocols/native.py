"""Fairlead's own JSON: named rows in, one answer for each row out.

    {"rows": [{"age": 42, "plan": "pro"}], "unit": "user-7", "id": "order-1"}

    {"endpoint": "churn", "revision": 3, "predictions": [
        {"id": "…", "version": "churn:1", "arm": "stable", "label": "yes", "probabilities": {…}}]}

`unit` and `id` are one text for all rows, or a list with one text or null for each. Of a JSON
key that stands twice the last counts.
"""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import numpy as np

from fairlead.errors import InputError, Problem
from fairlead.ids import parse, text
from fairlead.predictionlog import FeedbackFrame
from fairlead.serving.dataplane import Endpoint
from fairlead.serving.message import Response, json_response
from fairlead.serving.types import Answer, Ask, Part
from fairlead.signature import NUMERIC, RowDecoder, decode_error, diagnose, to_records

RESERVED = frozenset({"id", "version", "arm"})

Texts = str | list[str | None] | None


class PredictDecoder:
    """Reads the bodies of one endpoint's requests.

    Args:
        rows: of the endpoint's signature.
    """

    def __init__(self, rows: RowDecoder) -> None:
        self._rows = rows
        envelope = msgspec.defstruct(
            "Predict",
            [
                ("rows", list[rows.row_type]),  # type: ignore[name-defined]
                ("unit", Texts, None),
                ("id", Texts, None),
            ],
            forbid_unknown_fields=True,
            gc=False,
        )
        self._decode = msgspec.json.Decoder(envelope).decode

    def ask(self, body: bytes, received_s: float, deadline_s: float) -> Ask:
        """Turn a body into rows.

        Raises:
            InputError: says which row and field is wrong, and what to do.
        """
        try:
            decoded = self._decode(body)
            batch = self._rows.gather(decoded.rows)
        except (msgspec.MsgspecError, InputError, RecursionError, UnicodeDecodeError):
            return self._slow(body, received_s, deadline_s)
        rows = batch.rows
        return Ask(
            batch,
            _each(decoded.unit, rows, "unit"),
            _each(decoded.id, rows, "id"),
            received_s,
            deadline_s,
        )
