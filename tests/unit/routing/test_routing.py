"""Assignment is a pure function: sticky, even, and monotone as a share grows."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.clock import ManualClock
from fairlead.ids import Ids, IdSource
from fairlead.routing import SLOTS, Arm, VersionRef, owners, slot_of_request, slot_of_unit

VERSION = VersionRef("churn:1", "", "")


def arm(name: str, *slots: tuple[int, int]) -> Arm:
    return Arm(name, VERSION, "stable", slots)


def split(share: int) -> bytes:
    """The owners when a candidate, of place 1, has `share` slots from the top."""
    return owners([arm("stable", (0, SLOTS - share)), arm("candidate", (SLOTS - share, SLOTS))])


@given(salt=st.text(max_size=10), unit=st.text(st.characters(exclude_categories=[])))
def test_a_unit_keeps_its_slot(salt: str, unit: str) -> None:
    salt = salt.encode("utf-8", "replace").decode()
    slot = slot_of_unit(salt, unit)
    assert 0 <= slot < SLOTS
    assert slot_of_unit(salt, unit) == slot


def test_slots_are_the_same_on_every_machine_and_for_ever() -> None:
    units = ("", "user-1", "ü", "\ud800")
    assert [slot_of_unit("salt", unit) for unit in units] == [5359, 7588, 4693, 8906]
    assert slot_of_request(Ids(bytes(10), 12_345, 1)) == 2_345
    assert slot_of_request(Ids(b"\xff" * 10, 12_345, 7)) == 2_345


def chi_square(counts: list[int]) -> float:
    expected = sum(counts) / len(counts)
    return sum((count - expected) ** 2 / expected for count in counts)


def test_units_and_requests_spread_evenly() -> None:
    source = IdSource(ManualClock())
    for slots in (
        [slot_of_unit("salt", f"user-{n}") for n in range(40_000)],
        [slot_of_request(source.take(1)) for _ in range(40_000)],
    ):
        counts = [0] * 100
        for slot in slots:
            counts[slot * 100 // SLOTS] += 1
        assert chi_square(counts) < 99 + 6 * math.sqrt(2 * 99)


def test_endpoints_with_other_salts_assign_independently() -> None:
    units = [f"user-{n}" for n in range(20_000)]
    cells = [0, 0, 0, 0]
    for unit in units:
        cells[(slot_of_unit("a", unit) < 5_000) * 2 + (slot_of_unit("b", unit) < 5_000)] += 1
    assert chi_square(cells) < 3 + 6 * math.sqrt(2 * 3)


@given(shares=st.sets(st.integers(1, SLOTS - 1), min_size=2, max_size=2))
def test_as_a_share_grows_nobody_goes_back(shares: set[int]) -> None:
    small, large = sorted(shares)
    before, after = split(small), split(large)
    assert (before.count(1), after.count(1)) == (small, large)
    assert all(was <= now for was, now in zip(before, after, strict=True))


@given(bounds=st.sets(st.integers(1, SLOTS - 1), max_size=12), arms=st.integers(1, 4))
def test_every_slot_has_the_owner_that_claims_it(bounds: set[int], arms: int) -> None:
    edges = [0, *sorted(bounds), SLOTS]
    ranges = list(itertools.pairwise(edges))
    made = [arm(str(place), *ranges[place::arms]) for place in range(arms)]
    table = owners(made)
    assert len(table) == SLOTS
    for place, one in enumerate(made):
        assert all(set(table[start:end]) == {place} for start, end in one.slots)
        assert one.weight == pytest.approx(table.count(place) / SLOTS)
    assert sum(one.weight for one in made) == pytest.approx(1)


@pytest.mark.parametrize(
    "arms",
    [
        [],
        [arm("a")],
        [arm("a", (0, 9_999))],
        [arm("a", (1, SLOTS))],
        [arm("a", (0, 5_000)), arm("b", (4_999, SLOTS))],
        [arm("a", (0, SLOTS)), arm("b", (0, SLOTS))],
        [arm("a", (0, 5_000), (5_000, 5_000), (5_000, SLOTS))],
        [arm("a", (0, 5_000)), arm("b", (SLOTS, 5_000))],
        [arm("a", (-1, SLOTS))],
        [arm("a", (0, SLOTS + 1))],
        [arm(str(n), (n, n + 1)) for n in range(255)] + [arm("255", (255, SLOTS))],
        [arm(str(n), (n, n + 1)) for n in range(299)] + [arm("299", (299, SLOTS))],
    ],
)
def test_a_slot_without_or_with_two_owners_is_refused(arms: list[Arm]) -> None:
    with pytest.raises(ValueError):
        owners(arms)


def test_the_most_arms_are_255() -> None:
    arms = [arm(str(n), (n, n + 1)) for n in range(254)] + [arm("254", (254, SLOTS))]
    assert set(owners(arms)) == set(range(255))


def test_a_salt_has_at_most_64_bytes() -> None:
    slot_of_unit("x" * 64, "unit")
    with pytest.raises(ValueError):
        slot_of_unit("x" * 65, "unit")
