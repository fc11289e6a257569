"""Runs every check against a server."""

from __future__ import annotations

from collections.abc import Mapping

from fairlead.conformance import about, asking, refusing
from fairlead.conformance.server import Session
from fairlead.conformance.types import Check, Failed, Json, Outcome, Result, Skipped

CHECKS: tuple[Check, ...] = (*about.CHECKS, *asking.CHECKS, *refusing.CHECKS)


def run(
    url: str, model: str, request: Json | None = None, headers: Mapping[str, str] = {}
) -> list[Outcome]:
    """Ask a server whether it keeps the protocol.

    Args:
        url: of the server: `http://127.0.0.1:8080`.
        model: the name of one that it serves.
        request: inputs that the model takes, as the body of a request with JSON data; made from
            the model's own metadata if None.
        headers: of every request, such as a key.

    Returns:
        One outcome for each check, in order.

    Raises:
        UnavailableError: the server cannot be reached.
        ConfigError: the URL is none.
        InputError: the request is not of the protocol's form.
    """
    session = Session(url, model, request, headers)
    announced = session.extensions
    return [_outcome(check, session, announced) for check in CHECKS]


def _outcome(check: Check, session: Session, announced: list[str]) -> Outcome:
    if check.extension and check.extension not in announced:
        return Outcome(check.group, check.name, False, "skip", f"{check.extension} not announced")
    result: Result = "pass"
    reason = ""
    try:
        check.look(session)
    except Failed as failed:
        result, reason = "fail", str(failed)
    except Skipped as skipped:
        result, reason = "skip", str(skipped)
    except (KeyError, TypeError, ValueError, AttributeError, LookupError) as error:
        result, reason = "fail", f"the reply is of another form than any: {type(error).__name__}"
    return Outcome(check.group, check.name, check.required, result, reason)
