"""Figures of how good answers were."""

from __future__ import annotations

from fairlead.api.charts import Cell, Chart
from fairlead.app.charts.streams import STATEMENTS_MAX, earliest, stream_of
from fairlead.app.charts.types import Asked
from fairlead.errors import NotFoundError
from fairlead.figures import Interval, draw_intervals
from fairlead.monitoring.accounts import ACCOUNTS, Statement
from fairlead.monitoring.draw_course import iso
from fairlead.monitoring.draw_goals import draw_goal
from fairlead.monitoring.draw_statements import (
    draw_labelled,
    draw_metric,
    ends,
    estimated_of,
    metrics_of,
    realised_of,
)
from fairlead.monitoring.facts import Fact, facts
from fairlead.monitoring.goals import chart_goals
from fairlead.monitoring.records import Stream
from fairlead.monitoring.recount import stated
from fairlead.nearest import nearest


def quality(asked: Asked) -> Chart:
    """A metric of each window, estimated and by labels."""
    stream, statements = _stream(asked), statements_of(asked)
    metric = _metric(asked, metrics_of(statements))
    return Chart(
        figure=draw_metric(metric, statements, _facts(asked, stream)),
        columns=("window", *(
            f"{metric}, {kind}{end}"
            for kind in ("estimated", "by labels")
            for end in ("", ", low", ", high")
        )),
        rows=tuple(
            (
                iso(one.start_us),
                *_cells(estimated_of(metric, one)),
                *_cells(realised_of(metric, one)),
            )
            for one in statements
        ),
    )  # fmt: skip


def own(asked: Asked) -> Chart:
    """One of the endpoint's own metrics in each window."""
    statements = statements_of(asked)
    goals = {goal.name: goal for goal in chart_goals(statements)}
    name = _metric(asked, [*goals])
    values = goals[name].values if name in goals else ()
    figure = draw_goal(goals[name], statements) if name in goals else draw_intervals(name, [])
    return Chart(
        figure=figure,
        columns=("window", name, "low", "high"),
        rows=tuple(
            (iso(one.start_us), *_cells(None if value is None else ends(value)))
            for one, value in zip(statements, values, strict=False)
        ),
    )


def labels(asked: Asked) -> Chart:
    """The share of each window's rows that have a label."""
    statements = statements_of(asked)
    return Chart(
        figure=draw_labelled(statements),
        columns=("window", "answered (rows)", "with a label (rows)", "share", "low", "high"),
        rows=tuple(
            (iso(one.start_us), one.coverage.answered, one.coverage.labelled, *_share(one))
            for one in statements
        ),
    )


def statements_of(asked: Asked) -> list[Statement]:
    """Of windows in which anything was answered, oldest first."""
    stream = _stream(asked)
    if stream is None:
        return []
    store = asked.workspace.store
    since_us = earliest(asked.workspace, asked.since_us, STATEMENTS_MAX)
    found = stated(store, stream, since_us=since_us, until_us=asked.until_us)
    return [one for one in found if one.coverage.answered]


def _stream(asked: Asked) -> Stream | None:
    return stream_of(asked.workspace, asked.endpoint, asked.options.get("version", ""))


def _facts(asked: Asked, stream: Stream | None) -> tuple[Fact, ...]:
    """What guards say of the stream now."""
    if stream is None:
        return ()
    account = asked.workspace.store.get(ACCOUNTS, ACCOUNTS.key(stream.place))
    model = asked.promise(stream.version)
    return () if account is None or model is None else facts(account.value, model)


def _metric(asked: Asked, known: list[str]) -> str:
    """The one that was asked for, or the first there is."""
    said = asked.options.get("metric", "")
    if said in known:
        return said
    if said and known:
        close = nearest(said, known)
        raise NotFoundError(
            "There is no metric of this name.",
            hint=f"Did you mean '{close}'?" if close else f"There are: {', '.join(known)}.",
        )
    return known[0] if known else "quality"


def _share(one: Statement) -> tuple[Cell, ...]:
    share = one.coverage.share
    return _cells(None if share is None else ends(share))


def _cells(interval: Interval | None) -> tuple[Cell, ...]:
    return (None, None, None) if interval is None else interval
