"""Every configuration of a booster is served equal to the original, or as itself with a reason."""

from __future__ import annotations

from pathlib import Path

import pytest
import zoo_boosters
from zoo import Steps

PAGE = Path(__file__).parents[2] / "docs" / "models.md"
TRIED = [(name, steps) for name in zoo_boosters.BOOSTERS for steps in zoo_boosters.steps_of(name)]


def need(name: str) -> zoo_boosters.Booster:
    config = zoo_boosters.BOOSTERS[name]
    pytest.importorskip(config.library, reason=f"{config.library} is not installed")
    return config


@pytest.mark.slow
@pytest.mark.parametrize(("name", "steps"), TRIED)
def test_a_booster_is_served_equal_to_the_original_or_says_why_not(name: str, steps: Steps) -> None:
    config = need(name)
    outcome = zoo_boosters.examine(name, steps)
    assert not outcome.wrong
    own = "skops" if steps in ("scaled", "columns") else config.library
    assert outcome.served == (own if config.why else "onnx"), outcome.reason
    assert config.why in outcome.reason


@pytest.mark.slow
@pytest.mark.parametrize("name", zoo_boosters.BOOSTERS)
def test_the_documentation_says_how_a_booster_is_served(name: str) -> None:
    need(name)
    served = [zoo_boosters.examine(name, steps).served for steps in zoo_boosters.steps_of(name)]
    served += [""] * (len(zoo_boosters.STEPS) - len(served))
    assert f"| {' | '.join([name, *served])} |" in PAGE.read_text()
