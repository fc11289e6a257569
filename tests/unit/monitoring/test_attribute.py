"""A change is split exactly, and the field that caused it comes first."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.errors import ConfigError
from fairlead.monitoring.attribute import (
    Segments,
    attribute,
    merge_segments,
    name_segments,
    sum_segments,
)
from fairlead.monitoring.estimate import expected_losses, fit_estimator
from fairlead.profiles import Categorical, Numeric, make_reference
from support.answers import CLASSIFIER, Made, classified

Values = npt.NDArray[Any]
fast = settings(max_examples=60)
CELLS = st.dictionaries(
    st.sampled_from("abcdef"),
    st.tuples(st.integers(1, 50), st.floats(0.0, 10.0)),
    min_size=1,
)


def segments(cells: dict[str, tuple[int, float]]) -> Segments:
    return Segments(
        {name: rows for name, (rows, _) in cells.items()},
        {name: rows * mean for name, (rows, mean) in cells.items()},
    )


@fast
@given(CELLS, CELLS)
def test_parts_of_a_field_add_up_to_the_change(
    before: dict[str, tuple[int, float]], after: dict[str, tuple[int, float]]
) -> None:
    found = attribute({"x": segments(before)}, {"x": segments(after)})
    share = found.fields[0]
    assert share.mix + share.rate == pytest.approx(found.change, abs=1e-9)
    assert sum(part.total for part in share.parts) == pytest.approx(found.change, abs=1e-9)
    sizes = [abs(part.total) for part in share.parts]
    assert sizes == sorted(sizes, reverse=True)


@fast
@given(CELLS)
def test_rows_that_only_moved_have_no_rate_and_that_only_got_worse_no_mix(
    before: dict[str, tuple[int, float]],
) -> None:
    moved = {name: (rows * (2 + place), mean)
             for place, (name, (rows, mean)) in enumerate(before.items())}  # fmt: skip
    assert attribute({"x": segments(before)}, {"x": segments(moved)}).fields[0].rate == (
        pytest.approx(0.0, abs=1e-9)
    )
    worse = {name: (rows, mean + 1.0) for name, (rows, mean) in before.items()}
    share = attribute({"x": segments(before)}, {"x": segments(worse)}).fields[0]
    assert share.mix == pytest.approx(0.0, abs=1e-9)
    assert share.rate == pytest.approx(1.0)


def sums(made: Made) -> dict[str, Segments]:
    reference = make_reference(CLASSIFIER, REFERENCE.inputs)
    estimator = fit_estimator(CLASSIFIER, REFERENCE.inputs, REFERENCE.outputs, REFERENCE.truth)
    assert estimator is not None
    losses = expected_losses(estimator, CLASSIFIER, made.inputs, made.outputs)
    found = {}
    for name, summary in reference.inputs.items():
        assert isinstance(summary, Numeric | Categorical)
        found[name] = sum_segments(name_segments(summary, made.inputs.column(name)), losses)
    return found


REFERENCE = classified(5000, 0)


def test_the_field_that_moved_into_harder_rows_comes_first() -> None:
    found = attribute(sums(REFERENCE), sums(classified(5000, 1, hard=1.0)))
    assert [share.field for share in found.fields] == ["plan", "age"]
    plan, age = found.fields
    assert plan.mix == pytest.approx(found.change, rel=0.1)
    assert plan.mix > 10 * plan.chance
    assert abs(age.mix) < 4 * age.chance
    assert plan.parts[0].segment == "free"
    assert plan.parts[0].after > plan.parts[0].before


def test_where_nothing_moved_a_mix_is_within_its_chance() -> None:
    before = sums(REFERENCE)
    scores = []
    for seed in range(1, 41):
        found = attribute(before, sums(classified(1000, seed)))
        scores += [share.mix / share.chance for share in found.fields if share.field == "plan"]
    assert 0.7 < np.std(scores) < 1.4


@fast
@given(CELLS, CELLS, CELLS)
def test_segments_merge_in_any_order(
    a: dict[str, tuple[int, float]],
    b: dict[str, tuple[int, float]],
    c: dict[str, tuple[int, float]],
) -> None:
    x, y, z = map(segments, (a, b, c))
    one, other = merge_segments(merge_segments(x, y), z), merge_segments(z, merge_segments(y, x))
    assert one.rows == other.rows
    assert one.losses == pytest.approx(other.losses)
    assert merge_segments(x, Segments()) == x


def test_numbers_fall_into_ranges_of_the_reference() -> None:
    numbers = np.append(np.random.default_rng(1).normal(0, 1, 5000), [np.nan, np.inf, -1e9])
    batch = classified(5003, 1).inputs
    batch = type(batch)(5003, ("age",), numbers[:, None], batch.columns)
    summary = make_reference(CLASSIFIER, batch).inputs["age"]
    assert isinstance(summary, Numeric)
    names, counts = np.unique(name_segments(summary, numbers), return_counts=True)
    assert len(names) == 9
    assert dict(zip(names, counts, strict=True))["(missing)"] == 1
    shares = counts[names != "(missing)"] / 5002
    assert ((shares > 0.02) & (shares < 0.25)).all()


def test_a_number_of_one_value_is_one_range() -> None:
    one = Numeric(edges=(3.0,), counts=(0, 0))
    assert name_segments(one, np.array([3.0, 4.0, np.nan])).tolist() == [
        "(any)", "(any)", "(missing)",
    ]  # fmt: skip


def test_new_and_missing_categories_are_segments_of_their_own() -> None:
    plan = Categorical(categories=("free", 7), counts=(0, 0))
    values = np.array(["free", 7, None, "gold"], dtype=object)
    assert name_segments(plan, values).tolist() == ["free", "7", "(missing)", "(other)"]


def test_there_is_nothing_to_explain_without_rows_or_fields() -> None:
    some = {"x": Segments({"a": 3}, {"a": 1.0})}
    for before, after in (({}, {}), (some, {"y": some["x"]}), (some, {"x": Segments()})):
        with pytest.raises(ConfigError, match="nothing"):
            attribute(before, after)
