"""Every rule in words, whatever its form."""

from __future__ import annotations

from typing import Any

import pytest

from fairlead.alerts import DEFAULTS, Objective, Pace, explain, rules_of
from support.alerts import rule

OBJECTIVE = Objective(
    target=0.99,
    paces=(
        Pace(factor=14.4, long_s=3600, short_s=300),
        Pace(factor=1, long_s=259_200, short_s=21_600),
    ),
)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "the share of requests that fail is above 0.5."),
        ({"below": 0.1}, "fail is above 0.5 or below 0.1."),
        ({"proven": True, "for_s": 600}, ("it is proven that the share of requests that fail is "
                                         "above 0.5 for 10m.")),
        ({"above": None, "below": 3.0, "metric": "revenue_per_call"},
         "revenue per call is below 3."),
        ({"above": None, "metric": "drift"},
         "it is proven that the distribution of a field has moved."),
        ({"above": None, "metric": "own_guard"}, "it is proven that own guard does harm."),
        ({"above": None, "objective": OBJECTIVE},
         ("failed requests use up their budget of 1 % 14.4 times as fast as allowed, over 1h and "
         "still over 5m; or faster than allowed, over 3d and still over 6h; from 5 of them on.")),
        ({"subject": "plan*"}, "above 0.5. Only of 'plan*'."),
        ({"severity": "page"}, "It calls somebody at once."),
        ({"keep_for_s": 3600}, "Resolved when all was well for 1h."),
    ],
)  # fmt: skip
def test_a_rule_is_said_in_words(changes: dict[str, Any], said: str) -> None:
    assert said in explain(rule(**changes))


def test_each_rule_that_is_there_without_settings_is_said_in_words_of_its_own() -> None:
    said = [explain(one) for one in rules_of("churn", {})]
    assert len(set(said)) == len(DEFAULTS)
    assert all("_" not in one for one in said)
