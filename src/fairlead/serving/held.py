"""Where a person decides: the model predicts silently, and callers are given prediction ids."""

from __future__ import annotations

from functools import partial

from fairlead.errors import (
    ConflictError,
    DeadlineError,
    FairleadError,
    ModelError,
)
from fairlead.ids import Ids
from fairlead.routing import Route
from fairlead.serving.message import Response, json_response
from fairlead.serving.types import Answer, Done, Held


def nobody_answers(decided_by: str) -> ConflictError:
    """What a caller is told whose protocol knows answers alone."""
    return ConflictError(
        f"A person decides here ({decided_by}): the model's answers are given to nobody.",
        hint="Ask POST /v1/endpoints/NAME/predict, which gives the ids that decisions come under.",
    )


def hold(route: Route, ids: Ids, done: Done) -> Done:
    """A `done` that gives ids in place of answers.

    Rows that the model failed at are on the log like all others, and a person decides them.

    Args:
        route: in force.
        ids: of the request's rows.
        done: takes the ids, or the reason why nothing was recorded.
    """
    return partial(_held, route, ids, done)


def _held(route: Route, ids: Ids, done: Done, answer: Answer | FairleadError) -> None:
    if isinstance(answer, FairleadError) and not isinstance(answer, ModelError | DeadlineError):
        done(answer)
        return
    rows, by = ids.count, route.decided_by
    done(Held(route.endpoint, route.revision, rows, (), given=ids, decided_by=by))


def held_response(held: Held) -> Response:
    """The reply: accepted, and under which id the decision of each row is to be sent."""
    body = {
        "endpoint": held.endpoint,
        "revision": held.revision,
        "decided_by": held.decided_by,
        "predictions": [{"id": one} for one in held.given.texts()],
    }
    return json_response(body, 202)
