"""What each version answers to each row, computed in this process before anybody is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

import fairlead
from support.models import churn_model, customers

ROWS, TOLERANCE = 256, 1e-6
LABELS = ("left", "stayed")
SEEDS = {"churn:1": 7, "churn:2": 8}


@dataclass(frozen=True, slots=True)
class Oracle:
    """The rows that are asked about, and the right answers.

    Args:
        rows: as objects; those from `whole` have every field.
        whole: places of rows without a missing value.
        answers: of each version, a probability for each row and class.
    """

    rows: list[dict[str, Any]]
    whole: list[int]
    answers: dict[str, np.ndarray[Any, np.dtype[np.float64]]]

    @classmethod
    def prepare(cls, home: Path) -> Self:
        """Fit and package the versions, and ask them all there is to ask."""
        frame, _ = customers(rows=ROWS, seed=99)
        answers = {}
        for name, seed in SEEDS.items():
            fitted, left = customers(seed=seed)
            model = churn_model(fitted, left)
            packaged = fairlead.package(model, fitted, left, name="churn", home=home)
            assert packaged.name == name
            answers[name] = model.predict_proba(frame)
        first, second = answers.values()
        assert (np.abs(first - second).max(axis=1) > 10 * TOLERANCE).all(), "versions differ"
        rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
        return cls(rows, [place for place, row in enumerate(rows) if row["plan"]], answers)

    def by(
        self, places: Sequence[int], labels: Sequence[str], shares: Sequence[Any]
    ) -> frozenset[str]:
        """The versions that give an answer; none if it is wrong.

        Args:
            places: of the rows.
            labels: as answered.
            shares: as answered, the probabilities of all classes; none where not answered.
        """
        return frozenset(name for name in self.answers if self._gives(name, places, labels, shares))

    def _gives(
        self, name: str, places: Sequence[int], labels: Sequence[str], shares: Sequence[Any]
    ) -> bool:
        right = self.answers[name][list(places)]
        if [LABELS[row.argmax()] for row in right] != list(labels):
            return False
        return not len(shares) or np.allclose(right, np.array(shares), rtol=0, atol=TOLERANCE)
