"""Of steps that changed, those are named that nothing before them explains."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fairlead.monitoring.steps import first_changed

LINE = {"b": ["a"], "c": ["b"], "d": ["c"]}
STEPS = st.sampled_from("abcde")
TIMES = st.dictionaries(STEPS, st.integers(0, 20))
GRAPHS = st.dictionaries(STEPS, st.sets(STEPS))


def test_a_change_travels_down_and_its_source_is_named() -> None:
    assert first_changed({"d": 9, "c": 8, "a": 7}, LINE) == ("a",), "though 'b' shows nothing"


def test_a_change_before_that_of_its_sources_is_its_own() -> None:
    assert first_changed({"c": 3, "a": 7}, LINE) == ("c", "a")


def test_steps_beside_each_other_are_all_named_the_first_at_the_front() -> None:
    assert first_changed({"y": 2, "x": 1}, {"z": ["x", "y"]}) == ("x", "y")


@given(TIMES, GRAPHS, st.integers(0, 5))
def test_only_changed_steps_are_named_and_whoever_is_not_is_explained(
    changed: dict[str, int], feeds: dict[str, set[str]], slack: int
) -> None:
    found = first_changed(changed, feeds, slack_us=slack)
    assert set(found) <= changed.keys()
    assert [changed[step] for step in found] == sorted(changed[step] for step in found)
    for step in changed.keys() - set(found):
        assert any(changed[other] <= changed[step] + slack for other in changed.keys() - {step}), (
            step
        )
