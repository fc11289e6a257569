"""Categories: missing, unseen and the text "nan" are three different things."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rows import asked, batch_of, exported, labels, people
from sklearn.compose import ColumnTransformer
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, TargetEncoder

from fairlead.bundle.types import MISSING_TEXT
from fairlead.packaging.export import Exported
from fairlead.runners.frame import make_frame

AWKWARD = ["free", "nan", "pro", "NaN", "", " pro", "None", "\u00e9", "pro\x00", MISSING_TEXT, None]


def served(encoder: Any, data: pd.DataFrame) -> tuple[Any, Exported]:
    columns = ColumnTransformer(
        [("age", SimpleImputer(), ["age", "score"]), ("plan", encoder, ["plan"])],
        sparse_threshold=0,
    )
    model = make_pipeline(columns, LogisticRegression(max_iter=500)).fit(data, labels(data))
    return model, exported(model, data)


def agree(model: Any, made: Exported, plans: list[str | None]) -> None:
    """The ONNX form and the original answer rows of these plans alike."""
    rows = pd.DataFrame(
        {
            "age": np.full(len(plans), 41.5),
            "plan": pd.Series(plans, dtype=object),
            "score": np.full(len(plans), 2),
        }
    )
    batch = batch_of(made, rows)
    got = asked(made, rows, "probabilities")
    frame = make_frame(made.inputs, batch, "pandas")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of categories that are unknown
        expected = model.predict_proba(frame)
    np.testing.assert_allclose(got, expected, atol=1e-12)


def unknown(**settings: Any) -> Any:
    return OneHotEncoder(handle_unknown="ignore", **settings)


ENCODERS = {
    "one-hot": unknown(),
    "one-hot, first dropped": unknown(drop="first"),
    "one-hot, infrequent": OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=35),
    "one-hot, few": OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=2),
    "ordinal": OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2
    ),
    "ordinal, missing": make_pipeline(
        OrdinalEncoder(
            handle_unknown="use_encoded_value", unknown_value=np.nan, encoded_missing_value=-5
        ),
        SimpleImputer(add_indicator=True, keep_empty_features=True),
    ),
    "target": TargetEncoder(cv=2),
    "constant, one-hot": make_pipeline(
        SimpleImputer(strategy="constant", fill_value="nan"), unknown()
    ),
}


@pytest.mark.parametrize("missing", [None, np.nan], ids=["None", "NaN"])
@pytest.mark.parametrize("name", ENCODERS)
def test_encoders_answer_awkward_categories_alike(name: str, missing: object) -> None:
    data = people(missing)
    model, made = served(ENCODERS[name], data)
    assert made.runner.kind == "onnx", made.notes
    plan = made.inputs[1]
    assert (plan.missing, plan.unknown) == ("allow", "allow")
    agree(model, made, list(AWKWARD))


def test_an_imputer_of_none_fills_none() -> None:
    fill = SimpleImputer(strategy="most_frequent", missing_values=None)
    model, made = served(make_pipeline(fill, unknown()), people(None))
    assert made.runner.kind == "onnx"
    agree(model, made, list(AWKWARD))


def test_a_literal_that_stands_for_missing_is_filled() -> None:
    fill = SimpleImputer(strategy="constant", fill_value="pro", missing_values="nan")
    data = people().fillna({"plan": "free"})
    model, made = served(make_pipeline(fill, unknown()), data)
    assert made.runner.kind == "onnx"
    agree(model, made, ["nan", "pro", "free", "other"])


def test_categories_that_the_original_refuses_are_an_error() -> None:
    data = people().fillna({"plan": "free"})
    _, made = served(OneHotEncoder(), data)
    assert made.runner.kind == "onnx"
    assert (made.inputs[1].unknown, made.inputs[1].missing) == ("error", "error")


def test_declared_categories_that_the_original_refuses_are_left_out() -> None:
    declared = pd.CategoricalDtype(["free", "gold", "nan", "pro"])
    data = people().fillna({"plan": "free"}).astype({"plan": declared})
    _, made = served(OneHotEncoder(), data)
    assert made.inputs[1].unknown == "error"
    assert made.inputs[1].categories == ("free", "nan", "pro")


def test_an_encoder_that_refuses_unseen_numbers_is_served_as_itself() -> None:
    data = people().fillna({"plan": "free"})
    columns = ColumnTransformer([("score", OneHotEncoder(), ["score", "plan"])])
    model = make_pipeline(columns, LogisticRegression()).fit(data, labels(data))
    made = exported(model, data)
    assert made.runner.kind == "sklearn"
    assert "not seen" in made.notes[0]


def test_numbers_are_categories_to_an_encoder() -> None:
    data = people().fillna({"plan": "free"})
    columns = ColumnTransformer([("both", unknown(), ["score", "plan"])], sparse_threshold=0)
    model = make_pipeline(columns, LogisticRegression()).fit(data, labels(data))
    made = exported(model, data)
    assert made.runner.kind == "onnx"
    rows = people()[:8].assign(score=[0, 1, 2, 3, 4, 5, -1, 99], plan="pro")
    got = asked(made, rows, "probabilities")
    np.testing.assert_allclose(got, model.predict_proba(rows), atol=1e-12)


def test_missing_numbers_are_indicated() -> None:
    matrix = np.random.default_rng(1).normal(size=(60, 3))
    target = np.where(matrix[:, 0] > 0, 1, 0)
    matrix[::4, 1] = np.nan
    model = make_pipeline(make_union(SimpleImputer(), MissingIndicator()), LogisticRegression())
    made = exported(model.fit(matrix, target), matrix)
    assert made.runner.kind == "onnx"
    got = asked(made, matrix, "probabilities")
    np.testing.assert_allclose(got, model.predict_proba(matrix), atol=1e-12)
    assert [field.missing for field in made.inputs] == ["error", "allow", "error"]
