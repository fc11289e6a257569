"""What monitoring found is told as gauges: what alerts are decided on, and not without end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from fairlead.app.gauges import FRESH_US, SERIES_MAX, Seen, gauges
from fairlead.monitoring import Budget, State, watch
from fairlead.monitoring.records import Finding, Stream
from fairlead.telemetry import expose
from fairlead.telemetry.families import FAMILIES
from support.log import START_US
from support.metrics import Exposed
from support.profiled import reference, window
from support.tools import needs, promtool
from support.watched import HOUR_US, Watched, older, unplanned

HOURS = 14


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    watched = Watched(tmp_path / ".fairlead", START_US)
    yield watched
    watched.close()


def told(watched: Watched) -> Exposed:
    watched.monitor.signals()
    return Exposed(expose(gauges(watched.monitor.seen, watched.clock.now_us())))


def test_what_drifts_is_told_as_long_as_alerts_say_so(watched: Watched) -> None:
    watched.pass_hours(HOURS)
    quiet = told(watched)
    fields = quiet.label("fairlead_field_drifting", "field")
    assert {"age", "visits", "plan", "label"} <= fields
    assert quiet.total("fairlead_field_drifting") == 0
    assert quiet.total("fairlead_window_rows", endpoint="churn", version="churn:1") == 200
    assert 0 < quiet.total("fairlead_finding_age_seconds") < 3600

    watched.pass_hours(6, older)
    moved = told(watched)
    for name, least in (("drifting", 1), ("drift_effect", 0.1), ("drift_evidence_ratio", 0)):
        assert moved.total(f"fairlead_field_{name}", field="age") >= least
    assert moved.total("fairlead_field_drifting", field="visits") == 0
    evidence = moved.total("fairlead_field_drift_evidence_ratio", field="visits")
    assert evidence < 1 / len(fields)


def test_faults_are_told_with_their_share(watched: Watched) -> None:
    watched.pass_hours(2)
    assert told(watched).total("fairlead_field_broken") == 0
    watched.pass_hours(1, unplanned)
    found = told(watched)
    assert found.total("fairlead_field_fault_ratio", field="plan", fault="missing") == 1.0
    assert found.total("fairlead_field_broken", field="plan") == 1
    assert found.total("fairlead_field_broken") == 1
    watched.pass_hours(1)
    assert told(watched).total("fairlead_field_broken") == 0


def test_performance_is_told_as_estimated_as_realised_and_as_guarded(watched: Watched) -> None:
    watched.pass_hours(4, labelled=1.0)
    first = told(watched)
    assert first.total("fairlead_labelled_rows_ratio") == 1.0
    for kind in ("estimated", "realised"):
        value, low, high = (
            first.total(f"fairlead_{kind}_performance{end}", metric="accuracy")
            for end in ("", "_low", "_high")
        )
        assert 0.5 < low < value < high < 1, kind
    assert "roc_auc" in first.label("fairlead_estimated_performance", "metric")
    assert "roc_auc" in first.label("fairlead_realised_performance", "metric")
    assert first.label("fairlead_guard_value", "guard") >= {"accuracy", "estimated_accuracy"}
    assert first.total("fairlead_guard_harm") == 0
    limit = first.total("fairlead_guard_limit", guard="accuracy")
    assert 0.5 < limit < 1

    watched.pass_hours(4, labelled=0.0)
    later = told(watched)
    assert later.total("fairlead_labelled_rows_ratio") == 0.5
    before = first.total("fairlead_realised_performance", metric="accuracy")
    assert later.total("fairlead_realised_performance", metric="accuracy") == before

    watched.pass_hours(14, labelled=1.0, wrong=0.6)
    worse = told(watched)
    assert worse.total("fairlead_guard_harm", guard="accuracy") == 1
    assert worse.total("fairlead_guard_value", guard="accuracy") < limit
    assert worse.total("fairlead_realised_performance_high", metric="accuracy") < limit


def test_statements_are_read_when_their_account_changed_and_not_again(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.pass_hours(3, labelled=1.0)
    first = told(watched)
    read: list[str] = []
    get = watched.workspace.store.get

    def noted(kind: Any, key: str) -> Any:
        read.append(key)
        return get(kind, key)

    monkeypatch.setattr(watched.workspace.store, "get", noted)
    again = told(watched)
    assert again.names == first.names
    assert not [key for key in read if key.startswith("statement/")]
    before = len(read)
    gauges(watched.monitor.seen, watched.clock.now_us())
    assert len(read) == before, "to be scraped reads nothing"


def test_whoever_does_not_look_any_more_tells_nothing(watched: Watched) -> None:
    watched.pass_hours(2)
    monitor = watched.monitor
    monitor.signals()
    now_us = watched.clock.now_us()
    assert gauges(monitor.seen, now_us + FRESH_US)
    assert gauges(monitor.seen, now_us + FRESH_US + 1) == []
    assert gauges(Seen(), now_us) == []


def wide(fields: int) -> Finding:
    """A window of many fields, of which the last one drifts."""
    random = np.random.default_rng(1)
    names = [f"f{place:04}" for place in range(fields)]
    frame = reference(**{name: random.normal(size=300) for name in names})
    rows = {name: random.normal(size=200) for name in names}
    _, comparison, detection = watch(State(), frame, window(frame, **rows), budget=Budget(learn=1))
    detection = replace(detection, drifting=(names[-1],))
    return Finding(
        stream=Stream(endpoint="wide", version="wide:1", role="stable"),
        start_us=0, end_us=HOUR_US, comparison=comparison, detection=detection,
    )  # fmt: skip


def test_an_endpoint_of_many_fields_has_so_many_series_and_no_more() -> None:
    finding = wide(400)
    samples = gauges(Seen(time_us=HOUR_US, findings=(finding,)), HOUR_US)
    found = Exposed(expose(samples))
    assert len(samples) == SERIES_MAX + 1
    left = found.total("fairlead_untold_series", endpoint="wide")
    assert left > 400
    assert found.total("fairlead_window_rows") == 200
    assert found.total("fairlead_field_drifting", field="f0399") == 1, "what is wrong is told"
    assert found.label("fairlead_field_drifting", "field") >= {"f0000", "f0001"}, "and the first"
    narrow = gauges(Seen(time_us=HOUR_US, findings=(wide(4),)), HOUR_US)
    assert Exposed(expose(narrow)).total("fairlead_untold_series") == 0


@needs("promtool")
@pytest.mark.parametrize("labelled", [0.0, 1.0])
def test_it_is_clean_and_known(watched: Watched, labelled: float) -> None:
    watched.pass_hours(4, labelled=labelled)
    monitor = watched.monitor
    monitor.signals()
    text = expose(gauges(monitor.seen, watched.clock.now_us()))
    promtool("check", "metrics", given=text)
    assert Exposed(text).names <= FAMILIES.keys()
