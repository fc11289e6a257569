"""Any two frames are compared, alarms keep their budget, and what is shown is only shown."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import fairlead
from fairlead.errors import InputError, NotFoundError
from fairlead.monitor import Compared, Rule, compare
from fairlead.monitor.frames import profiles_of, read_frame
from fairlead.profiles import Profile

HOSTILE = "<script>alert(1)</script>"
Rows = dict[str, Any]


def rows(random: np.random.Generator, size: int, shift: float = 0.0, plans: str = "abc") -> Rows:
    return {
        "age": random.normal(40 + shift, 9, size),
        "visits": random.poisson(3, size),
        "active": random.random(size) < 0.3,
        "plan": random.choice(list(plans), size).astype(object),
        "when": np.datetime64("2026-01-01", "us") + random.integers(0, 10**12, size),
        HOSTILE: random.pareto(1.5, size),
    }


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(3)


def records(given: Rows) -> list[dict[str, Any]]:
    return [dict(zip(given, row, strict=True)) for row in zip(*given.values(), strict=True)]


@pytest.mark.parametrize("form", [dict, pd.DataFrame, pl.DataFrame, records])
def test_any_form_of_rows_is_compared(form: Callable[[Rows], Any], random: Any) -> None:
    found = compare(form(rows(random, 3000)), form(rows(random, 800, shift=4)))
    assert found.alarm
    assert found.drifted == ("age",)
    age = found.fields["age"]
    assert age.drifted
    assert age.test == "chi_square"
    assert age.p_value < 1e-6 < 0.1 < age.effect
    assert "above chance" in age.why
    assert not compare(form(rows(random, 3000)), form(rows(random, 800))).alarm


def test_texts_of_many_words_and_vectors_are_quiet_where_nothing_moved(random: Any) -> None:
    names = np.array([f"word{number}" for number in range(5000)])

    def later(size: int) -> Rows:
        texts = [" ".join(words) for words in random.choice(names, (size, 3))]
        return {"note": texts, "vector": random.normal(size=(size, 200))}

    for size in (300, 1500):
        found = compare(later(size), later(800))
        assert not found.alarm, str(found)
        assert found.fields["note.unknown"].test == "chi_square"
    assert {"note.unknown", "vector.axis1"} <= set(
        compare(later(800), {"note": ["odd"] * 400, "vector": 4 * later(400)["vector"]}).drifted
    )


def test_lists_of_unequal_lengths_are_left_out_and_told(random: Any) -> None:
    ragged = {"x": random.normal(size=300), "lists": [[1.0], [2.0, 3.0]] * 150}
    for form in (dict, pd.DataFrame, pl.DataFrame):
        found = compare(form(ragged), form(ragged))
        assert "unequal lengths" in found.ignored["lists"]
        assert list(found.fields) == ["x"]
    with pytest.raises(InputError, match="No column"):
        compare({"lists": ragged["lists"]}, ragged)


def test_sparse_columns_are_compared_as_what_they_stand_for(random: Any) -> None:
    def rare(share: float) -> pd.DataFrame:
        return pd.DataFrame({"x": pd.arrays.SparseArray(random.random(2000) < share, dtype=int)})

    assert not compare(rare(0.1), rare(0.1)).alarm
    assert compare(rare(0.1), rare(0.4)).drifted == ("x",)


@pytest.mark.parametrize("column", [True, False])
def test_masked_values_and_frames_without_rows_yet_are_refused_with_what_to_do(
    column: bool, random: Any
) -> None:
    masked = np.ma.masked_array(random.normal(size=300), mask=random.random(300) < 0.5)
    with pytest.raises(InputError, match="filled"):
        compare(random.normal(size=300), {"x0": masked} if column else masked)
    with pytest.raises(InputError, match="collect"):
        compare(pl.LazyFrame({"x0": [1.0]}), masked)


def test_a_column_named_as_a_measure_of_another_is_a_field_beside_it(random: Any) -> None:
    def notes(size: int, shift: float, letters: int) -> Rows:
        words = ["".join(each) for each in random.choice(list("abcdef"), (size, letters))]
        return {"note.characters": random.normal(shift, 1, size), "note": words}

    before = notes(4000, 0, 6)
    assert compare(before, notes(800, 2, 6)).drifted == ("note.characters",)
    assert compare(before, notes(800, 0, 9)).fields["note:characters"].drifted


@pytest.mark.parametrize("days", [0.04, 1.0, 10.0])
def test_times_of_other_days_than_the_reference_are_no_drift(days: float, random: Any) -> None:
    def times(first: float, last: float, size: int) -> Rows:
        offsets = random.uniform(first, last, size) * 86_400e6
        return {"when": np.datetime64("2026-01-01", "us") + offsets.astype(np.int64)}

    found = compare(times(0, 30, 3000), times(30, 30 + days, 800))
    assert not found.alarm, str(found)
    assert "span less than 8 weeks" in found.fields["when.weekday"].why


def test_hours_that_moved_over_months_are_a_drift(random: Any) -> None:
    def times(first: int, last: int, size: int) -> Rows:
        hours = random.integers(0, 100, size) * 24 + random.integers(first, last, size)
        return {"when": np.datetime64("2026-01-01", "us") + hours * 3_600_000_000}

    assert not compare(times(8, 18, 2000), times(8, 18, 800)).alarm
    assert compare(times(8, 18, 2000), times(11, 21, 800)).drifted == ("when.hour",)


def test_arrays_are_compared_column_by_column(random: Any) -> None:
    moved = np.column_stack([random.normal(size=400), random.normal(0.8, 1, 400)])
    found = compare(random.normal(size=(2000, 2)), moved)
    assert found.drifted == ("x1",)
    frame = pd.DataFrame(random.normal(size=(2000, 2)), columns=["a", "b"])
    assert compare(frame, moved).drifted == ("b",)


def test_profiles_are_compared_as_they_are(random: Any) -> None:
    before, after, *_ = profiles_of(
        read_frame(rows(random, 3000)), read_frame(rows(random, 800, shift=4))
    )
    assert compare(before, after).drifted == ("age",)
    with pytest.raises(InputError, match="profile"):
        compare(before, rows(random, 100))


def test_new_categories_missing_values_and_outliers_are_faults_not_refusals(random: Any) -> None:
    later = rows(random, 800, plans="abz")
    later["age"][:200] = np.nan
    later["visits"] = later["visits"] + 0.5
    later[HOSTILE][:100] = np.inf
    found = compare(rows(random, 3000), later)
    faults = {(one.field, one.kind) for one in found.broken}
    assert {("plan", "new_categories"), ("age", "missing"), (HOSTILE, "missing")} <= faults
    assert not [one for one in found.broken if one.kind == "schema"]


def test_columns_that_went_or_changed_their_kind_break_the_schema(random: Any) -> None:
    later = rows(random, 800)
    later["years"] = later.pop("age")
    later["visits"] = ["many"] * 800
    found = compare(rows(random, 3000), later)
    assert [(one.field, one.kind) for one in found.broken] == [
        ("age", "schema"), ("visits", "schema"),
    ]  # fmt: skip
    assert dict(found.ignored) == {"years": "it is not in the reference"}
    with pytest.raises(NotFoundError):
        found.figure("visits")


def test_columns_of_no_kind_are_left_out_and_told(random: Any) -> None:
    before = {**rows(random, 500), "empty": [None] * 500}
    found = compare(before, rows(random, 500))
    assert "no value" in found.ignored["empty"]
    with pytest.raises(InputError, match="No column"):
        compare({"empty": [None] * 500}, rows(random, 500))


@pytest.mark.parametrize("wrong", [{"a": [1, 2], "b": [1]}, {"a": 1}, {}, [], 7, pd.DataFrame()])
def test_what_is_no_table_is_refused(wrong: object, random: Any) -> None:
    with pytest.raises(InputError):
        compare(rows(random, 200), wrong)


def test_few_rows_are_not_tested_and_the_rule_may_say_what_few_are(random: Any) -> None:
    before, after = rows(random, 3000), rows(random, 50, shift=30)
    found = compare(before, after)
    assert not found.alarm
    assert "below 100" in found.fields["age"].why
    assert str(found).startswith("Not tested")
    assert compare(before, after, rule=Rule(rows_min=20)).alarm


def test_alarms_stay_within_the_budget_where_nothing_moves(random: Any) -> None:
    alarms = sum(
        compare(random.normal(size=(400, 3)), random.normal(size=(200, 3)), rule=Rule(alpha=0.1))
        .alarm
        for _ in range(200)
    )  # fmt: skip
    assert alarms <= 34, "0.1 of 200, and three deviations"


def test_what_is_shown_is_escaped_and_holds_nothing_from_elsewhere(random: Any) -> None:
    found = compare(rows(random, 1000), rows(random, 1000, shift=9, plans="ab"))
    html = found._repr_html_()
    assert "&lt;script&gt;" in html
    assert "<script" not in html
    assert "http" not in html
    assert html.count('scope="row"') == len(found.fields)
    assert repr(found).splitlines()[0].startswith("Alarm: 2 of ")
    assert repr(HOSTILE) in repr(found)


def test_figures_show_all_fields_or_one(random: Any) -> None:
    found: Compared = compare(rows(random, 1000), rows(random, 1000, shift=9, plans="abz"))
    assert found.figure().data[0].text[0] == "drifted"
    assert found.figure("plan").layout.yaxis.ticktext == ("a", "b", "c", "new", "missing")
    assert found.figure("active").layout.yaxis.ticktext == ("0", "1", "missing")
    assert found.figure("age").data[0].line.shape == "hv"
    for name in found.fields:
        assert len(found.figure(name).data) == 2
    with pytest.raises(NotFoundError) as caught:
        found.figure("agee")
    assert "'age'" in (caught.value.hint or "")


def test_many_categories_and_one_value_are_drawn(random: Any) -> None:
    names = np.array([f"c{n}" for n in range(400)], dtype=object)
    before = {"c": random.choice(names, 4000), "one": np.ones(4000)}
    found = compare(before, {"c": random.choice(names, 4000), "one": np.ones(4000)})
    assert found.figure("c").layout.yaxis.ticktext[-2:] == ("others", "missing")
    assert found.figure("one").layout.yaxis.ticktext == ("1", "missing")
    total = sum(found.figure("c").data[1].x)
    assert total == pytest.approx(1.0)


def test_a_profile_without_a_field_draws_none() -> None:
    nothing = Profile(rows=0, inputs={})
    assert compare(nothing, nothing).figure().data[0].x == ()


def test_the_package_offers_it_and_loads_it_late() -> None:
    code = (
        "import sys, fairlead; assert 'fairlead.monitor' not in sys.modules;"
        "fairlead.monitor.compare; assert not {'plotly', 'scipy.stats', 'polars', 'pandas',"
        "'sklearn'} & {*sys.modules}"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert fairlead.monitor.compare is compare
