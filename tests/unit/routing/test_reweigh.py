"""Weights change such that no unit moves without cause, whatever is done one after the other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.routing import SLOTS, Arm, VersionRef, owners, reweigh

NAMES = ("stable", "b", "c")
STARTS = st.integers(0, SLOTS - 1)


def fresh() -> tuple[Arm, ...]:
    version = VersionRef("churn:1", "", "")
    return tuple(
        Arm(name, version, "stable", ((0, SLOTS),) if name == "stable" else ()) for name in NAMES
    )


@st.composite
def weights(draw: st.DrawFn) -> dict[str, int]:
    low, high = sorted(draw(st.tuples(st.integers(0, SLOTS), st.integers(0, SLOTS))))
    return dict(zip(NAMES, (low, high - low, SLOTS - high), strict=True))


def shares(table: bytes) -> dict[str, int]:
    return {name: table.count(place) for place, name in enumerate(NAMES)}


@given(st.lists(st.tuples(weights(), STARTS), max_size=6))
def test_only_arms_that_shrink_lose_units_and_only_as_many_as_they_must(
    changes: list[tuple[dict[str, int], int]],
) -> None:
    arms = fresh()
    for wanted, start in changes:
        before = owners(arms)
        had = shares(before)
        arms = reweigh(arms, wanted, start)
        after = owners(arms)
        assert shares(after) == wanted
        moved = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
        assert len(moved) == sum(max(0, had[name] - wanted[name]) for name in NAMES)
        assert all(wanted[NAMES[a]] < had[NAMES[a]] for a, _ in moved)
        assert all(wanted[NAMES[b]] > had[NAMES[b]] for _, b in moved)


@given(weights(), STARTS)
def test_an_arm_of_weight_0_owns_nothing_and_what_is_given_twice_changes_nothing(
    wanted: dict[str, int], start: int
) -> None:
    arms = reweigh(fresh(), wanted, start)
    assert all(bool(arm.slots) == (wanted[arm.name] > 0) for arm in arms)
    assert reweigh(arms, wanted, start + 1) == arms


def test_releases_that_start_elsewhere_try_other_units() -> None:
    small = {"stable": 9_500, "b": 500, "c": 0}
    first, second = (owners(reweigh(fresh(), small, start)) for start in (0, 5_000))
    assert not any(a == b == 1 for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize(
    "wanted",
    [{}, {"stable": SLOTS}, dict.fromkeys(NAMES, SLOTS), {"stable": -1, "b": SLOTS + 1, "c": 0}],
)
def test_weights_that_are_none_are_refused(wanted: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="exactly the arms"):
        reweigh(fresh(), wanted)
