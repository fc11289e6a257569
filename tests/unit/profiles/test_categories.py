"""Categories: what is known, what is other, what is new, from every form a column has."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from fairlead.profiles import (
    Categorical,
    Profile,
    distinct_count,
    make_reference,
    observe,
    observe_columns,
    tally_codes,
    tally_values,
)
from fairlead.profiles.words import WORDS_MAX, WordFilter, encode_words
from fairlead.signature import Batch, Field, Signature

NAMES = tuple(f"c{i:04}" for i in range(1200))


def objects(values: Any) -> npt.NDArray[np.object_]:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def batch(values: Any) -> Batch:
    return Batch(len(values), (), np.empty((len(values), 0)), {"c": objects(values)})


def reference(values: Any, categories: Any = None) -> Profile:
    field = Field(name="c", kind="category", categories=categories)
    return make_reference(Signature(inputs=(field,), outputs=()), batch(values))


def of(profile: Profile) -> Categorical:
    found = profile.inputs["c"]
    assert isinstance(found, Categorical)
    return found


def test_values_that_no_reference_row_held_are_new() -> None:
    known = reference(["a", "b", "b"])
    found = of(observe(known, batch(["b", "c", "d", None])))
    assert found.categories == ("a", "b")
    assert (found.counts, found.other, found.new, found.missing) == ((0, 1), 0, 2, 1)


def test_declared_categories_are_known_though_no_row_holds_them() -> None:
    found = of(observe(reference(["a"], categories=("z", "a")), batch(["z", "y"])))
    assert (found.categories, found.counts, found.new) == (("z", "a"), (1, 0), 1)


def test_only_the_most_frequent_categories_are_kept_apart() -> None:
    names = NAMES[:300]
    found = of(reference([*names, *names[100:]], categories=names))
    assert len(found.categories) == 255
    assert set(names[100:]) <= set(found.categories)
    assert (found.other, found.new) == (45, 0)


def test_other_categories_of_the_reference_are_told_from_new_ones() -> None:
    known = reference(NAMES[:1000])
    strange = [f"new{i}" for i in range(5000)]
    found = of(observe(known, batch([*NAMES[:1000], *strange])))
    assert sum(found.counts) == 255
    assert found.other + found.new == 745 + len(strange)
    assert 0.96 * len(strange) < found.new <= len(strange)


def test_a_filter_is_bounded_and_never_denies_what_it_took() -> None:
    raw = encode_words(NAMES)
    assert len(raw) == WORDS_MAX
    holds = WordFilter(raw).holds
    assert all(map(holds, NAMES[:WORDS_MAX]))
    assert sum(holds(f"w{i}") for i in range(10_000)) < 400
    assert not WordFilter(b"").holds("")


def test_codes_numbers_and_objects_are_tallied_alike() -> None:
    codes = np.array([2, 0, -1, 2, 1, 2])
    expected = {None: 1, "a": 1, "b": 1, "c": 3}
    values = [None if code < 0 else "abc"[code] for code in codes]
    assert tally_codes(codes, ["a", "b", "c", "d"]) == expected
    assert tally_values(objects(values)) == expected
    numbers = np.where(codes < 0, np.nan, codes)
    assert tally_values(numbers) == {None: 1, 0: 1, 1: 1, 2: 3}
    assert tally_values(objects([1, np.nan, None, True])) == {None: 2, 1: 2}


def test_tallies_count_as_their_values_do() -> None:
    known = reference(NAMES[:400])
    values = [*NAMES[200:600], None, "x"] * 3
    once = observe(known, batch(values))
    tally = tally_values(objects(values))
    assert observe_columns(known, len(values), {"c": tally}).inputs == once.inputs


def test_categories_that_became_text_in_the_log_are_found_all_the_same() -> None:
    found = of(observe(reference([0, 1, 1]), batch(["1", "0", "2", None])))
    assert (found.counts, found.new, found.missing) == ((1, 1), 1, 1)


def test_a_reference_without_values_finds_everything_new() -> None:
    found = of(observe(reference([None]), batch(["a", "a", None])))
    assert (found.categories, found.counts, found.new, found.missing) == ((), (), 2, 1)


@pytest.mark.parametrize("distinct", [0, 3, 200, 900])
def test_distinct_categories_are_counted_within_four_standard_errors(distinct: int) -> None:
    found = of(observe(reference(NAMES), batch([*NAMES[:distinct], None])))
    assert abs(distinct_count(found) - distinct) <= 4 * 0.065 * distinct
