"""The texts that change while one looks, written as the pages write them."""

from __future__ import annotations

from collections.abc import Iterator

from fairlead.api import Services
from fairlead.api.overview import EndpointState
from fairlead.console import format as write
from fairlead.console.feed import News
from fairlead.console.sparkline import points


def news(services: Services) -> News:
    """What pages are told now."""
    found = services.overview()
    live = {"headline": found.headline}
    for state in found.endpoints:
        live |= dict(_texts(state))
    changed = services.changes() | {"concern": " ".join(_order(found.endpoints))}
    return News(live=live, changed=changed)


def _texts(state: EndpointState) -> Iterator[tuple[str, str]]:
    operations, name = state.operations, state.endpoint
    p99_s = None if operations.p99_s is None else operations.p99_s.value
    yield f"{name} rate", write.rate(operations.rate)
    yield f"{name} errors", write.percent(operations.error_ratio)
    yield f"{name} p99", write.span(p99_s)
    yield f"{name} rows", write.number(None if state.health is None else state.health.rows)
    yield f"{name} line", points(operations.paces)


def _order(endpoints: tuple[EndpointState, ...]) -> Iterator[str]:
    """What an overview must be made anew for: who needs what."""
    for state in endpoints:
        yield f"{state.endpoint}:{state.concern.level}:{len(state.alerts)}"
