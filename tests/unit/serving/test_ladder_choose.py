"""Which step answers a row: by age, by what it brings, and never one that was tried."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.errors import ConfigError
from fairlead.serving.ladder.choose import Known, choose
from fairlead.serving.ladder.constant import read_constant
from fairlead.serving.ladder.types import AGEING, RUNGS, Ladder, Rung, Step, read_ladder
from fairlead.signature import Field

AGES_US = st.none() | st.integers(0, 1000)


@st.composite
def ladders(draw: st.DrawFn) -> tuple[Step, ...]:
    rungs = draw(st.lists(st.sampled_from(RUNGS), min_size=1, unique=True))
    return tuple(Step(r, draw(AGES_US) if r in AGEING else None) for r in rungs)


KNOWN = st.builds(
    Known,
    bare=st.booleans(),
    precomputed_us=AGES_US,
    cached_us=AGES_US,
    previous=st.booleans(),
    constant=st.booleans(),
)


@given(ladders(), KNOWN, st.integers(0, 5))
def test_the_first_step_answers_that_can_and_none_before_it(
    steps: tuple[Step, ...], known: Known, start: int
) -> None:
    found = choose(steps, known, start)
    passed = steps[start:] if found is None else steps[start:found]
    assert all(choose((step,), known) is None for step in passed)
    if found is not None:
        assert found >= start
        assert choose((steps[found],), known) == 0


@given(ladders(), KNOWN, st.sampled_from(RUNGS))
def test_what_a_longer_ladder_adds_changes_no_answer_of_the_shorter(
    steps: tuple[Step, ...], known: Known, more: Rung
) -> None:
    found = choose(steps, known)
    longer = choose((*steps, Step(more)), known)
    assert longer == found or (found is None and longer == len(steps))


@given(ladders(), KNOWN)
def test_no_model_is_asked_for_a_key_alone_and_nothing_too_old_is_given(
    steps: tuple[Step, ...], known: Known
) -> None:
    found = choose(steps, known)
    if found is None:
        return
    step = steps[found]
    if known.bare:
        assert step.rung not in ("live", "previous")
    age_us = {"precomputed": known.precomputed_us, "cached": known.cached_us}.get(step.rung, 0)
    assert age_us is not None
    assert step.age_us_max is None or age_us <= step.age_us_max


def test_a_ladder_is_read_as_it_is_written() -> None:
    ladder = read_ladder(
        "m",
        ["precomputed(24h)", "live", "cached(1h)", "previous", "constant"],
        {"p": 1},
        keeps=True,
    )
    assert ladder == Ladder(
        (
            Step("precomputed", 86_400_000_000), Step("live"), Step("cached", 3_600_000_000),
            Step("previous"), Step("constant"),
        ),
        {"p": 1},
    )  # fmt: skip
    assert read_ladder("m", [], {}) is None


@pytest.mark.parametrize(
    ("answer", "constant", "said"),
    [
        (["livee"], {}, "Did you mean 'live'"),
        (["live(1h)"], {}, "others have no age"),
        (["precomputed(soon)"], {}, "precomputed(24h)"),
        (["precomputed()"], {}, "precomputed(24h)"),
        (["live", "live"], {}, "more than once"),
        (["previous"], {}, "without 'live' before it"),
        (["previous", "live"], {}, "without 'live' before it"),
        (["constant", "live"], {"p": 1}, "Name 'constant' last"),
        (["live", "constant"], {}, "says nothing"),
        (["live"], {"p": 1}, "says something"),
        ([], {"p": 1}, "does not name 'constant'"),
        (["live", "cached"], {}, "[endpoint.m.cache]"),
        (["Live!"], {}, "answers nothing"),
    ],
)
def test_a_ladder_that_makes_no_sense_is_refused(
    answer: list[str], constant: dict[str, object], said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        read_ladder("m", answer, constant)
    assert said in str(caught.value)
    assert "endpoint.m." in caught.value.message


OUTPUTS = (
    Field(name="label", kind="category", categories=("no", "yes")),
    Field(name="probabilities", kind="tensor", shape=(2,), categories=("no", "yes")),
)


@pytest.mark.parametrize(
    ("constant", "said"),
    [
        ({"label": "no"}, "'probabilities' is missing"),
        ({"label": "maybe", "probabilities": [0.5, 0.5]}, "'label' expected one of 2"),
        ({"label": "no", "probabilities": {"no": 1}}, "'probabilities' expected"),
        ({"label": "no", "probabilities": [1, 0], "more": 1}, "'more' is not a field"),
    ],
)
def test_a_constant_is_a_row_of_answers(constant: dict[str, object], said: str) -> None:
    whole = {"label": "yes", "probabilities": {"yes": 0.75, "no": 0.25}}
    assert read_constant("m", OUTPUTS, whole).column("probabilities").tolist() == [[0.25, 0.75]]
    with pytest.raises(ConfigError, match=r"endpoint\.m\.constant") as caught:
        read_constant("m", OUTPUTS, constant)
    assert said in caught.value.message
