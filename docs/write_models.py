"""Write the table of docs/models.md: which model is served in which form, and why.

Run as `python docs/write_models.py`; it fits and checks every model of the zoo.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "journeys"))

import zoo  # noqa: E402

PAGE = ROOT / "docs" / "models.md"
HEAD = """# Models

A scikit-learn model is served as ONNX if every step of it has a form in double precision and that
form answers the receipt's rows like the original: the same labels, probabilities and predictions
within 1e-9. Among the rows are pairs one double apart between which the original's answer jumps,
missing values, categories never seen and the literal text "nan". Otherwise the model itself is
served, as skops; the reason is in the bundle's notes. What neither form holds is refused, unless
a pickle is allowed.

Each model below was fitted on a matrix, behind a StandardScaler, and behind a ColumnTransformer
with SimpleImputer and OneHotEncoder, on data with missing and unseen values, and its served form
was compared with the original on rows made anew.

| model | none | scaled | columns | why not ONNX |
|---|---|---|---|---|
"""
BEFORE = "Not served as ONNX: "


def table(outcomes: Iterable[zoo.Outcome]) -> str:
    """One line per model."""
    by_model: dict[str, list[zoo.Outcome]] = {}
    for outcome in outcomes:
        by_model.setdefault(outcome.model, []).append(outcome)
    lines = []
    for name, found in by_model.items():
        wrong = any(outcome.wrong for outcome in found)
        served = [outcome.served + (" (wrong)" if wrong else "") for outcome in found]
        reasons = dict.fromkeys(
            o.reason.removeprefix(BEFORE).split(" Replace the")[0] for o in found
        )
        why = " ".join(reason for reason in reasons if reason).replace("|", "\\|")
        lines.append("| " + " | ".join((name, *served, why)) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(HEAD + table(zoo.outcomes()))
