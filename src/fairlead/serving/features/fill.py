"""What a table of features gives for the keys of a request, and what its rows are told about it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from fairlead.durations import write_duration
from fairlead.errors import UnavailableError
from fairlead.features import FeatureSpec, Missing
from fairlead.lookup import Key, Row, Snapshot
from fairlead.signature.findings import Findings


class Asked(NamedTuple):
    """One row of a request whose key is to be looked up.

    Args:
        row: its number.
        key: that it brings.
        given: the fields that it has.
    """

    row: int
    key: Key
    given: Collection[str]


class Note(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the prediction record says of one look-up.

    Args:
        fields: that were filled in.
        snapshot: of the table in which the row was found.
        age_s: of the row that was found.
        missing: the policy that filled them in, where no row was found that holds.
    """

    fields: tuple[str, ...]
    snapshot: str = ""
    age_s: float | None = None
    missing: Missing | None = None


class Fill(NamedTuple):
    """What one row of a request gets.

    Args:
        row: its number.
        values: by field.
        note: of the record.
    """

    row: int
    values: dict[str, Any]
    note: Note


def fill(
    spec: FeatureSpec,
    snapshot: Snapshot | None,
    found: Sequence[Row | None],
    asked: Sequence[Asked],
    fields: frozenset[str],
    now_us: int,
    findings: Findings,
) -> list[Fill]:
    """What rows get of one table of features.

    Args:
        spec: of the features.
        snapshot: in which keys were looked up; None if there is none yet.
        found: the row under each key.
        asked: the rows of the request.
        fields: that the model takes.
        now_us: microseconds since 1970.
        findings: takes what is wrong.

    Raises:
        UnavailableError: there is no snapshot, and without features rows are refused.
    """
    if snapshot is None and spec.missing == "error":
        raise UnavailableError(
            f"The features '{spec.name}' are not there yet.",
            hint=f"They come with 'fairlead features materialize {spec.name}'.",
        )
    filled = []
    for one, row in zip(asked, found, strict=True):
        if snapshot is not None and row is not None and spec.holds(row.time_us, now_us):
            own, given = row.values, one.given
            places = taken(snapshot.columns, fields)
            values = {name: own[place] for name, place in places.items() if name not in given}
            age_s = round((now_us - row.time_us) / 1e6, 3)
            note = Note(tuple(values), snapshot=snapshot.id, age_s=age_s)
        elif spec.missing == "error":
            findings.add(_why(spec, row), row=one.row, field=spec.key)
            continue
        else:
            values = _instead(spec, snapshot, one.given, fields)
            note = Note(tuple(values), missing=spec.missing)
        filled.append(Fill(one.row, values, note))
    return filled


@lru_cache(maxsize=256)
def taken(columns: tuple[str, ...], fields: frozenset[str]) -> dict[str, int]:
    """The columns of a table that a model takes, with their places."""
    return {name: place for place, name in enumerate(columns) if name in fields}


def _instead(
    spec: FeatureSpec, snapshot: Snapshot | None, given: Collection[str], fields: frozenset[str]
) -> dict[str, Any]:
    """What stands in for a row that is missing or holds no more."""
    instead: dict[str, Any] = dict(spec.defaults)
    if spec.missing == "null" and snapshot is not None:
        instead = dict.fromkeys(snapshot.columns)
    return {name: value for name, value in instead.items() if name in fields and name not in given}


def _why(spec: FeatureSpec, row: Row | None) -> str:
    if row is None:
        return f"is no key that the features '{spec.name}' know"
    held = write_duration((spec.ttl_us or 0) / 1e6)
    return f"is a key of which the features '{spec.name}' are older than {held}"
