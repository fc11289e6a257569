"""A profile is a monoid: what is counted apart and merged is what is counted at once."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.errors import ConflictError, StorageError
from fairlead.profiles import (
    Categorical,
    Named,
    Numeric,
    Profile,
    decode,
    empty,
    encode,
    make_reference,
    merge,
    observe,
)
from fairlead.signature import Batch, Field, Signature

SIGNATURE = Signature(
    inputs=(
        Field(name="x", kind="number", missing="allow"),
        Field(name="plan", kind="category", categories=("a", "b"), missing="allow"),
        Field(name="note", kind="text", missing="allow"),
        Field(name="at", kind="timestamp", missing="allow"),
        Field(name="picture", kind="tensor", shape=(2,)),
    ),
    outputs=(
        Field(name="label", kind="category", categories=(0, 1)),
        Field(name="probabilities", kind="tensor", shape=(2,), categories=(0, 1)),
    ),
)
NUMBERS = st.one_of(st.just(np.nan), st.integers(-5, 5).map(float), st.floats(-1e9, 1e9))


def objects(values: list[Any]) -> npt.NDArray[np.object_]:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


@st.composite
def rows(draw: st.DrawFn, smallest: int = 0) -> tuple[Batch, Batch]:
    n = draw(st.integers(smallest, 12))

    def column(values: st.SearchStrategy[Any]) -> list[Any]:
        return draw(st.lists(values, min_size=n, max_size=n))

    chance = np.array(column(st.floats(0, 1)), dtype=np.float64)
    inputs = Batch(n, ("x",), np.array(column(NUMBERS), dtype=np.float64).reshape(n, 1), {
        "plan": objects(column(st.sampled_from(["a", "b", "new", None]))),
        "note": objects(column(st.one_of(st.none(), st.text(max_size=5)))),
        "at": np.array(column(st.sampled_from([0, 10**15, np.iinfo(np.int64).min])),
                       dtype=np.int64).view("datetime64[us]"),
        "picture": np.array(column(st.tuples(NUMBERS, NUMBERS)), dtype=np.float64).reshape(n, 2),
    })  # fmt: skip
    outputs = Batch(n, (), np.empty((n, 0)), {
        "label": objects(column(st.sampled_from([0, 1]))),
        "probabilities": np.column_stack([1 - chance, chance]),
    })  # fmt: skip
    return inputs, outputs


def joined(a: tuple[Batch, Batch], b: tuple[Batch, Batch]) -> tuple[Batch, Batch]:
    def join(left: Batch, right: Batch) -> Batch:
        columns = {n: np.concatenate([left.columns[n], right.columns[n]]) for n in left.columns}
        numbers = np.concatenate([left.numbers, right.numbers])
        return Batch(len(numbers), left.names, numbers, columns)

    return join(a[0], b[0]), join(a[1], b[1])


def numerics(profile: Profile) -> list[Numeric]:
    found = []
    for summary in [*profile.inputs.values(), *profile.outputs.values()]:
        if isinstance(summary, Numeric):
            found.append(summary)
        elif isinstance(summary, Named):
            found += summary.parts.values()
    return found


def without_moments(profile: Profile) -> Any:
    plain = msgspec.json.decode(encode(profile))

    def strip(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: strip(v) for k, v in value.items() if k not in ("mean", "m2")}
        return value

    return strip(plain)


def same(a: Profile, b: Profile) -> None:
    assert without_moments(a) == without_moments(b)
    for one, other in zip(numerics(a), numerics(b), strict=True):
        scale = max(abs(one.low or 0), abs(one.high or 0), 1.0)
        assert one.mean == pytest.approx(other.mean, abs=1e-12 * scale)
        assert one.m2 == pytest.approx(other.m2, rel=1e-9, abs=1e-12 * scale**2)


@settings(max_examples=60, deadline=None)
@given(rows(1), rows(), rows(), rows())
def test_profiles_are_a_commutative_monoid_and_a_homomorphism_of_rows(
    first: tuple[Batch, Batch],
    r: tuple[Batch, Batch],
    s: tuple[Batch, Batch],
    t: tuple[Batch, Batch],
) -> None:
    reference = make_reference(SIGNATURE, *first)
    a, b, c = (observe(reference, *part) for part in (r, s, t))
    assert merge(a, b) == merge(b, a)
    assert merge(a, empty(reference)) == a
    same(merge(merge(a, b), c), merge(a, merge(b, c)))
    same(merge(a, b), observe(reference, *joined(r, s)))
    assert decode(encode(a)) == a


@settings(max_examples=60, deadline=None)
@given(rows(1), rows())
def test_every_row_is_counted_once_in_every_field(
    first: tuple[Batch, Batch], later: tuple[Batch, Batch]
) -> None:
    reference = make_reference(SIGNATURE, *first)
    for profile in (reference, observe(reference, *later)):
        for number in numerics(profile):
            assert sum(number.counts) == number.count
            assert number.count + number.missing == profile.rows
        plan = profile.inputs["plan"]
        assert isinstance(plan, Categorical)
        assert sum(plan.counts) + plan.other + plan.missing == profile.rows
    for number in numerics(reference):
        assert number.counts[0] == number.counts[-1] == 0 or not number.edges


def one_number(values: list[float]) -> tuple[Signature, Batch]:
    signature = Signature(inputs=(Field(name="x", kind="number"),), outputs=())
    return signature, Batch(len(values), ("x",), np.array(values).reshape(-1, 1), {})


def numeric(profile: Profile) -> Numeric:
    summary = profile.inputs["x"]
    assert isinstance(summary, Numeric)
    return summary


def test_values_beyond_the_reference_are_counted_under_and_over() -> None:
    signature, batch = one_number([1.0, 2.0, 3.0])
    reference = make_reference(signature, batch)
    _, later = one_number([0.5, 1.0, 3.0, 3.5, 9.0, np.inf])
    found = numeric(observe(reference, later))
    assert found.counts == (1, 1, 0, 1, 2)
    assert (found.low, found.high, found.missing) == (0.5, 9.0, 1)


def test_bins_of_many_values_hold_equal_shares_of_the_reference() -> None:
    signature, batch = one_number(np.random.default_rng(0).normal(size=10_000).tolist())
    counts = np.array(numeric(make_reference(signature, batch)).counts[1:-1])
    assert len(counts) == 32
    assert np.ptp(counts) <= 2


def test_a_reference_without_values_and_values_at_the_limit_of_doubles_are_taken() -> None:
    signature, nothing = one_number([np.nan])
    reference = make_reference(signature, nothing)
    _, extreme = one_number([-1.7e308, 1.7e308])
    found = observe(reference, extreme)
    assert numeric(found).counts == (2,)
    assert decode(encode(merge(found, found))).rows == 4


def test_only_the_most_frequent_categories_are_kept_apart() -> None:
    names = tuple(f"c{i:03}" for i in range(300))
    signature = Signature(inputs=(Field(name="c", kind="category", categories=names),), outputs=())
    values = objects([*names, *names[100:]])
    profile = make_reference(signature, Batch(len(values), (), np.empty((500, 0)), {"c": values}))
    summary = profile.inputs["c"]
    assert isinstance(summary, Categorical)
    assert len(summary.categories) == 255
    assert set(names[100:]) <= set(summary.categories)
    assert summary.other == 45


def test_profiles_of_different_references_do_not_merge() -> None:
    signature, batch = one_number([1.0, 2.0])
    _, other = one_number([1.0, 5.0])
    with pytest.raises(ConflictError):
        merge(make_reference(signature, batch), make_reference(signature, other))


@pytest.mark.parametrize("raw", [b"", b"{}", b'{"rows":1,"inputs":{},"format":99}', b"\xff"])
def test_bytes_that_are_no_profile_are_refused(raw: bytes) -> None:
    with pytest.raises(StorageError):
        decode(raw)


def test_fifty_columns_stay_under_sixty_kilobytes_and_a_million_cells_under_a_second() -> None:
    n = 20_000
    fields = tuple(Field(name=f"feature_{i}", kind="number") for i in range(50))
    signature = Signature(inputs=fields, outputs=())
    numbers = np.random.default_rng(0).normal(size=(n, 50))
    batch = Batch(n, tuple(field.name for field in fields), numbers, {})
    reference = make_reference(signature, batch)
    assert len(encode(reference)) < 60_000
    started = time.process_time()
    observe(reference, batch)
    assert time.process_time() - started < 1.0
