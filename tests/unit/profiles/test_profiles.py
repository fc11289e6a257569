"""A profile is a monoid: what is counted apart and merged is what is counted at once."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.errors import ConflictError
from fairlead.profiles import (
    Categorical,
    Leaf,
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
from support.media import flac_header, picture, sound

SIGNATURE = Signature(
    inputs=(
        Field(name="x", kind="number", missing="allow"),
        Field(name="plan", kind="category", categories=("a", "b"), missing="allow"),
        Field(name="note", kind="text", missing="allow"),
        Field(name="at", kind="timestamp", missing="allow"),
        Field(name="vector", kind="tensor", shape=(2,)),
        Field(name="picture", kind="image", missing="allow"),
        Field(name="sound", kind="audio", missing="allow"),
    ),
    outputs=(
        Field(name="label", kind="category", categories=(0, 1)),
        Field(name="probabilities", kind="tensor", shape=(2,), categories=(0, 1)),
    ),
)
NUMBERS = st.one_of(st.just(np.nan), st.integers(-5, 5).map(float), st.floats(-1e9, 1e9))
NAT = np.iinfo(np.int64).min
PIXELS = np.arange(64, dtype=np.uint8).reshape(8, 8)
PICTURES = (picture(PIXELS), picture(np.stack([PIXELS] * 3, axis=-1), "JPEG"), b"GIF89a", None)
SOUNDS = (sound(np.sin(np.arange(400) / 3)), flac_header(44_100, 1000), b"OggS", None)

Rows = tuple[Batch, Batch, npt.NDArray[np.int64], npt.NDArray[np.float64]]


def objects(values: list[Any]) -> npt.NDArray[np.object_]:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


@st.composite
def rows(draw: st.DrawFn, smallest: int = 0) -> Rows:
    n = draw(st.integers(smallest, 12))

    def column(values: st.SearchStrategy[Any]) -> list[Any]:
        return draw(st.lists(values, min_size=n, max_size=n))

    chance = np.array(column(st.floats(0, 1)), dtype=np.float64)
    inputs = Batch(n, ("x",), np.array(column(NUMBERS), dtype=np.float64).reshape(n, 1), {
        "plan": objects(column(st.sampled_from(["a", "b", "new", None]))),
        "note": objects(column(st.one_of(st.none(), st.text(max_size=5)))),
        "at": np.array(column(st.sampled_from([0, 10**15, NAT])),
                       dtype=np.int64).view("datetime64[us]"),
        "vector": np.array(column(st.tuples(NUMBERS, NUMBERS)), dtype=np.float64).reshape(n, 2),
        "picture": objects(column(st.sampled_from(PICTURES))),
        "sound": objects(column(st.sampled_from(SOUNDS))),
    })  # fmt: skip
    outputs = Batch(n, (), np.empty((n, 0)), {
        "label": objects(column(st.sampled_from([0, 1]))),
        "probabilities": np.column_stack([1 - chance, chance]),
    })  # fmt: skip
    times = np.array(column(st.integers(0, 2 * 10**15)), dtype=np.int64)
    return inputs, outputs, times, np.array(column(NUMBERS), dtype=np.float64)


def joined(a: Rows, b: Rows) -> Rows:
    def join(left: Batch, right: Batch) -> Batch:
        columns = {n: np.concatenate([left.columns[n], right.columns[n]]) for n in left.columns}
        numbers = np.concatenate([left.numbers, right.numbers])
        return Batch(len(numbers), left.names, numbers, columns)

    return (
        join(a[0], b[0]), join(a[1], b[1]),
        np.concatenate([a[2], b[2]]), np.concatenate([a[3], b[3]]),
    )  # fmt: skip


def reference_of(part: Rows) -> Profile:
    inputs, outputs, times, _ = part
    return make_reference(SIGNATURE, inputs, outputs, times_us=times)


def profile_of(reference: Profile, part: Rows) -> Profile:
    inputs, outputs, times, revenue = part
    return observe(reference, inputs, outputs, times_us=times, metrics={"revenue": revenue})


def leaves(profile: Profile) -> list[Leaf]:
    found: list[Leaf] = []
    for summary in [*profile.inputs.values(), *profile.outputs.values()]:
        found += summary.parts.values() if isinstance(summary, Named) else [summary]
    return [*found, *profile.metrics.values()]


def without_moments(leaf: Leaf) -> Leaf:
    return msgspec.structs.replace(leaf, mean=0.0, m2=0.0) if isinstance(leaf, Numeric) else leaf


def same(a: Profile, b: Profile) -> None:
    assert a.rows == b.rows
    assert [*map(without_moments, leaves(a))] == [*map(without_moments, leaves(b))]
    for one, other in zip(leaves(a), leaves(b), strict=True):
        if isinstance(one, Numeric) and isinstance(other, Numeric):
            scale = max(abs(one.low or 0), abs(one.high or 0), 1.0)
            assert one.mean == pytest.approx(other.mean, abs=1e-12 * scale)
            assert one.m2 == pytest.approx(other.m2, rel=1e-9, abs=1e-12 * scale**2)


@settings(max_examples=60)
@given(rows(1), rows(), rows(), rows())
def test_profiles_are_a_commutative_monoid_and_a_homomorphism_of_rows(
    first: Rows, r: Rows, s: Rows, t: Rows
) -> None:
    reference = reference_of(first)
    a, b, c = (profile_of(reference, part) for part in (r, s, t))
    same(merge(a, b), merge(b, a))
    assert merge(a, empty(reference)) == a
    assert merge(empty(a), a) == a
    same(merge(merge(a, b), c), merge(a, merge(b, c)))
    same(merge(a, b), profile_of(reference, joined(r, s)))
    assert decode(encode(a)) == a


@settings(max_examples=60)
@given(rows(1), rows())
def test_every_row_is_counted_once_in_every_measure(first: Rows, later: Rows) -> None:
    reference = reference_of(first)
    held_out = {reference.rows, reference.rows // 2}  # of what words and axes are learned from
    for profile, rows in ((p := profile_of(reference, later), {p.rows}), (reference, held_out)):
        for leaf in leaves(profile):
            if isinstance(leaf, Numeric):
                assert sum(leaf.counts) == leaf.count
                assert leaf.count + leaf.missing in rows
            else:
                assert sum(leaf.counts) + leaf.other + leaf.new + leaf.missing in rows


@settings(max_examples=60)
@given(rows(1))
def test_a_reference_has_no_value_outside_its_own_edges_and_categories(first: Rows) -> None:
    inputs, outputs, _, revenue = first
    reference = make_reference(SIGNATURE, inputs, outputs, metrics={"revenue": revenue})
    for leaf in leaves(reference):
        if isinstance(leaf, Categorical):
            assert leaf.other == 0
            declared = leaf is reference.inputs["plan"]
            assert leaf.new == 0 or declared  # which may lack what the rows hold
        elif leaf.edges and leaf.count:
            assert leaf.counts[0] == leaf.counts[-1] == 0


def test_what_only_one_of_two_profiles_measured_stays_as_it_is() -> None:
    signature = Signature(inputs=(Field(name="x", kind="number"),), outputs=())
    batch = Batch(2, ("x",), np.array([[1.0], [2.0]]), {})
    reference = make_reference(signature, batch, metrics={"cost": np.array([1.0, 3.0])})
    with_revenue = observe(reference, batch, metrics={"revenue": np.array([10.0, np.nan])})
    plain = observe(reference, batch)
    both = merge(plain, with_revenue)
    assert both.metrics["revenue"] == with_revenue.metrics["revenue"]
    assert (both.metrics["revenue"].count, both.metrics["revenue"].missing) == (1, 1)
    assert both.metrics["cost"] == plain.metrics["cost"]
    assert empty(both).metrics.keys() == {"cost"}


@pytest.mark.parametrize("change", [
    lambda x: msgspec.structs.replace(x, inputs={**x.inputs, "x": x.outputs["label"]}),
    lambda x: msgspec.structs.replace(x, inputs={**x.inputs, "x": x.inputs["note"]}),
    lambda x: msgspec.structs.replace(x, inputs={**x.inputs, "note": x.inputs["at"]}),
    lambda x: msgspec.structs.replace(x, inputs={**x.inputs, "note": x.inputs["x"]}),
    lambda x: msgspec.structs.replace(x, inputs={}),
    lambda x: msgspec.structs.replace(
        x, inputs={**x.inputs, "note": msgspec.structs.replace(x.inputs["note"], known=b"other")}),
    lambda x: msgspec.structs.replace(
        x, inputs={**x.inputs, "plan": msgspec.structs.replace(x.inputs["plan"], known=b"other")}),
    lambda x: msgspec.structs.replace(
        x, metrics={"cost": msgspec.structs.replace(x.inputs["x"], edges=(0.0, 9.0))}),
])  # fmt: skip
def test_profiles_of_different_references_do_not_merge(change: Any) -> None:
    part: Rows = (
        Batch(1, ("x",), np.array([[1.0]]), {
            "plan": objects(["a"]), "note": objects(["hello"]),
            "at": np.array([0], dtype="datetime64[us]"), "vector": np.array([[1.0, 2.0]]),
            "picture": objects([PICTURES[0]]), "sound": objects([SOUNDS[0]]),
        }),
        Batch(1, (), np.empty((1, 0)), {
            "label": objects([0]), "probabilities": np.array([[0.5, 0.5]])}),
        np.array([0]), np.array([1.0]),
    )  # fmt: skip
    inputs, outputs, times, cost = part
    profile = make_reference(SIGNATURE, inputs, outputs, times_us=times, metrics={"cost": cost})
    with pytest.raises(ConflictError):
        merge(profile, change(profile))
    with pytest.raises(ConflictError):
        merge(change(profile), profile)
