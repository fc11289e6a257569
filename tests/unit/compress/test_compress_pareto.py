"""Which forms are worth to be shown, and which is taken."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fairlead.compress.pareto import Priced, beats, choose, front, gain
from fairlead.compress.types import Cost, Target

ORIGINAL = Cost(1000, 10.0, 100.0)
FORMS = st.builds(
    Priced,
    st.builds(Cost, st.integers(1, 10_000), st.floats(0.1, 1e4), st.floats(0.1, 1e4)),
    st.floats(0.9, 1.0),
)


def priced(*costs: Cost) -> list[Priced]:
    return [Priced(cost, 1.0) for cost in costs]


@given(st.lists(FORMS, min_size=1, max_size=12))
def test_nothing_on_the_front_is_beaten_and_all_that_is_left_out_is(forms: list[Priced]) -> None:
    kept = front(forms)
    for place, form in enumerate(forms):
        beaten = any(beats(other, form) for other in forms)
        assert beaten is (place not in kept)


@given(st.lists(FORMS, min_size=1, max_size=12), st.sampled_from(["size", "latency", "both"]))
def test_what_is_chosen_gains_most_as_far_as_noise_tells(
    forms: list[Priced], target: Target
) -> None:
    chosen = choose(forms, ORIGINAL, target)
    gains = [gain(form.cost, ORIGINAL, target) for form in forms]
    if chosen is None:
        assert max(gains) <= (0.0 if target == "size" else 0.03)
    else:
        assert gains[chosen] > (0.0 if target == "size" else 0.029)
        assert max(gains) - gains[chosen] <= (0.0 if target == "size" else 0.03)


def test_times_that_noise_may_explain_beat_nothing() -> None:
    one, other = priced(Cost(10, 1.0, 1.0), Cost(10, 1.02, 1.02))
    assert not beats(one, other)
    assert beats(one, Priced(Cost(10, 1.0, 1.05), 1.0))
    assert beats(Priced(Cost(9, 1.02, 1.0), 1.0), one)


def test_who_agrees_better_is_not_beaten_by_who_is_smaller() -> None:
    small, faithful = Priced(Cost(5, 1.0, 1.0), 0.98), Priced(Cost(10, 1.0, 1.0), 1.0)
    assert front([faithful, small]) == [1, 0]
    assert front([faithful, Priced(Cost(10, 1.0, 1.0), 0.98)]) == [0]


def test_of_two_that_gain_as_much_the_one_is_taken_that_agrees_better() -> None:
    quick, faithful = Priced(Cost(10, 1.0, 1.0), 0.98), Priced(Cost(10, 1.01, 1.01), 1.0)
    assert choose([quick, faithful], ORIGINAL, "both") == 1
    assert choose([quick, faithful], ORIGINAL, "latency") == 1


def test_what_noise_may_explain_is_no_gain() -> None:
    lighter = priced(Cost(999, 9.8, 98.0))
    assert choose(lighter, ORIGINAL, "both") is None
    assert choose(lighter, ORIGINAL, "latency") is None
    assert choose(lighter, ORIGINAL, "size") == 0


def test_each_target_has_its_own_best() -> None:
    forms = priced(Cost(10, 10.0, 100.0), Cost(900, 2.0, 20.0), Cost(100, 4.0, 30.0))
    assert [choose(forms, ORIGINAL, target) for target in ("size", "latency", "both")] == [0, 1, 0]
    assert choose(priced(ORIGINAL), ORIGINAL, "both") is None
    assert choose([], ORIGINAL, "both") is None
