"""Who was seen before: each once, in a bounded space, and of too many a sample by chance."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.releases import known as module
from fairlead.releases.known import Known, add, admitted, first, hashed

few = st.lists(st.lists(st.integers(0, 30), max_size=10), max_size=10)


@given(few)
def test_each_is_first_once_where_it_comes_first(batches: list[list[int]]) -> None:
    known, seen = Known(), set[int]()
    for batch in batches:
        keys = hashed(map(str, batch))
        said = first(known, keys).tolist()
        expected = [n not in seen and n not in batch[:at] for at, n in enumerate(batch)]
        assert said == expected
        known, seen = add(known, keys), seen | set(batch)
        known = msgspec.json.decode(msgspec.json.encode(known), type=Known)


def test_any_text_can_be_known() -> None:
    assert len({*hashed(["", "\ud800", "ü", "0"]).tolist()}) == 4
    assert hashed([]).size == 0


def test_however_many_come_few_are_kept_and_nobody_is_first_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MOST", 500)
    known, firsts = Known(), Counter[int]()
    for _ in range(2):
        for start in range(0, 20_000, 400):
            keys = hashed(f"user {n}" for n in range(start, start + 400))
            firsts.update(keys[first(known, keys)].tolist())
            known = add(known, keys)
            assert len(known.hashes) <= 500 * 8
    assert set(firsts.values()) == {1}
    assert known.halvings >= 6


def test_who_is_left_in_is_so_by_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 1_000)
    known = add(Known(), hashed(f"user {n}" for n in range(1_500)))
    assert known.halvings == 1
    others = admitted(known, hashed(f"other {n}" for n in range(40_000)))
    assert abs(others.mean() - 0.5) < 4 * 0.5 / 40_000**0.5
