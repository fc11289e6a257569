"""Which forms are worth to be shown, and which is taken."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fairlead.compress.pareto import beats, choose, front, gain
from fairlead.compress.types import Cost, Target

ORIGINAL = Cost(1000, 10.0, 100.0)
COSTS = st.builds(Cost, st.integers(1, 10_000), st.floats(0.1, 1e4), st.floats(0.1, 1e4))


@given(st.lists(COSTS, min_size=1, max_size=12))
def test_nothing_on_the_front_is_beaten_and_all_that_is_left_out_is(costs: list[Cost]) -> None:
    kept = front(costs)
    assert kept
    for place, cost in enumerate(costs):
        beaten = any(beats(other, cost) for other in costs)
        assert beaten is (place not in kept)


@given(st.lists(COSTS, min_size=1, max_size=12), st.sampled_from(["size", "latency", "both"]))
def test_what_is_chosen_gains_most_and_gains_at_all(costs: list[Cost], target: Target) -> None:
    chosen = choose(costs, ORIGINAL, target)
    best = max(gain(cost, ORIGINAL, target) for cost in costs)
    if chosen is None:
        assert best <= 0.0
    else:
        assert gain(costs[chosen], ORIGINAL, target) == best > 0.0


def test_times_that_noise_may_explain_beat_nothing() -> None:
    one, other = Cost(10, 1.0, 1.0), Cost(10, 1.02, 1.02)
    assert not beats(one, other)
    assert beats(one, Cost(10, 1.0, 1.05))
    assert beats(Cost(9, 1.02, 1.0), one)


def test_each_target_has_its_own_best() -> None:
    costs = [Cost(10, 10.0, 100.0), Cost(900, 2.0, 20.0), Cost(100, 4.0, 30.0)]
    assert [choose(costs, ORIGINAL, target) for target in ("size", "latency", "both")] == [0, 1, 0]
    assert choose([ORIGINAL], ORIGINAL, "both") is None
    assert choose([], ORIGINAL, "both") is None
