"""The page of alerts: what is wrong, who is on it, and what is silenced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from glob import escape

from fastapi import APIRouter, Request, Response

from fairlead.api import Services
from fairlead.api.board import ShownAlert
from fairlead.api.reply import actor_of
from fairlead.console.evidence import evidence_rows
from fairlead.console.obey import Form, not_offered, obey
from fairlead.console.page import redirect, show
from fairlead.durations import read_duration
from fairlead.errors import ConfigError, FairleadError

PATH = "/alerts"
HISTORY_MAX = 50
PERIODS = (("30m", "30 minutes"), ("2h", "2 hours"), ("8h", "8 hours"), ("1d", "a day"),
           ("7d", "a week"))  # fmt: skip


@dataclass(frozen=True)
class Groups:
    """Alerts as the page has them, each group with the worst first.

    Args:
        firing: of which people are told.
        silenced: that hold, but of which no word is sent.
        pending: that do not hold for long enough yet.
        resolved: the newest first.
    """

    firing: tuple[ShownAlert, ...]
    silenced: tuple[ShownAlert, ...]
    pending: tuple[ShownAlert, ...]
    resolved: tuple[ShownAlert, ...]


def build_alerts_page(services: Services) -> APIRouter:
    """The routes of the page.

    Args:
        services: the platform behind it.
    """
    router = APIRouter(include_in_schema=False)

    @router.get(PATH)
    def alerts(request: Request, endpoint: str = "") -> Response:
        return _page(services, request, endpoint)

    @router.post(PATH)
    def order(request: Request, form: Form) -> Response:
        deed = partial(_do, services, form, actor_of(request))
        return obey(deed, partial(_page, services, request, ""))

    return router


def group(alerts: Sequence[ShownAlert]) -> Groups:
    """Sort alerts by what is to be done about them."""
    held = [one for one in alerts if one.alert.state != "resolved"]
    over = [one for one in alerts if one.alert.state == "resolved"]
    over.sort(key=lambda one: one.alert.steps[-1].time_us, reverse=True)
    told = [one for one in held if one.silenced_until_us is None]
    return Groups(
        firing=tuple(one for one in told if one.alert.state == "firing"),
        silenced=tuple(one for one in held if one.silenced_until_us is not None),
        pending=tuple(one for one in told if one.alert.state == "pending"),
        resolved=tuple(over[:HISTORY_MAX]),
    )


def say(groups: Groups) -> tuple[str, str]:
    """How it stands: a level, and a line.

    Example:
        >>> say(Groups((), (), (), ()))
        ('well', 'Nothing is wrong that an alert tells of.')
    """
    firing = groups.firing
    if not firing:
        return "well", "Nothing is wrong that an alert tells of."
    calling = sum(one.alert.severity == "page" for one in firing)
    free = sum(one.alert.acknowledged is None for one in firing)
    count = f"{len(firing)} alerts fire" if len(firing) > 1 else "One alert fires"
    calls = f"; {calling} of severity page" if calling else ""
    taken = "; nobody said to be on it" if free == len(firing) else ""
    taken = taken or (f"; {free} of them without anybody on it" if free else "; people are on it")
    return "trouble" if calling else "ask", f"{count}{calls}{taken}."


def _page(
    services: Services, request: Request, endpoint: str, problem: FairleadError | None = None
) -> Response:
    groups = group(services.alerts(endpoint))
    level, headline = say(groups)
    return show(
        request,
        "alerts.html",
        problem,
        groups=groups,
        level=level,
        headline=headline,
        endpoint=endpoint,
        endpoints=[route.endpoint for route in services.routes()],
        silences=services.alert_book.silences(endpoint),
        undelivered=services.alert_book.undelivered(),
        evidence_rows=evidence_rows,
        periods=PERIODS,
    )


def _do(services: Services, form: Mapping[str, str], actor: str) -> Response:
    book, reason = services.alert_book, form.get("reason", "")
    match form.get("order"):
        case "acknowledge":
            book.acknowledge(form.get("alert", ""), reason, actor)
        case "silence":
            rule, subject = _patterns(form)
            endpoint = form.get("endpoint", "")
            services.route(endpoint)
            book.silence(
                endpoint, _seconds(form), rule=rule, subject=subject, reason=reason, actor=actor
            )
        case "unsilence":
            book.unsilence(form.get("silence", ""), actor)
        case _:
            raise not_offered()
    return redirect(PATH)


def _seconds(form: Mapping[str, str]) -> float:
    for_s = read_duration(form.get("for", ""))
    if for_s is None:
        raise ConfigError("That is not a duration.", hint="One is a number and s, m, h or d: 2h.")
    return for_s


def _patterns(form: Mapping[str, str]) -> tuple[str, str]:
    """The rules and the subjects that a form means, as patterns."""
    match form.get("about"):
        case "alert":
            return escape(form.get("rule", "")), escape(form.get("subject", ""))
        case "rule":
            return escape(form.get("rule", "")), "*"
    return form.get("rules", "") or "*", form.get("subjects", "") or "*"
