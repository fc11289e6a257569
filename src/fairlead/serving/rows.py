"""Answers as objects of JSON, one for each row.

    {"endpoint": "churn", "revision": 3, "predictions": [
        {"id": "…", "version": "churn:1", "arm": "stable", "label": "yes", "probabilities": {…}}]}

Where answers come from a cache there is also `"cache": {"age_s": [12.3, null]}`: how old each row's
answer is, null of those that the model has just given. Where people decide, each row says whether
the model did; one that waits for a person has nothing else but its id.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from itertools import repeat
from typing import Any

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType

from fairlead.serving.message import Response
from fairlead.serving.types import BEFORE, DECIDED, SOURCED, Answer, Held, Outputs, Part
from fairlead.signature import Field, RowEncoder

_encode = msgspec.json.Encoder().encode


class _Body(msgspec.Struct, gc=False):
    """The reply, as it is written.

    Args:
        endpoint: that answered.
        revision: of its route.
        predictions: one object for each row.
        cache: what is said of rows whose answers come from one.
    """

    endpoint: str
    revision: int
    predictions: list[Any]
    cache: dict[str, list[float | None]] | UnsetType = UNSET


class _Pending(msgspec.Struct, gc=False):
    """A row that waits for a person.

    Args:
        id: of the prediction.
        decided_by: nobody yet.
    """

    id: str
    decided_by: str = "pending"


def write_rows(answer: Answer) -> Response:
    """One object for each row in the request's order.

    Args:
        answer: whole.
    """
    first = answer.parts[0]
    if first.places is None:
        rows = _rows(first)
    else:
        rows = [None] * answer.rows
        for part in answer.parts:
            for place, row in zip(part.places or (), _rows(part), strict=True):
                rows[place] = row
    body = _Body(answer.endpoint, answer.revision, rows)
    if first.answered.outputs.ages_s:
        body.cache = _cached(first)
    return Response(200, _encode(body))


def write_held(held: Held) -> Response:
    """The same where people decide, of status 202 if any row waits for one.

    Args:
        held: whole.
    """
    response = write_rows(held)
    waits = any(part.is_pending for part in held.parts)
    return msgspec.structs.replace(response, status=202) if waits else response


def _cached(part: Part) -> dict[str, list[float | None]] | UnsetType:
    """What a reply says of rows whose answers come from a cache, which are all of one part."""
    if part.source.rung:  # of a ladder, each row says it
        return UNSET
    return {"age_s": [age_s if age_s is None else round(age_s, 3) for age_s in part.ages_s]}


def _rows(part: Part) -> list[Any]:
    """Answers as objects, one for each row of a part."""
    outputs, start = part.answered.outputs, part.answered.start
    together = outputs.view(_together)
    if together:
        return together[start : start + part.ids.count]
    return _objects(outputs.some(start, part.ids))


def _together(outputs: Outputs) -> list[Any]:
    """The rows of all requests that ran together; none if one of them cannot be made."""
    try:
        return _objects(outputs)
    except Exception:  # whose it is, is found by making each request's alone
        return []


def _objects(outputs: Outputs) -> list[Any]:
    """Answers as objects, of one request or of all that ran together."""
    source = outputs.source
    ids = [text for some in outputs.ids for text in some.texts()]
    if outputs.pending is not None:
        return _decided(outputs, ids)
    before: list[Iterable[Any]] = [ids, repeat(source.version), repeat(source.arm)]
    if not source.rung:
        return _encoder(BEFORE, outputs.fields).rows(before, outputs.batch)
    if outputs.ages_s:
        before.append(["cached" if age_s is not None else source.rung for age_s in outputs.ages_s])
        before.append([0.0 if age_s is None else round(age_s, 3) for age_s in outputs.ages_s])
    else:
        before += repeat(source.rung), repeat(source.age_s)
    return _encoder(SOURCED, outputs.fields).rows(before, outputs.batch)


def _decided(outputs: Outputs, ids: list[str]) -> list[Any]:
    """The rows where people decide: answers of those alone that the model decides."""
    assert outputs.pending is not None
    rows: list[Any] = [_Pending(one) for one in ids]
    places = np.flatnonzero(~outputs.pending)
    if not len(places):
        return rows
    source, mine = outputs.source, [ids[place] for place in places.tolist()]
    before = [mine, repeat("model"), repeat(source.version), repeat(source.arm)]
    own = _encoder(DECIDED, outputs.fields).rows(before, outputs.batch.take(places))
    for place, row in zip(places.tolist(), own, strict=True):
        rows[place] = row
    return rows


@lru_cache(maxsize=256)
def _encoder(before: tuple[str, ...], fields: tuple[Field, ...]) -> RowEncoder:
    return RowEncoder(before, fields)
