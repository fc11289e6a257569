"""Exporting scikit-learn models: never a wrong answer, and the reason where ONNX is not it."""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rows import asked, batch_of, exported, labels, onnx_runner, people, reference
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    PowerTransformer,
    StandardScaler,
)

from fairlead.bundle import decode_receipt, encode_receipt
from fairlead.bundle.receipt import compare
from fairlead.errors import BundleError, ExportError
from fairlead.packaging.export import export
from fairlead.runners.sklearn import SklearnRunner, import_skops, load_skops
from fairlead.signature import Batch, Signature

MATRIX = np.random.default_rng(0).normal(0, 10, (150, 4))
CLASSES = np.where(MATRIX[:, 0] * MATRIX[:, 1] > 3, "up", "down")
VALUES = np.abs(MATRIX[:, 0] * 2 + MATRIX[:, 1] ** 2) + 0.1


def thresholds(model: Any) -> list[tuple[int, float]]:
    """Every split of a forest, a boosting of trees, or a histogram boosting."""
    if hasattr(model, "_predictors"):
        nodes = [p.nodes for stage in model._predictors for p in stage]
        return [
            (int(n["feature_idx"]), float(n["num_threshold"]))
            for tree in nodes
            for n in tree
            if not n["is_leaf"] and np.isfinite(n["num_threshold"])
        ]
    trees = [tree.tree_ for tree in np.ravel(model.estimators_)]
    return [
        (int(feature), float(threshold))
        for tree in trees
        for feature, threshold in zip(tree.feature, tree.threshold, strict=True)
        if feature >= 0
    ]


def rows_at(splits: list[tuple[int, float]], missing: bool) -> Any:
    """Rows at each split, and one double to each side, in both precisions."""
    made = []
    for number, (column, threshold) in enumerate(splits):
        single = np.float32(threshold)
        for value in (
            threshold, np.nextafter(threshold, np.inf), np.nextafter(threshold, -np.inf), single,
            np.nextafter(single, np.float32(np.inf)), np.nextafter(single, np.float32(-np.inf)),
            (float(single) + float(np.nextafter(single, np.float32(np.inf)))) / 2,
        ):  # fmt: skip
            row = MATRIX[number % len(MATRIX)].copy()
            row[column] = value
            if missing and number % 3 == 0:
                row[(column + 1) % 4] = np.nan
            made.append(row)
    return np.array(made)


TREES: list[tuple[Any, bool]] = [
    (RandomForestClassifier(8, random_state=0), False),
    (RandomForestRegressor(8, random_state=0), False),
    (ExtraTreesClassifier(8, random_state=0), False),
    (GradientBoostingClassifier(n_estimators=8, random_state=0), False),
    (GradientBoostingClassifier(n_estimators=8, loss="exponential", random_state=0), False),
    (GradientBoostingRegressor(n_estimators=8, random_state=0), False),
    (HistGradientBoostingClassifier(max_iter=8, random_state=0), True),
    (HistGradientBoostingRegressor(max_iter=8, random_state=0), True),
    (HistGradientBoostingRegressor(max_iter=8, loss="gamma", random_state=0), True),
    (HistGradientBoostingRegressor(max_iter=8, loss="poisson", random_state=0), True),
    (HistGradientBoostingRegressor(max_iter=8, loss="quantile", quantile=0.9), True),
]


@pytest.mark.parametrize(("model", "missing"), TREES, ids=lambda value: str(value)[:60])
def test_trees_agree_at_every_split(model: Any, missing: bool) -> None:
    classifier = hasattr(model, "predict_proba")
    model.fit(MATRIX, CLASSES if classifier else VALUES)
    made = exported(model, MATRIX)
    assert made.runner.kind == "onnx", made.notes
    rows = rows_at(thresholds(model), missing)
    if classifier:
        assert asked(made, rows, "label").tolist() == model.predict(rows).tolist()
        gap = np.abs(asked(made, rows, "probabilities") - model.predict_proba(rows))
        assert gap.max() < 1e-15
    else:
        got = asked(made, rows, "prediction")
        np.testing.assert_allclose(got, model.predict(rows), rtol=1e-14)


@pytest.mark.parametrize("kind", [RandomForestClassifier, GradientBoostingClassifier])
def test_three_classes_agree_at_every_split(kind: Any) -> None:
    three = np.digitize(MATRIX[:, 0] + MATRIX[:, 2], [-5, 5])
    model = kind(n_estimators=5, random_state=0).fit(MATRIX, three)
    made = exported(model, MATRIX)
    rows = rows_at(thresholds(model), False)
    got = onnx_runner(made).predict(batch_of(made, rows))
    assert made.runner.kind == "onnx"
    assert got.column("label").tolist() == model.predict(rows).tolist()


def test_missing_values_go_where_the_forest_sends_them() -> None:
    holed = MATRIX.copy()
    holed[::3, 0] = np.nan
    model = RandomForestClassifier(8, random_state=0).fit(holed, CLASSES)
    made = exported(model, holed)
    got = onnx_runner(made).predict(batch_of(made, holed))
    assert made.runner.kind == "onnx"
    assert [field.missing for field in made.inputs] == ["allow"] * 4
    np.testing.assert_array_equal(got.column("probabilities"), model.predict_proba(holed))


@cache
def boosted() -> tuple[Any, Any, Any]:
    model = make_pipeline(
        StandardScaler(), HistGradientBoostingClassifier(max_iter=5, random_state=0)
    ).fit(MATRIX, CLASSES)
    made = exported(model, MATRIX)
    return model, onnx_runner(made), made


@given(st.lists(st.lists(st.floats(-1e6, 1e6), min_size=4, max_size=4), min_size=1, max_size=20))
@settings(max_examples=60)
def test_any_numbers_are_answered_alike(rows: list[list[float]]) -> None:
    model, runner, made = boosted()
    matrix = np.array(rows)
    got = runner.predict(batch_of(made, matrix))
    assert got.column("label").tolist() == model.predict(matrix).tolist()


def test_a_form_that_flips_beside_a_split_is_not_served() -> None:
    """Powers differ in their last bit, which moves some rows over a split."""
    forest = RandomForestClassifier(20, random_state=0)
    model = make_pipeline(PowerTransformer(), forest)
    made = exported(model.fit(MATRIX, CLASSES), MATRIX)
    assert made.runner.kind == "sklearn"
    assert "not equal" in made.notes[0]
    assert "rows" in made.notes[0]


def test_what_has_no_form_is_served_as_itself_with_the_reason() -> None:
    made = exported(
        make_pipeline(FunctionTransformer(np.cbrt), LinearRegression()).fit(MATRIX, VALUES), MATRIX
    )
    assert made.runner.kind == "sklearn"
    assert "cbrt" in made.notes[0]
    raw = made.files["model.skops"]
    assert isinstance(raw, bytes)
    signature = Signature(inputs=made.inputs, outputs=made.outputs, task=made.task)
    runner = SklearnRunner(load_skops(raw), made.runner, signature)
    assert compare(made.receipt.outputs, runner.predict(made.receipt.inputs), made.tolerance) == ()


def _double(matrix: Any) -> Any:
    return matrix * 2


def test_code_of_the_users_own_needs_a_pickle() -> None:
    model = make_pipeline(FunctionTransformer(_double), LinearRegression()).fit(MATRIX, VALUES)
    with pytest.raises(ExportError, match="not vetted"):
        exported(model, MATRIX)
    made = exported(model, MATRIX, allow_pickle=True)
    assert made.runner.pickle
    assert made.trainable is None
    assert list(made.files) == ["model.pickle"]


def test_a_skops_file_of_foreign_types_is_not_loaded() -> None:
    raw = import_skops().dumps(FunctionTransformer(_double))
    with pytest.raises(BundleError, match="not vetted"):
        load_skops(raw)
    with pytest.raises(BundleError, match="cannot be read"):
        load_skops(b"no zip")


def test_a_subclass_is_not_taken_for_its_parent() -> None:
    class Shifted(LinearRegression):  # type: ignore[misc]
        def predict(self, X: Any) -> Any:
            return super().predict(X) + 1

    with pytest.raises(ExportError, match="not of scikit-learn"):
        exported(Shifted().fit(MATRIX, VALUES), MATRIX)


@pytest.mark.parametrize("classes", [["a", "b"], [7, -3], [False, True], [1.0, 2.0]])
def test_labels_keep_their_type(classes: list[Any]) -> None:
    target = np.array(classes)[(CLASSES == "up").astype(int)]
    model = LogisticRegression().fit(MATRIX, target)
    made = exported(model, MATRIX)
    got = onnx_runner(made).predict(batch_of(made, MATRIX)).column("label").tolist()
    assert got == target[:0].tolist() + model.predict(MATRIX).tolist()
    assert set(map(type, got)) == {type(classes[0])}
    assert made.outputs[0].categories == tuple(sorted(classes))
    assert made.outputs[1].categories == tuple(sorted(classes))


def test_regressors_of_several_targets_answer_a_tensor() -> None:
    model = RandomForestRegressor(4).fit(MATRIX, MATRIX[:, :3])
    made = exported(model, MATRIX)
    assert made.task == "regression"
    assert made.outputs[0].shape == (3,)
    got = asked(made, MATRIX, "prediction")
    np.testing.assert_allclose(got, model.predict(MATRIX), rtol=1e-14)


def test_clusterers_answer_a_label() -> None:
    made = exported(KMeans(3, n_init=1, random_state=0).fit(MATRIX), MATRIX)
    assert (made.task, made.outputs[0].categories) == ("other", (0, 1, 2))


@pytest.mark.parametrize(
    ("model", "target", "reason"),
    [
        (StandardScaler(), None, "no `predict`"),
        (RandomForestClassifier(3), np.c_[CLASSES == "up", CLASSES == "down"], "several labels"),
    ],
)
def test_what_cannot_be_served_is_refused(model: Any, target: Any, reason: str) -> None:
    with pytest.raises(ExportError, match=reason):
        exported(model.fit(MATRIX, target), MATRIX)


def test_reference_rows_of_another_form_are_refused() -> None:
    model = LinearRegression().fit(MATRIX, VALUES)
    with pytest.raises(ExportError, match="reference rows"):
        exported(model, MATRIX[:, :2])
    with pytest.raises(ExportError, match="reference rows"):
        exported(LinearRegression(), MATRIX)


def test_a_search_is_served_as_what_it_found() -> None:
    search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2).fit(MATRIX, CLASSES)
    made = exported(search, MATRIX)
    assert made.runner.kind == "onnx"
    assert made.framework.endswith("LogisticRegression")
    raw = made.files["trainable.skops"]
    assert isinstance(raw, bytes)
    assert type(load_skops(raw)) is LogisticRegression


def test_targets_are_transformed_back() -> None:
    model = TransformedTargetRegressor(LinearRegression(), func=np.log1p, inverse_func=np.expm1)
    made = exported(model.fit(MATRIX, VALUES), MATRIX)
    assert made.runner.kind == "onnx"


def test_single_precision_inputs_are_rounded_like_the_originals() -> None:
    single = MATRIX.astype(np.float32)
    model = RandomForestClassifier(5, random_state=0).fit(single, CLASSES)
    made = exported(model, single)
    got = onnx_runner(made).predict(batch_of(made, MATRIX))
    assert made.runner.kind == "onnx"
    assert got.column("label").tolist() == model.predict(single).tolist()


def test_the_receipt_survives_being_written() -> None:
    model = LogisticRegression().fit(MATRIX, CLASSES)
    made = exported(model, MATRIX)
    receipt = decode_receipt(encode_receipt(made.receipt))
    got = onnx_runner(made).predict(receipt.inputs)
    assert compare(receipt.outputs, got, made.tolerance) == ()
    assert receipt.inputs.rows <= 400


def _columns(encoder: Any) -> Any:
    return ColumnTransformer(
        [("numbers", StandardScaler(), ["age", "score"]), ("plan", encoder, ["plan"])],
        sparse_threshold=0,
    )


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_of_either_library_answer_alike(library: str) -> None:
    data = people()
    frame: Any = pl.from_pandas(data) if library == "polars" else data
    model = make_pipeline(_columns(OneHotEncoder(handle_unknown="ignore")), LogisticRegression())
    made = exported(model.fit(frame, labels(data)), frame)
    got = onnx_runner(made).predict(batch_of(made, frame))
    assert made.runner.kind == "onnx"
    assert got.column("label").tolist() == model.predict(frame).tolist()


def test_columns_are_found_by_name_whatever_their_order() -> None:
    data = people()
    model = make_pipeline(_columns(OneHotEncoder(handle_unknown="ignore")), LogisticRegression())
    model.fit(data, labels(data))
    turned = data[["score", "plan", "age"]]
    made = exported(model, turned)
    got = onnx_runner(made).predict(batch_of(made, turned))
    assert made.runner.kind == "onnx"
    assert got.column("label").tolist() == model.predict(data).tolist()


def test_native_categories_are_served_as_themselves() -> None:
    data = people().astype({"plan": "category"})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = HistGradientBoostingClassifier(max_iter=3).fit(data, labels(people()))
        made = exported(model, data)
    assert (made.runner.kind, made.runner.frame) == ("sklearn", "pandas")
    assert "natively" in made.notes[0]


def test_a_batch_may_hold_one_row() -> None:
    made = exported(LogisticRegression().fit(MATRIX, CLASSES), MATRIX)
    whole = made.receipt.inputs
    one = Batch(1, whole.names, whole.numbers[:1], {})
    assert onnx_runner(made).predict(one).rows == 1


def test_labels_of_reference_rows_are_not_needed() -> None:
    model = LogisticRegression().fit(MATRIX, CLASSES)
    assert export(model, reference(MATRIX), allow_pickle=False).task == "classification"


def test_a_reference_of_few_rows_is_enough() -> None:
    data = pd.DataFrame(MATRIX[:2], columns=list("abcd"))
    model = LogisticRegression().fit(pd.DataFrame(MATRIX, columns=list("abcd")), CLASSES)
    assert exported(model, data).runner.kind == "onnx"
