"""What is exposed says what it is, in both forms, and is clean by Prometheus' own check."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from fairlead.serving.counters import Counters
from fairlead.serving.exposition import exposition
from fairlead.telemetry import MetricsFile, Sample, counted, expose, gauged, read
from fairlead.telemetry.families import FAMILIES
from support.tools import needs, promtool

SOURCE = Path(__file__).parents[3] / "src" / "fairlead"
FULL_ACCEPT = (
    b"application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    b"text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)


@pytest.fixture
def samples(tmp_path: Path) -> list[Sample]:
    """What a worker counted, in every kind of metric."""
    counters = Counters(MetricsFile(tmp_path / "a.metrics"))
    counters.arm("churn", "churn:1", "champion").run("ok", 3, 0.002, [0.01, 0.02], 0.004)
    counters.refused("churn", "unavailable")
    counters.shed("churn", "queue")
    counters.versions({"churn:1": 1000})
    return [*read(tmp_path), gauged("fairlead_build_info", 1, version="1.2.3")]


def test_every_metric_that_the_source_names_is_in_the_list_and_no_other() -> None:
    texts = [path.read_text() for path in SOURCE.rglob("*.py") if path.name != "families.py"]
    named = {name for text in texts for name in re.findall(r'"(fairlead_[a-z_]+[a-z])"', text)}
    named |= {f"fairlead_gpu_{name}" for name in _gpu_names()}
    assert {name for name in named if name in FAMILIES} == FAMILIES.keys()


def _gpu_names() -> list[str]:
    return re.findall(r'"(\w+)": lambda', (SOURCE / "telemetry" / "gpu.py").read_text())


@pytest.mark.parametrize(("name", "total_s"), [("queue", 0.007), ("request", 0.015)])
def test_a_request_took_its_wait_and_what_came_from_its_models_start(
    tmp_path: Path, name: str, total_s: float
) -> None:
    counters = Counters(MetricsFile(tmp_path / "a.metrics"))
    counters.arm("e", "m:1", "a").run("ok", 2, 0.002, [0.006, 0.001], 0.004)
    took = next(s for s in read(tmp_path) if s.series.name == f"fairlead_{name}_seconds")
    *counts, total = took.values
    assert sum(counts) == 2
    assert total == pytest.approx(total_s)


def test_gauges_of_what_is_under_way_fall_back_to_nothing(tmp_path: Path) -> None:
    counters = Counters(MetricsFile(tmp_path / "a.metrics"))
    labels = (("arm", "a"), ("endpoint", "e"), ("version", "m:1"))
    counters.under_way({labels: 7}, {"m:1": 3})
    assert {s.series.name: s.values for s in read(tmp_path) if s.series.gauge} == {
        "fairlead_queued_rows": (7.0,),
        "fairlead_in_flight_requests": (3.0,),
    }
    counters.under_way({}, {})
    assert not any(s.values[0] for s in read(tmp_path) if s.series.gauge)


def test_openmetrics_names_families_units_and_its_end(samples: list[Sample]) -> None:
    lines = expose(samples, "openmetrics").splitlines()
    assert lines[-1] == "# EOF"
    assert "# TYPE fairlead_requests counter" in lines
    assert "# TYPE fairlead_build info" in lines
    assert 'fairlead_build_info{version="1.2.3"} 1' in lines
    assert "# UNIT fairlead_queue_seconds seconds" in lines
    assert "# UNIT fairlead_version_memory_bytes bytes" in lines
    families = {line.split()[2] for line in lines if line.startswith("# TYPE")}
    for line in lines:
        if line.startswith("# UNIT"):
            _, _, family, unit = line.split()
            assert family.endswith(f"_{unit}")
        elif not line.startswith("#"):
            name = re.split(r"[ {]", line)[0]
            assert re.sub(r"_(total|info|bucket|sum|count)$", "", name) in families, line


def test_both_forms_have_the_same_samples(samples: list[Sample]) -> None:
    text, openmetrics = expose(samples).splitlines(), expose(samples, "openmetrics").splitlines()

    def numbers(lines: list[str]) -> list[str]:
        return [line for line in lines if not line.startswith("#")]

    assert numbers(text) == numbers(openmetrics)


def test_every_family_says_what_it_tells(samples: list[Sample]) -> None:
    for form in ("text", "openmetrics"):
        lines = expose(samples, form).splitlines()
        told = {line.split()[2] for line in lines if line.startswith("# HELP")}
        assert told == {line.split()[2] for line in lines if line.startswith("# TYPE")}


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (FULL_ACCEPT, b"application/openmetrics-text; version=1.0.0; charset=utf-8"),
        (b"text/plain", b"text/plain; version=0.0.4; charset=utf-8"),
        (b"*/*", b"text/plain; version=0.0.4; charset=utf-8"),
        (None, b"text/plain; version=0.0.4; charset=utf-8"),
        (b"image/png", b"text/plain; version=0.0.4; charset=utf-8"),
    ],
)
def test_the_scraper_chooses_the_form(accept: bytes | None, kind: bytes) -> None:
    reply = exposition([counted("fairlead_feedback_total", 1)], accept)
    assert reply.content_type == kind
    assert reply.body.endswith(b"# EOF\n") == kind.startswith(b"application/")


def test_numbers_without_end_are_written_as_the_formats_have_them() -> None:
    values = (math.inf, -math.inf, math.nan)
    lines = [expose([gauged("level", value)]).splitlines()[-1] for value in values]
    assert lines == ["level +Inf", "level -Inf", "level NaN"]


@needs("promtool")
def test_promtool_has_nothing_to_remark(samples: list[Sample]) -> None:
    every = [gauged(name, 1) for name in FAMILIES if not name.endswith("_total")]
    named = {sample.series.name for sample in samples}
    more = [sample for sample in every if sample.series.name not in named]
    promtool("check", "metrics", given=expose([*samples, *more]))
