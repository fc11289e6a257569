"""Write the table of docs/models.md: which model is served in which form, and why.

Run as `python docs/write_models.py`; it fits and checks every model of the zoo, for which XGBoost,
LightGBM and CatBoost must be installed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "journeys"))

import zoo  # noqa: E402
import zoo_boosters  # noqa: E402

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
BOOSTERS = """
## Boosters

XGBoost, LightGBM and CatBoost (`pip install 'fairlead[xgboost]'` and its like) become ONNX the same
way: the graph is written from the library's own dump and computes as the library does. Single
precision is what XGBoost computes in; its sums are equal to the last bit, its probabilities within
one rounding. LightGBM and CatBoost are equal within 1e-9, as above. What has no such form is served
by the library itself from its own file, which holds no code: XGBoost's JSON, LightGBM's text,
CatBoost's cbm; in a pipeline, from skops. The same file beside the ONNX form is what an update
starts from. A raw `Booster` is taken for the classifier or regressor of its objective, with all of
its trees.

Each was fitted on a matrix with missing values, behind a StandardScaler, and without settings also
behind a ColumnTransformer; those with categories on a frame with a column of them.

| model | alone | scaled | columns | why not ONNX |
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
        served += [""] * (len(zoo.STEPS) - len(served))
        reasons = dict.fromkeys(
            o.reason.removeprefix(BEFORE).split(" Replace the")[0] for o in found
        )
        why = " ".join(reason for reason in reasons if reason).replace("|", "\\|")
        lines.append("| " + " | ".join((name, *served, why)) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(HEAD + table(zoo.outcomes()) + BOOSTERS + table(zoo_boosters.outcomes()))
