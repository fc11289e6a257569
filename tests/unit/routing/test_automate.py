"""The condition by which a model decides: read exactly, refused clearly, never true of nothing."""

from __future__ import annotations

import contextlib
import operator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.errors import ConfigError
from fairlead.records import Kind
from fairlead.routing import (
    ROUTES,
    Automation,
    Mode,
    Route,
    check_automation,
    read_condition,
)
from fairlead.signature import Batch, Field, Signature

LABELS = ("no", "yes", "it's a <b> and c")
OUTPUTS = (
    Field(name="label", kind="category", categories=LABELS),
    Field(name="probabilities", kind="tensor", shape=(3,), categories=LABELS),
    Field(name="price", kind="number"),
    Field(name="kept", kind="boolean"),
    Field(name="grade", kind="category", categories=(1, 2)),
    Field(name="note", kind="text"),
    Field(name="picture", kind="image"),
)
ANSWERS = Batch(
    4,
    ("price", "kept"),
    np.array([[1.0, 1.0], [2.5, 0.0], [np.nan, np.nan], [-3.0, 1.0]]),
    {
        "label": np.array(["no", "yes", None, LABELS[2]], object),
        "probabilities": np.array(
            [[0.9, 0.05, 0.05], [0.2, 0.5, 0.3], [np.nan] * 3, [0.0, 0.01, 0.99]]
        ),
        "grade": np.array([1, 2, None, 1], object),
        "note": np.array(["a", "b", None, ""], object),
    },
)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("confidence >= 0.9", [0, 3]),
        ("confidence>=.9", [0, 3]),
        ("confidence < 1", [0, 1, 3]),
        ("confidence >= 0.5 and confidence < 0.99", [0, 1]),
        ("label == no", [0]),
        ("label == 'no'", [0]),
        ("label != no", [1, 3]),
        ('label == "it\'s a <b> and c"', [3]),
        ('label == "it\'s a <b> and c" and confidence > 0.5', [3]),
        ("probability[yes] == 0.5", [1]),
        ("probability[ 'yes' ] < 0.1", [0, 3]),
        ('probability["it\'s a <b> and c"] > 0.9', [3]),
        ("price != 1", [1, 3]),
        ("price > -1e1 and price <= 1", [0, 3]),
        ("kept == true", [0, 3]),
        ("kept == 0", [1]),
        ("grade == 1", [0, 3]),
        ("note != a", [1, 3]),
        ("note == ''", [3]),
        ("  price   >=  2.5  ", [1]),
    ],
)
def test_it_holds_for_these_rows_and_for_none_without_the_value(
    text: str, holds: list[int]
) -> None:
    assert np.flatnonzero(read_condition(text, OUTPUTS).holds(ANSWERS)).tolist() == holds


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "from its character 1 on"),
        ("   ", "from its character 1 on"),
        ("confidence", "from its character 1 on"),
        ("confidence = 0.9", "from its character 1 on"),
        ("confidence => 0.9", "from its character 1 on"),
        ("confidence >= 0.9 and", "from its character 22 on"),
        ("confidence >= 0.9 or label == no", "from its character 1 on"),
        ("confidence >= 0.9 label == no", "from its character 1 on"),
        ("label == no and (price > 1)", "'\\(price', which is nothing"),
        ("__import__('os') == 1", "from its character 1 on"),
        ("price.__class__ == 1", "'price.__class__', which is nothing"),
        ("confidense >= 0.9", "Did you mean 'confidence'"),
        ("confidence >= 97", "no probability. Give 0 to 1"),
        ("confidence >= high", "what is no number"),
        ("price > nan", "what is no number"),
        ("price == inf", "what is no number"),
        ("label >= no", "is no number. Use == or !="),
        ("label == yess", "Did you mean 'yes'"),
        ("probability[never] > 0.1", "does not answer"),
        ("probability > 0.1", "does not answer"),
        ("probabilities > 0.1", "which is nothing"),
        ("price[yes] > 0.1", "which is nothing"),
        ("picture == 1", "which is nothing"),
        ("price > 1 and " * 60, "at most 500 characters"),
    ],
)
def test_what_is_none_is_refused_and_says_why(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        read_condition(text, OUTPUTS)


@pytest.mark.parametrize("text", ["confidence > 0.5", "probability[yes] > 0.5"])
def test_without_probabilities_there_is_no_confidence(text: str) -> None:
    with pytest.raises(ConfigError, match=r"answers no probabilities\. There is: price"):
        read_condition(text, [OUTPUTS[2]])


def test_an_output_may_have_the_name_of_what_is_reckoned() -> None:
    named = Field(name="confidence", kind="number")
    answers = Batch(2, ("confidence",), np.array([[7.0], [0.5]]), {})
    assert read_condition("confidence > 1", [named]).holds(answers).tolist() == [True, False]


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(ConfigError):
        assert read_condition(text, OUTPUTS).holds(ANSWERS).shape == (4,)


COMPARE = {">=": operator.ge, ">": operator.gt, "<=": operator.le, "<": operator.lt,
           "==": operator.eq, "!=": operator.ne}  # fmt: skip


@given(
    st.sampled_from(sorted(COMPARE)),
    st.floats(-10, 10),
    st.lists(st.floats(-10, 10) | st.just(float("nan")), min_size=1, max_size=9),
)
def test_numbers_compare_as_in_python_but_for_those_that_are_missing(
    op: str, value: float, answers: list[float]
) -> None:
    batch = Batch(len(answers), ("price",), np.array(answers).reshape(-1, 1), {})
    held = read_condition(f"price {op} {value!r}", OUTPUTS).holds(batch)
    assert held.tolist() == [a == a and COMPARE[op](a, value) for a in answers]


@pytest.mark.parametrize(
    ("automation", "says"),
    [
        (Automation("partial"), "needs a condition"),
        (Automation("partial", "price >"), "cannot be read"),
        (Automation("assist", "price > 1"), "has no condition"),
        (Automation("full", audit=1.5), "no share"),
        (Automation("full", audit=float("nan")), "no share"),
        (Automation("human", audit=0.1), "has no audit"),
        (Automation("human", queue="Über uns"), "queue cannot be called"),
    ],
)
def test_what_makes_no_sense_together_is_refused(automation: Automation, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        check_automation(automation, OUTPUTS)


@pytest.mark.parametrize("mode", ["human", "shadow", "assist", "full"])
def test_a_mode_needs_nothing_more(mode: Mode) -> None:
    check_automation(Automation(mode), ())
    check_automation(Automation("partial", "price > 1", "risk-2", 0.02), OUTPUTS)


SIGNATURE = Signature(inputs=OUTPUTS[2:3], outputs=OUTPUTS[2:3])


def test_people_of_the_endpoints_own_name_decide_unless_it_is_said() -> None:
    route = Route("loans", 1, SIGNATURE, ())
    assert route.queue == "loans"
    other = Route("loans", 1, SIGNATURE, (), automation=Automation("human", queue="risk"))
    assert other.queue == "risk"


@pytest.mark.parametrize(
    ("decided_by", "automation"),
    [("", Automation()), ("human:risk", Automation("shadow", queue="risk"))],
)
def test_a_route_of_before_is_read_and_its_people_go_on_deciding(
    decided_by: str, automation: Automation
) -> None:
    raw = Kind("route", Route).encode(Route("loans", 3, SIGNATURE, ()))
    assert raw.startswith(b"[1,")
    old = raw.replace(b'"automation":{"mode":"full","auto_if":"","queue":"","audit":0.0}',
                      b'"decided_by":"%b"' % decided_by.encode())  # fmt: skip
    assert old != raw
    assert ROUTES.decode(old) == Route("loans", 3, SIGNATURE, (), automation=automation)
    assert ROUTES.decode(ROUTES.encode(ROUTES.decode(old))).automation == automation
