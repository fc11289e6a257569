"""Guards of outcomes: what is proven of a metric, and what only looks like it."""

from __future__ import annotations

from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.releases import Guard
from fairlead.releases.guards import read_guard
from fairlead.releases.outcomes.metrics import Beside, Seen
from fairlead.releases.outcomes.weigh import broken_and_kept, units_more
from fairlead.stats import Moments, moments

ALPHA = 0.05
ENOUGH = log(1.0 / ALPHA)


def labelled(units: int, right: int) -> Moments:
    """Units with a label each, of which so many were right."""
    hits = np.repeat([1.0, 0.0], [right, units - right])
    return moments(hits, np.ones(units), 1.0 - hits)


def accuracy(control: tuple[int, int], candidate: tuple[int, int]) -> Beside:
    return Beside(labelled(*control), labelled(*candidate))


def said(guard: Guard, *steps: Beside) -> str:
    worse, kept = broken_and_kept(guard, Seen(steps), ALPHA)
    return "worse" if worse >= ENOUGH else "kept" if kept >= ENOUGH else "unknown"


NEAR = read_guard("accuracy", "difference >= -0.05")
MORE = read_guard("mean:paid", "ratio >= 0.9")


@pytest.mark.parametrize(
    ("guard", "step", "says"),
    [
        (NEAR, accuracy((2_000, 1_800), (2_000, 1_600)), "worse"),
        (NEAR, accuracy((5_000, 4_500), (5_000, 4_500)), "kept"),
        (NEAR, accuracy((200, 180), (200, 175)), "unknown"),
        (NEAR, accuracy((500, 500), (200, 0)), "worse"),  # neither varies: all right, all wrong
        (NEAR, accuracy((10, 10), (10, 0)), "unknown"),
        (NEAR, accuracy((1_000, 900), (0, 0)), "unknown"),
    ],
)
def test_shares_of_labels(guard: Guard, step: Beside, says: str) -> None:
    assert said(guard, step) == says


def test_an_arm_that_has_not_met_its_rare_large_values_is_not_proven_worse() -> None:
    random = np.random.default_rng(3)
    control = moments(np.where(random.random(20_000) < 0.01, 500.0, 1.0))
    candidate = moments(np.where(np.arange(400) == 0, 2.0, 1.0))  # 4 are expected
    assert said(MORE, Beside(control, candidate)) == "unknown"


def test_amounts_of_which_nothing_comes_any_more_are_proven_worse() -> None:
    random = np.random.default_rng(3)
    control = moments(random.lognormal(1.0, 1.0, 5_000))
    assert said(MORE, Beside(control, moments(np.zeros(1_000)))) == "worse"


def test_a_ratio_to_nothing_or_less_is_not_told() -> None:
    lost = moments(np.full(500, -3.0) + np.arange(500) % 7)
    assert said(MORE, Beside(lost, lost)) == "unknown"
    assert said(MORE) == "unknown"


def test_evidence_of_steps_adds_up() -> None:
    one = accuracy((1_000, 900), (1_000, 811))
    single, _ = broken_and_kept(NEAR, Seen((one,)), ALPHA)
    double, _ = broken_and_kept(NEAR, Seen((one, one)), ALPHA)
    more, none = (units_more(NEAR, Seen((one,) * many), ALPHA) for many in (1, 2))
    assert single < ENOUGH <= double == pytest.approx(2 * single)
    assert more is not None
    assert none == 0.0
    assert 0.0 < more < 1_000


@given(
    counts=st.lists(st.tuples(st.integers(0, 3_000), st.floats(0, 1)), min_size=2, max_size=2),
    text=st.sampled_from(["difference >= -0.02", "ratio >= 0.95", "ratio <= 1.1"]),
)
def test_no_counts_are_both_broken_and_kept(counts: list[tuple[int, float]], text: str) -> None:
    arms = [(units, int(units * share)) for units, share in counts]
    guard, seen = read_guard("accuracy", text), Seen((accuracy(*arms),))
    worse, kept = broken_and_kept(guard, seen, ALPHA)
    needed = units_more(guard, seen, ALPHA)
    assert not (worse >= ENOUGH and kept >= ENOUGH)
    assert needed is None or needed >= 0.0
