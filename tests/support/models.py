"""Small fitted models on made data, as a user would bring them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import fairlead
from fairlead.registry import Version

PLANS = ("free", "pro", "team")


def customers(rows: int = 400, seed: int = 7) -> tuple[pd.DataFrame, Any]:
    """Customers with an age, visits, a plan that may be missing, and whether they left."""
    random = np.random.default_rng(seed)
    age = random.uniform(18, 90, rows).round(1)
    visits = random.integers(0, 50, rows)
    plan = random.choice(np.array([*PLANS, None], dtype=object), rows)
    left = np.where(age / 90 + random.normal(0, 0.2, rows) > 0.6, "left", "stayed")
    return pd.DataFrame({"age": age, "visits": visits, "plan": plan}), left


def churn_model(frame: pd.DataFrame, left: Any) -> Any:
    """A pipeline that takes what customers have."""
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    prepare = make_column_transformer(
        (StandardScaler(), ["age", "visits"]),
        (OneHotEncoder(handle_unknown="ignore"), ["plan"]),
    )
    return make_pipeline(prepare, LogisticRegression()).fit(frame, left)


def package_churn(home: Path, seed: int = 7, name: str = "churn") -> Version:
    """Fit and register one more version of `churn`; another seed gives another model."""
    frame, left = customers(seed=seed)
    return fairlead.package(churn_model(frame, left), frame, left, name=name, home=home)


ROW: dict[str, object] = {"age": 42.5, "visits": 3, "plan": "pro"}
