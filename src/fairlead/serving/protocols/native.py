"""Fairlead's own protocol: rows in any of several forms in, one answer for each row out.

What replies look like `rows` has.

The body's Content-Type says what it is: JSON (as `envelope` has it), a table, a form with files,
or the bytes of one picture or sound. Accept says what the answer shall be: JSON or a table.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from urllib.parse import parse_qsl

import msgspec

from fairlead.errors import InputError, MediaTypeError
from fairlead.nearest import nearest
from fairlead.serving.dataplane import Endpoint
from fairlead.serving.features.follow import FeatureTables
from fairlead.serving.front import LARGE_BYTES, Front, Read, Reading
from fairlead.serving.lookup.predictions import PrecomputedTables
from fairlead.serving.message import Reply, Request
from fairlead.serving.negotiate import media_type, preferred
from fairlead.serving.protocols.by_key import KEY, mentions_key, read_by_key
from fairlead.serving.protocols.form import FORM_TYPE, read_form
from fairlead.serving.protocols.keyed import KeyedEnvelope
from fairlead.serving.protocols.tables import (
    TABLE_TYPES,
    WRITTEN_TYPES,
    read_keyed_table,
    read_large_json,
    write_table,
)
from fairlead.serving.refusal import native_shape
from fairlead.serving.router import Door, Names
from fairlead.serving.rows import write_rows
from fairlead.serving.types import Keys
from fairlead.signature import Batch, Field, RowDecoder, Signature, from_records
from fairlead.signature.envelope import WHOSE, Decoded, Envelope, Texts, each

JSON_TYPE = "application/json"
JSON_TYPES = frozenset(
    {"", JSON_TYPE, "text/json", "text/plain", "application/x-www-form-urlencoded"}
)
"""What is read as JSON: also what `curl -d` and a browser's `fetch` call a body that is a text."""

JSON_HEADERS = frozenset({None, *(kind.encode() for kind in JSON_TYPES)})
JSON_WISHES = frozenset({None, b"*/*", JSON_TYPE.encode()})
QUERY_KEYS_MAX = 10


class Native:
    """Reads and writes the native bodies of all endpoints.

    Args:
        front: takes what is read to the data plane.
        features: in which is looked up what requests leave out; None for nowhere.
        tables: in which predictions are looked up by keys; None for nowhere.
        by_key: endpoints of which a key is looked for in every row, also beside all fields.
    """

    def __init__(
        self,
        front: Front,
        features: FeatureTables | None = None,
        tables: PrecomputedTables | None = None,
        by_key: Collection[str] = (),
    ) -> None:
        self._front = front
        self._features = features
        self._tables = tables
        self._laddered = by_key
        self._envelopes: dict[str, Envelope] = {}

    def doors(self) -> list[Door]:
        """Where predictions are asked for."""
        return [Door("POST", "/v1/endpoints/{name}/predict", "predict", self._predict)]

    def _predict(self, request: Request, reply: Reply, names: Names) -> None:
        header = request.headers.get(b"content-type")
        read, slow = (self.read, False) if header in JSON_HEADERS else self._reader(header)
        self._front.predict(request, reply, names["name"], read, native_shape, slow=slow)

    def _reader(self, header: bytes | None) -> tuple[Read, bool]:
        """What reads bodies of a type, and whether that is slow."""
        kind = media_type(header)
        if kind in JSON_TYPES or kind.endswith("+json"):
            return self.read, False
        if kind in TABLE_TYPES:
            return self._read_table, True
        if kind == FORM_TYPE:
            return _read_form, True
        return _read_media, False

    def read(self, endpoint: Endpoint, request: Request) -> Reading:
        """Read a body of JSON.

        Raises:
            InputError: it is none, or rows do not fit; names each row and field.
            UnavailableError: what rows leave out cannot be looked up now.
            NotHereError: it can be, but not on the loop.
        """
        name = endpoint.route.endpoint
        envelope = self._envelopes.get(name)
        if envelope is None or envelope.rows is not endpoint.decoder:
            envelope = self._envelopes[name] = self._envelope(name, endpoint.decoder)
        (batch, unit, caller_id, arm), keys = self._decode(envelope, name, request.body)
        if request.headers.get(b"accept") not in JSON_WISHES:
            reading = reading_of(request, batch, {"unit": unit, "id": caller_id})
            return msgspec.structs.replace(reading, arm=arm, keys=keys)
        units, caller_ids = each(unit, batch.rows, "unit"), each(caller_id, batch.rows, "id")
        return Reading(batch, write_rows, units, caller_ids, holds=True, arm=arm, keys=keys)

    def _decode(
        self, envelope: Envelope, endpoint: str, body: bytes
    ) -> tuple[Decoded, Keys | None]:
        """A key is looked for in every row, or else in those that have to be refused without it."""
        laddered = endpoint in self._laddered
        found = self._by_key(envelope, endpoint, body) if laddered else None
        if found:
            return found
        if len(body) > LARGE_BYTES and self._reads_apart(envelope, body):
            signature = envelope.rows.signature
            return read_large_json(signature, body, rows_max=envelope.rows_max), None
        decoded = envelope.decode_plain(body)
        if decoded is not None:  # as nearly always
            return decoded, None
        refused = envelope.refuses(KEY)
        found = self._by_key(envelope, endpoint, body) if refused and not laddered else None
        if found:
            return found
        try:
            return envelope.decode_exactly(body), None
        except InputError:
            found = None if laddered or refused else self._by_key(envelope, endpoint, body)
            if found is None:
                raise
            return found

    def _reads_apart(self, envelope: Envelope, body: bytes) -> bool:
        """Whether a body can be read where nothing can be looked up."""
        return type(envelope) is Envelope and (self._tables is None or not mentions_key(body))

    def _by_key(
        self, envelope: Envelope, endpoint: str, body: bytes
    ) -> tuple[Decoded, Keys] | None:
        """What a body holds whose rows bring keys; None if none does."""
        if self._tables is None or not mentions_key(body):
            return None
        return read_by_key(endpoint, envelope, self._tables, body)

    def _envelope(self, endpoint: str, rows: RowDecoder) -> Envelope:
        specs = () if self._features is None else self._features.of(endpoint)
        if self._features is None or not specs:
            return Envelope(rows, self._front.rows_max)
        return KeyedEnvelope(rows, self._front.rows_max, self._features, specs)

    def _read_table(self, endpoint: Endpoint, request: Request) -> Reading:
        named = query_of(request)
        batch, texts = read_keyed_table(
            endpoint,
            request.headers[b"content-type"].decode("latin-1"),
            request.body,
            named.values(),
            rows_max=self._front.rows_max,
        )
        return reading_of(request, batch, {key: texts[name] for key, name in named.items()})


def _read_form(endpoint: Endpoint, request: Request) -> Reading:
    signature, header = endpoint.route.signature, request.headers[b"content-type"]
    batch, keys = read_form(signature, header, request.body)
    return reading_of(request, batch, {k: v[0] if len(v) == 1 else v for k, v in keys.items()})


def _read_media(endpoint: Endpoint, request: Request) -> Reading:
    """The body is the value of the one field that has its kind."""
    signature = endpoint.route.signature
    kind = media_type(request.headers[b"content-type"])
    field = _media_field(signature)
    if field is None or not kind.startswith(f"{field.kind}/"):
        taken = [JSON_TYPE, *WRITTEN_TYPES, FORM_TYPE]
        taken += [f"{field.kind}/*"] if field else []
        raise MediaTypeError(
            "The body has a Content-Type that is not taken here.", hint=f"Send {', '.join(taken)}."
        )
    batch = from_records(signature, [{field.name: request.body}])
    return reading_of(request, batch, query_of(request))


def _media_field(signature: Signature) -> Field | None:
    """The only field of pictures or sound, if all others may be missing."""
    media = [field for field in signature.inputs if field.kind in ("image", "audio")]
    needed = [field for field in signature.inputs if field.missing == "error"]
    return media[0] if len(media) == 1 and set(needed) <= set(media) else None


def query_of(request: Request) -> dict[str, str]:
    """What the query says of `unit` and `id`."""
    try:
        pairs = parse_qsl(
            request.query.decode(), keep_blank_values=True, max_num_fields=QUERY_KEYS_MAX
        )
    except ValueError:
        raise InputError("The query cannot be read.", hint="Send ?unit=...&id=...") from None
    for key, _ in pairs:
        if key not in WHOSE:
            close = nearest(key, WHOSE)
            raise InputError(
                "The query has a key beside 'unit' and 'id'.",
                hint=f"Did you mean '{close}'?" if close else "",
            )
    return dict(pairs)


def reading_of(request: Request, batch: Batch, whose: Mapping[str, Texts]) -> Reading:
    """What was read, to be answered as the request wants it."""
    units, caller_ids = (each(whose.get(key), batch.rows, key) for key in WHOSE)
    kind = preferred(request.headers.get(b"accept"), (JSON_TYPE, *WRITTEN_TYPES), JSON_TYPE)
    if kind == JSON_TYPE:
        return Reading(batch, write_rows, units, caller_ids, holds=True)
    return Reading(batch, partial(write_table, kind), units, caller_ids, slow=True, holds=True)
