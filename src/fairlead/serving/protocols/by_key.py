"""Native JSON bodies whose rows bring the key of a prediction that was made ahead.

    {"key": "c-7"}
    {"rows": [{"key": "c-7"}, {"key": "c-8", "age": 42, "plan": "pro"}, {"age": 7, "plan": "free"}]}
    {"columns": {"key": ["c-7", "c-8"]}}

A row brings a key alone, or all of its fields and perhaps a key. Where the model has a field
named `key`, it is that field.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fairlead.errors import InputError
from fairlead.precomputed import key_text
from fairlead.serving.lookup.predictions import PrecomputedTables
from fairlead.serving.types import Filled, Keys
from fairlead.signature import Batch, Field, concat, parse_json
from fairlead.signature.columns import absent
from fairlead.signature.envelope import ARM, FORMS, WHOSE, Decoded, Envelope, check_rows
from fairlead.signature.findings import Findings

KEY = "key"


def mentions_key(body: bytes) -> bool:
    """Whether a body could bring a key; cheap, and not sure."""
    return b'"key"' in body


def read_by_key(
    endpoint: str, envelope: Envelope, tables: PrecomputedTables, body: bytes
) -> tuple[Decoded, Keys] | None:
    """The rows of a body, and what was found for their keys; None if no row brings one.

    Args:
        endpoint: that is asked.
        envelope: of its bodies.
        tables: in which is looked.
        body: as sent.

    Raises:
        InputError: rows do not fit, or a key is none.
        NotHereError: it can be looked up, but not on the loop.
        NotFoundError: nothing was ever precomputed.
    """
    if any(field.name == KEY for field in envelope.inputs):
        return None
    value = parse_json(body)
    rows = _rows(value) if isinstance(value, dict) else None
    if rows is None or not any(KEY in row for row in rows):
        return None
    assert isinstance(value, dict)
    check_rows(len(rows), envelope.rows_max)
    keys = _keys(rows)
    bare = [not row for row in rows]
    found = tables.look_up(endpoint, keys, bare)
    whose = {name: value[name] for name in (*WHOSE, ARM) if name in value}
    if all(bare):
        return (absent(envelope.inputs, len(rows)), *envelope.whose(whose)), found
    full = [place for place, row in enumerate(rows) if row]
    brought = [rows[place] for place in full]
    batch, unit, caller_id, arm = _read(envelope, brought, whose, full, len(rows))
    return (_spread(batch, full, len(rows), envelope.inputs), unit, caller_id, arm), found


def _rows(value: dict[str, Any]) -> list[dict[str, Any]] | None:
    """Rows of any form as objects of their own; None if it has no such rows."""
    if "rows" in value:
        rows = value["rows"]
        plain = isinstance(rows, list) and rows and all(type(row) is dict for row in rows)
        return [dict(row) for row in rows] if plain else None
    if "columns" in value:
        columns = value["columns"]
        if not isinstance(columns, dict) or not isinstance(columns.get(KEY), list):
            return None
        if any(not isinstance(c, list) or len(c) != len(columns[KEY]) for c in columns.values()):
            return None
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return [{name: each for name, each in value.items() if name not in (*WHOSE, ARM)}]


def _keys(rows: Sequence[dict[str, Any]]) -> list[str | None]:
    """The key of each row, taken out of it."""
    findings, keys = Findings(len(rows)), []
    for place, row in enumerate(rows):
        given = row.pop(KEY, None)
        key = key_text(given)
        if given is not None and key is None:
            findings.add("is no key", row=place, field=KEY, expected="a text or an integer")
        keys.append(key)
    findings.raise_if_any()
    return keys


def _read(
    envelope: Envelope, rows: list[dict[str, Any]], whose: dict[str, Any], places: list[int],
    count: int,
) -> Decoded:  # fmt: skip
    """Those rows that bring fields; what is wrong with them is told by their place in the body."""
    try:
        return envelope.decode_value({FORMS[0]: rows, **whose})
    except InputError as error:
        findings = Findings(count)
        for each in error.problems:
            row = None if each.row is None else places[each.row]
            findings.add(
                each.message, row=row, field=each.field, expected=each.expected,
                nearest=each.nearest,
            )  # fmt: skip
        findings.raise_if_any()
        raise


def _spread(batch: Batch, places: list[int], rows: int, inputs: Sequence[Field]) -> Batch:
    """The same rows among others that have no fields."""
    if len(places) == rows:
        return batch
    blank = absent(inputs, rows - len(places), batch)
    order = np.empty(rows, np.intp)
    others = np.setdiff1d(np.arange(rows), places)
    order[places] = np.arange(len(places))
    order[others] = np.arange(len(places), rows)
    whole = concat([batch, blank]).take(order)
    if not isinstance(batch, Filled):
        return whole
    notes: list[str | None] = [None] * rows
    for place, note in zip(places, batch.notes, strict=True):
        notes[place] = note
    return Filled.of(whole, notes)
