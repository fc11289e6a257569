"""Native JSON bodies whose rows bring a key, by which the fields that they lack are looked up.

    {"rows": [{"customer_id": "c-7"}, {"customer_id": "c-8", "plan": "pro"}]}
    {"columns": {"customer_id": ["c-7", "c-8"]}}
    {"customer_id": "c-7", "unit": "user-7"}

A field that a row has stays as it is, also where it is null. The key itself goes no further
unless the model has a field of its name.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from fairlead.features import FeatureSpec
from fairlead.serving.aside import NotHereError, on_loop
from fairlead.serving.features.fill import Asked, Fill, Note
from fairlead.serving.features.follow import FeatureTables
from fairlead.serving.types import Filled
from fairlead.signature import Batch, RowDecoder
from fairlead.signature.envelope import Decoded, Envelope, check_rows
from fairlead.signature.findings import Findings

Notes = list[dict[str, Note]]

_encode = msgspec.json.Encoder().encode


class KeyedEnvelope(Envelope):
    """Decodes one endpoint's bodies, and fills in what their rows lack.

    Args:
        rows: decoder of the endpoint's rows.
        rows_max: of one request.
        features: where it is looked up.
        specs: of the features that rows may lack.
    """

    def __init__(
        self,
        rows: RowDecoder,
        rows_max: int,
        features: FeatureTables,
        specs: tuple[FeatureSpec, ...],
    ) -> None:
        super().__init__(rows, rows_max)
        self._features = features
        self._specs = specs
        self._inputs = frozenset(field.name for field in rows.signature.inputs)
        self._keys = {spec.key for spec in specs} - self._inputs
        self._row_types: Any = list[rows.row_type]  # type: ignore[name-defined]

    def refuses(self, name: str) -> bool:
        """Whether no row may have a field of this name."""
        return super().refuses(name) and name not in self._keys

    def decode_plain(self, body: bytes) -> Decoded | None:  # noqa: ARG002
        """None: what rows lack is filled in before they are decoded.

        Raises:
            NotHereError: it can be done, but not on the loop.
        """
        if self._features.waits and on_loop():
            raise NotHereError
        return None

    def decode_value(self, value: object) -> Decoded:
        """The rows of a body, filled; its `unit`, its `id` and the `arm` that it names.

        Raises:
            InputError: it is no such body, rows do not fit, or nothing is known of their keys.
            UnavailableError: nothing can be looked up now.
        """
        notes = self._fill(value) if isinstance(value, dict) else []
        batch, unit, caller_id, arm = super().decode_value(value)
        if any(notes):
            batch = Filled.of(batch, [_encode(note).decode() if note else None for note in notes])
        return batch, unit, caller_id, arm

    def _read_rows(self, rows: object) -> Batch:
        """Rows with what was filled in; the exact way if they do not fit at once."""
        try:
            return self.rows.gather(msgspec.convert(rows, self._row_types))
        except msgspec.ValidationError:
            return self.rows.recover(rows)

    def _fill(self, body: dict[str, Any]) -> Notes:
        if "rows" in body:
            rows = body["rows"]
            return self._fill_rows(rows) if isinstance(rows, list) else []
        if "columns" in body:
            columns = body["columns"]
            return self._fill_columns(columns) if isinstance(columns, dict) else []
        return self._fill_rows([body])

    def _fill_rows(self, rows: list[Any]) -> Notes:
        check_rows(len(rows), self.rows_max)
        notes: Notes = [{} for _ in rows]
        named = [(place, row) for place, row in enumerate(rows) if type(row) is dict]
        findings = Findings(len(rows))
        for spec in self._specs:
            wanted = self._features.wanted(spec, self._inputs)
            asked = [
                Asked(place, row[spec.key], row.keys())
                for place, row in named
                if row.get(spec.key) is not None and not wanted <= row.keys()
            ]
            for one in self._look_up(spec, asked, findings, notes):
                rows[one.row].update(one.values)
        findings.raise_if_any()
        for key in self._keys:
            for _, row in named:
                row.pop(key, None)
        return notes

    def _fill_columns(self, columns: dict[str, Any]) -> Notes:
        lengths = {len(column) for column in columns.values() if isinstance(column, list)}
        if len(lengths) != 1:
            return []  # refused for that
        rows = lengths.pop()
        check_rows(rows, self.rows_max)
        notes: Notes = [{} for _ in range(rows)]
        findings, given = Findings(rows), frozenset(columns)
        for spec in self._specs:
            keys = columns.get(spec.key)
            wanted = self._features.wanted(spec, self._inputs)
            if not isinstance(keys, list) or wanted <= given:
                continue
            asked = [Asked(n, key, given) for n, key in enumerate(keys) if key is not None]
            for one in self._look_up(spec, asked, findings, notes):
                for name, value in one.values.items():
                    columns.setdefault(name, [None] * rows)[one.row] = value
        findings.raise_if_any()
        for key in self._keys:
            columns.pop(key, None)
        return notes

    def _look_up(
        self, spec: FeatureSpec, asked: list[Asked], findings: Findings, notes: Notes
    ) -> Iterable[Fill]:
        """What rows get of some features, noted for their records."""
        sound = [one for one in asked if type(one.key) in (str, int)]
        if len(sound) < len(asked):
            for one in asked:
                if type(one.key) not in (str, int):
                    what = "a text or an integer"
                    findings.add("is no key", row=one.row, field=spec.key, expected=what)
        filled = self._features.fill(spec, sound, self._inputs, findings) if sound else []
        for each in filled:
            notes[each.row][spec.name] = each.note
        return filled
