"""Every kind of model is served equal to the original, or as itself with a reason."""

from __future__ import annotations

from pathlib import Path

import pytest
import zoo

PAGE = Path(__file__).parents[2] / "docs" / "models.md"


@pytest.mark.slow
@pytest.mark.parametrize("steps", zoo.STEPS)
@pytest.mark.parametrize("name", zoo.ZOO)
def test_a_model_is_served_equal_to_the_original_or_says_why_not(
    name: str, steps: zoo.Steps
) -> None:
    outcome = zoo.examine(name, steps)
    assert not outcome.wrong
    assert outcome.served == "onnx" or outcome.reason
    assert (outcome.served == "onnx") == (name not in zoo.NOT_ONNX)
    assert (outcome.served == "refused") == (name in zoo.REFUSED)


@pytest.mark.slow
@pytest.mark.parametrize("name", zoo.ZOO)
def test_the_documentation_says_how_a_model_is_served(name: str) -> None:
    served = [zoo.examine(name, steps).served for steps in zoo.STEPS]
    assert f"| {' | '.join([name, *served])} |" in PAGE.read_text()
