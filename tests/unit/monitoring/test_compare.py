"""A comparison names what moved or broke, and nothing else."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from fairlead.monitoring import Rule, compare, volume
from fairlead.profiles import (
    Named,
    Numeric,
    Profile,
    Summary,
    empty,
    make_reference,
    observe,
)
from fairlead.signature import Batch, Field, Signature
from fairlead.stats import Dispersion
from support.profiled import reference, window


def text(values: Any) -> Any:
    return np.array([None if v is None else str(v) for v in values], dtype=object)


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(5)


def rows(random: np.random.Generator, size: int, shift: float = 0.0) -> dict[str, Any]:
    return {
        "x": random.normal(shift, 1.0, size),
        "y": random.pareto(1.5, size),
        "plan": text(random.choice(["a", "b", "c"], size, p=[0.6, 0.3, 0.1])),
    }


def test_a_shifted_field_is_named_and_the_others_are_not(random: np.random.Generator) -> None:
    frame = reference(**rows(random, 5000))
    found = compare(frame, window(frame, **rows(random, 1000, shift=0.4)))
    assert found.drifted == ("x",)
    assert found.alarm
    drift = found.fields["x"]
    assert drift.p_value <= drift.adjusted_p < 1e-6
    assert drift.effect == pytest.approx(0.16, abs=0.08)
    assert drift.wasserstein == pytest.approx(0.4, abs=0.12)
    assert "above chance" in drift.why
    assert found.fields["plan"].wasserstein is None


def test_what_is_significant_but_small_is_no_alert(random: np.random.Generator) -> None:
    frame = reference(x=random.normal(size=200_000))
    current = window(frame, x=random.normal(0.05, 1.0, 200_000))
    found = compare(frame, current)
    assert found.fields["x"].adjusted_p < 1e-10
    assert not found.alarm
    assert "less than 0.02" in found.fields["x"].why
    assert compare(frame, current, rule=Rule(effect_min=0.001)).alarm


def test_one_outlier_hides_no_shift(random: np.random.Generator) -> None:
    frame = reference(x=np.append(random.normal(size=5000), 1e6))
    moved = window(frame, x=np.append(random.normal(0.4, 1.0, 1000), 1e6))
    still = window(frame, x=np.append(random.normal(0.0, 1.0, 1000), -1e6))
    assert compare(frame, moved).drifted == ("x",)
    assert not compare(frame, still).drifted


def test_too_few_rows_are_not_tested(random: np.random.Generator) -> None:
    frame = reference(x=random.normal(size=5000))
    found = compare(frame, window(frame, x=random.normal(9.0, 1.0, 99)))
    assert not found.alarm
    assert found.fields["x"].test == "none"
    assert "99 rows" in found.fields["x"].why


def test_values_that_are_missing_are_a_fault_and_a_drift(random: np.random.Generator) -> None:
    frame = reference(**rows(random, 5000))
    current = rows(random, 1000)
    current["x"][:200] = np.nan
    found = compare(frame, window(frame, **current))
    assert [(q.field, q.kind) for q in found.broken] == [("x", "missing")]
    (fault,) = found.broken
    assert fault.share.low < 0.2 < fault.share.high
    assert fault.rise.low > 0.15
    assert found.drifted == ("x",)


def test_values_out_of_range_and_new_categories_are_faults(random: np.random.Generator) -> None:
    frame = reference(**rows(random, 5000))
    current = rows(random, 1000)
    current["y"][:50] = -5.0
    current["plan"][:50] = "z"
    found = compare(frame, window(frame, **current))
    assert {(q.field, q.kind) for q in found.broken} == {
        ("y", "out_of_range"), ("plan", "new_categories"),
    }  # fmt: skip


def test_a_field_that_is_stuck_is_a_fault_unless_the_reference_is(
    random: np.random.Generator,
) -> None:
    frame = reference(x=random.normal(size=5000), flag=np.zeros(5000), plan=text(["a", "b"] * 2500))
    stuck = window(frame, x=np.full(500, 0.1), flag=np.zeros(500), plan=text(["a"] * 500))
    faults = {(q.field, q.kind) for q in compare(frame, stuck).broken}
    assert faults == {("x", "constant"), ("plan", "constant"), ("whole row", "duplicates")}


def test_a_field_that_is_nearly_always_the_same_may_be_the_same_in_a_window(
    random: np.random.Generator,
) -> None:
    values = np.zeros(5000)
    values[:5] = 1.0
    frame = reference(x=values)
    assert not compare(frame, window(frame, x=np.zeros(500))).alarm


def test_a_renamed_column_breaks_the_schema(random: np.random.Generator) -> None:
    frame = reference(x=random.normal(size=500), y=random.normal(size=500))
    x = frame.inputs["x"]
    renamed = Profile(rows=500, inputs={"x": x, "z": frame.inputs["y"]})
    found = compare(frame, renamed)
    assert [(q.field, q.kind) for q in found.broken] == [("y", "schema"), ("z", "schema")]
    other = Profile(rows=500, inputs={"x": Numeric(edges=(0.0,), counts=(1, 1)), "y": x})
    assert [q.field for q in compare(frame, other).broken] == ["x", "y"]


def test_parts_and_outputs_have_names_of_their_own(random: np.random.Generator) -> None:
    x = reference(x=random.normal(size=500)).inputs["x"]
    assert isinstance(x, Numeric)
    outputs: dict[str, Summary] = {"x": x, "proba": Named(kind="tensor", parts={"no": x, "yes": x})}
    found = compare(*[Profile(rows=500, inputs={"x": x}, outputs=outputs)] * 2)
    assert list(found.fields) == ["x", "output:x", "proba.no", "proba.yes"]
    assert [field.side for field in found.fields.values()] == ["input"] + ["output"] * 3


def test_a_past_that_varied_more_widens_the_test(random: np.random.Generator) -> None:
    frame = reference(x=random.normal(size=5000))
    current = window(frame, x=random.normal(0.3, 1.0, 1000))
    wild = Dispersion(windows=100, degrees=3000, total=30_000.0, squares=300_000.0 * 1.1)
    found = compare(frame, current, past={"x": wild})
    assert compare(frame, current).alarm
    assert not found.alarm
    assert found.fields["x"].p_value > 1e-3


def test_an_empty_window_alarms_nothing_and_a_comparison_can_be_written() -> None:
    frame = reference(x=np.arange(1000.0), plan=text(["a", "b"] * 500))
    found = compare(frame, empty(frame))
    assert not found.alarm
    raw = msgspec.json.encode(found)
    assert msgspec.json.decode(raw, type=type(found)) == found


def test_a_gap_or_a_flood_of_rows_is_seen_beside_earlier_windows() -> None:
    past = [1000, 1100, 900, 1050, 950, 1000, 1020, 980]
    for rows_now, broken in ((0, True), (10_000, True), (1010, False), (900, False)):
        found = volume(rows_now, past, 0.001)
        assert found is not None
        assert found.broken is broken
    assert volume(0, past[:7], 0.001) is None


def test_windows_of_like_volume_are_seldom_called_broken(random: np.random.Generator) -> None:
    found = [volume(int(x[-1]), x[:-1].tolist(), 0.01) for x in random.poisson(200, (2000, 25))]
    assert np.mean([f is not None and f.broken for f in found]) < 0.017


def test_times_of_the_rows_themselves_are_no_drift_and_others_are(
    random: np.random.Generator,
) -> None:
    signature = Signature(inputs=(Field(name="when", kind="timestamp"),), outputs=())

    def batch(times_us: Any) -> Batch:
        column = np.asarray(times_us, dtype=np.int64).astype("datetime64[us]")
        column[::100] = np.datetime64("NaT")
        return Batch(len(column), (), np.empty((len(column), 0)), {"when": column})

    hour_us = 3_600_000_000
    frame = make_reference(signature, batch(random.integers(0, 720 * hour_us, 3000)))
    now_us = 800 * hour_us + random.integers(0, hour_us, 500)
    ordered = compare(frame, observe(frame, batch(now_us - 10_000_000), times_us=now_us))
    assert not ordered.alarm
    assert ordered.fields["when.hour"].effect == 0.0
    assert "when the rows came" in ordered.fields["when.weekday"].why
    born = compare(frame, observe(frame, batch(now_us - 790 * hour_us), times_us=now_us))
    assert set(born.drifted) == {"when.hour", "when.weekday"}
    lost = np.full(500, np.iinfo(np.int64).min)
    gone = compare(frame, observe(frame, batch(lost), times_us=now_us))
    assert {one.kind for one in gone.broken} == {"missing", "duplicates"}, "all rows are alike"
