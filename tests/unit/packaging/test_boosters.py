"""Boosters: exact at every split, asked as their own `predict` answers, never read unchecked."""

from __future__ import annotations

import re
import sys
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rows import batch_of, exported, onnx_runner
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from fairlead.errors import BundleError, ModelError
from fairlead.runners.libraries import BOOSTERS, Library, dump_own, load_own
from fairlead.runners.lightgbm import read_text
from fairlead.runners.sklearn import load_skops
from fairlead.runners.xgboost import read_learner, trees_of
from fairlead.signature import Batch, Field

DRAW = np.random.default_rng(0)
MATRIX = DRAW.normal(0, 3, (300, 4))
MATRIX[DRAW.random(MATRIX.shape) < 0.1] = np.nan
MATRIX[DRAW.random(MATRIX.shape) < 0.1] = 0.0
SCORE = np.nan_to_num(MATRIX) @ np.array([1.0, 2.0, -1.0, 0.5])
TWO = (SCORE > 0.3).astype(int)
THREE = np.digitize(SCORE, [-3, 3])
NEAR_ZERO = float(np.float32(1e-35))
LABEL = (Field(name="label", kind="category", categories=(0, 1)),)


def need(library: Library) -> Any:
    return pytest.importorskip(library, reason=f"{library} is not installed")


def classifier(library: Library, **settings: Any) -> Any:
    module = need(library)
    if library == "xgboost":
        return module.XGBClassifier(n_estimators=20, n_jobs=1, **settings)
    if library == "lightgbm":
        return module.LGBMClassifier(n_estimators=20, n_jobs=1, verbose=-1, **settings)
    return module.CatBoostClassifier(
        iterations=20, verbose=0, allow_writing_files=False, thread_count=1, **settings
    )


def thresholds(library: Library, model: Any) -> list[tuple[int, float]]:
    """Column and threshold of every split."""
    if library == "catboost":
        borders = model.get_borders()
        return [(int(column), float(b)) for column, found in borders.items() for b in found]
    if library == "lightgbm":
        _, trees = read_text(model.booster_.model_to_string().encode())
        return [
            (int(column), float(threshold))
            for tree in trees
            for column, threshold in zip(
                tree["split_feature"].split(), tree["threshold"].split(), strict=True
            )
        ]
    learner = read_learner(model.get_booster().save_raw("json"))
    return [
        (int(column), float(threshold))
        for tree in trees_of(learner)
        for column, threshold, left in zip(
            tree["split_indices"], tree["split_conditions"], tree["left_children"], strict=True
        )
        if left >= 0
    ]


def rows_at(splits: list[tuple[int, float]]) -> Any:
    """Rows at each split and one number to each side, in both precisions, and about zero."""
    made = []
    for number, (column, threshold) in enumerate(sorted(set(splits))):
        single = np.float32(threshold)
        values = [threshold, float(single), NEAR_ZERO, -NEAR_ZERO, -0.0, np.nan]
        with np.errstate(over="ignore"):  # CatBoost's lowest border is the lowest number
            for side in (-np.inf, np.inf):
                values.append(float(np.nextafter(threshold, side)))
                values.append(float(np.nextafter(single, np.float32(side))))
        for value in (value for value in values if not np.isinf(value)):
            row = MATRIX[number % len(MATRIX)].copy()
            row[column] = value
            made.append(row)
    return np.array(made)


@pytest.mark.parametrize("target", [TWO, THREE], ids=["two", "three"])
@pytest.mark.parametrize("library", BOOSTERS)
def test_every_split_decides_like_the_original(library: Library, target: Any) -> None:
    model = classifier(library).fit(MATRIX, target)
    made = exported(model, MATRIX)
    assert made.runner.kind == "onnx"
    rows = rows_at(thresholds(library, model))
    assert len(rows) > 300
    got = onnx_runner(made).predict(batch_of(made, rows))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # LightGBM's, about rows without names
        expected, labels = model.predict_proba(rows), model.predict(rows)
    furthest = np.abs(np.asarray(got.columns["probabilities"]) - expected).max()
    assert furthest <= (2.0**-24 if library == "xgboost" else 1e-14)  # one rounding of expf
    assert got.columns["label"].tolist() == labels.ravel().tolist()


@pytest.mark.parametrize("settings", [{}, {"booster": "dart", "rate_drop": 0.3}])
def test_sums_of_xgboost_are_equal_to_the_last_bit(settings: dict[str, Any]) -> None:
    xgboost = need("xgboost")
    model = xgboost.XGBRegressor(n_estimators=60, n_jobs=1, **settings)
    model.fit(MATRIX, SCORE)
    made = exported(model, MATRIX)
    rows = rows_at(thresholds("xgboost", model))
    got = onnx_runner(made).predict(batch_of(made, rows)).column("prediction")
    assert np.array_equal(got, model.predict(rows))


@pytest.mark.parametrize("settings", [{"zero_as_missing": True}, {"use_missing": False}, {}])
def test_lightgbm_takes_zeros_and_missing_values_as_it_was_told(settings: dict[str, Any]) -> None:
    lightgbm = need("lightgbm")
    model = lightgbm.LGBMRegressor(n_estimators=20, n_jobs=1, verbose=-1, **settings)
    model.fit(MATRIX, SCORE)
    made = exported(model, MATRIX)
    assert made.runner.kind == "onnx"
    rows = rows_at(thresholds("lightgbm", model))
    got = onnx_runner(made).predict(batch_of(made, rows)).column("prediction")
    assert np.abs(got - model.booster_.predict(rows)).max() <= 1e-12


def test_a_raw_booster_of_xgboost_answers_with_all_its_trees_as_its_predict_does() -> None:
    xgboost = need("xgboost")
    model = classifier("xgboost", early_stopping_rounds=2, learning_rate=0.9)
    model.fit(MATRIX[:150], TWO[:150], eval_set=[(MATRIX[150:], TWO[150:])], verbose=False)
    booster = model.get_booster()
    expected = booster.predict(xgboost.DMatrix(MATRIX))
    assert np.abs(expected - model.predict_proba(MATRIX)[:, 1]).max() > 1e-3
    made = exported(booster, MATRIX)
    assert made.runner.kind == "onnx"
    got = onnx_runner(made).predict(batch_of(made, MATRIX))
    assert np.array_equal(np.asarray(got.columns["probabilities"])[:, 1], expected)
    assert model.best_iteration == booster.best_iteration


@pytest.mark.parametrize("target", [TWO, THREE, SCORE], ids=["two", "three", "values"])
def test_a_raw_booster_of_lightgbm_answers_as_its_predict_does(target: Any) -> None:
    lightgbm = need("lightgbm")
    kind = lightgbm.LGBMRegressor if target is SCORE else lightgbm.LGBMClassifier
    booster = kind(n_estimators=5, n_jobs=1, verbose=-1).fit(MATRIX, target).booster_
    made = exported(booster, MATRIX)
    assert made.runner.kind == "onnx"
    got = onnx_runner(made).predict(batch_of(made, MATRIX))
    expected = booster.predict(MATRIX)
    if target is SCORE:
        assert np.abs(got.column("prediction") - expected).max() <= 1e-12
        return
    shares = np.asarray(got.columns["probabilities"])
    assert np.abs((shares[:, 1] if target is TWO else shares) - expected).max() <= 1e-14


@pytest.mark.parametrize("library", BOOSTERS)
def test_the_form_to_train_on_from_answers_like_the_model(library: Library) -> None:
    model = classifier(library).fit(MATRIX, TWO)
    made = exported(model, MATRIX)
    assert made.trainable is not None
    assert made.trainable.format == library
    raw = made.files[made.trainable.path]
    assert isinstance(raw, bytes)
    assert np.array_equal(
        load_own(library, raw, LABEL).predict_proba(MATRIX), model.predict_proba(MATRIX)
    )


@pytest.mark.parametrize("library", BOOSTERS)
def test_a_pipeline_to_train_on_from_is_of_vetted_types(library: Library) -> None:
    model = make_pipeline(StandardScaler(), classifier(library)).fit(MATRIX, TWO)
    made = exported(model, MATRIX)
    assert made.runner.kind == "onnx"
    assert made.trainable is not None
    raw = made.files[made.trainable.path]
    assert isinstance(raw, bytes)
    loaded: Any = load_skops(raw)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # LightGBM's, about rows without names
        assert np.array_equal(loaded.predict_proba(MATRIX), model.predict_proba(MATRIX))


def test_what_xgboost_takes_for_missing_is_kept_in_its_own_form() -> None:
    need("xgboost")
    filled = np.nan_to_num(MATRIX, nan=-7.0)
    model = classifier("xgboost", missing=-7.0, booster="gblinear").fit(filled, TWO)
    made = exported(model, filled)
    assert made.runner.kind == "xgboost"
    raw = made.files[made.runner.path]
    assert isinstance(raw, bytes)
    assert load_own("xgboost", raw, LABEL).missing == -7.0


@pytest.mark.parametrize("library", BOOSTERS)
@pytest.mark.parametrize("beside", [[], ["amount"]])
def test_zeros_of_a_sparse_matrix_mean_what_they_mean_to_the_library(
    library: Library, beside: list[str]
) -> None:
    plans = np.random.default_rng(1).choice(["free", "pro", "team", "trial"], 300)
    frame = pd.DataFrame({"plan": plans, "amount": np.where(SCORE > 3, 0.0, MATRIX[:, 0])})
    columns = ColumnTransformer(
        [
            ("plan", OneHotEncoder(handle_unknown="ignore"), ["plan"]),
            ("rest", "passthrough", beside),
        ],
        sparse_threshold=1.0,
    )
    frame["amount"] = frame["amount"].fillna(0.0)
    model = make_pipeline(columns, classifier(library))
    model.fit(frame, (frame["plan"] == "pro") | (frame["amount"] > 1))
    assert columns.sparse_output_
    made = exported(model, frame)
    assert made.runner.kind == "onnx", made.notes
    got = onnx_runner(made).predict(batch_of(made, frame))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # LightGBM's, about rows without names
        expected = model.predict_proba(frame)
    assert np.abs(np.asarray(got.columns["probabilities"]) - expected).max() <= 2.0**-24


def test_categories_are_served_by_the_library_and_unseen_ones_are_no_wrong_answer() -> None:
    lightgbm = need("lightgbm")
    plans = pd.Categorical(np.random.default_rng(1).choice(["free", "pro", "team"], 300))
    frame = pd.DataFrame({"amount": MATRIX[:, 0], "plan": plans})
    model = lightgbm.LGBMRegressor(n_estimators=10, n_jobs=1, verbose=-1)
    model.fit(frame, SCORE + 9 * (frame["plan"] == "pro"))
    made = exported(model, frame)
    assert made.runner.kind == "lightgbm"
    assert "sets of categories" in made.notes[0]
    raw = made.files[made.runner.path]
    assert isinstance(raw, bytes)
    loaded = load_own("lightgbm", raw, made.outputs)
    odd = frame.assign(plan=pd.Categorical(["none"] * 300))
    assert np.array_equal(loaded.predict(odd), model.predict(odd))


@pytest.mark.parametrize("library", BOOSTERS)
def test_a_payload_that_is_cut_is_a_bundle_error(library: Library) -> None:
    raw = dump_own(library, classifier(library).fit(MATRIX, TWO))
    places = [0, 1, 10, 100, *range(200, len(raw) - 40, len(raw) // 30), len(raw) - 2]
    for cut in [raw[:place] for place in places] + [b"\0" * 200, b"{}", b"[1]", b'{"learner": 3}']:
        with pytest.raises(BundleError, match="cannot be read"):
            load_own(library, cut, LABEL)


DAMAGE = {
    "a child that is not there": (b'"left_children":[1', b'"left_children":[99999'),
    "a loop": (b'"left_children":[1', b'"left_children":[0'),
    "a column that is not there": (b'"split_indices":[', b'"split_indices":[9999'),
    "a tree out of order": (b'"id":1', b'"id":7'),
    "no objective": (b'"objective"', b'"objektive"'),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_xgboost_is_never_given_what_it_would_crash_on(what: str) -> None:
    raw = dump_own("xgboost", classifier("xgboost").fit(MATRIX, TWO))
    damaged = raw.replace(*DAMAGE[what])
    assert damaged != raw
    with pytest.raises(BundleError, match="cannot be read"):
        load_own("xgboost", damaged, LABEL)


LINES = {
    "a child that is not there": ("left_child=", "left_child=9"),
    "a column that is not there": ("split_feature=", "split_feature=9"),
    "a missing line": ("leaf_value=", "leaf_valve="),
    "a value too many": ("threshold=", "threshold=0 "),
    "a set of categories that is not there": (r"decision_type=\d+", "decision_type=1"),
}


@pytest.mark.parametrize("what", LINES)
def test_lightgbm_is_never_given_what_it_would_crash_on(what: str) -> None:
    raw = dump_own("lightgbm", classifier("lightgbm").fit(MATRIX, TWO))
    good, bad = (line.encode() for line in LINES[what])
    sizes = [
        b"Tree=" + part for part in raw.partition(b"\nend of trees\n")[0].split(b"\nTree=")[1:]
    ]
    was = b"tree_sizes=" + b" ".join(b"%d" % (len(part) + 1) for part in sizes)
    assert was in raw
    wrong = b"tree_sizes=" + b" ".join(b"%d" % (len(re.sub(good, bad, part)) + 1) for part in sizes)
    with pytest.raises(BundleError, match="cannot be read"):
        load_own("lightgbm", re.sub(good, bad, raw), LABEL)
    with pytest.raises(BundleError, match="cannot be read"):
        load_own("lightgbm", re.sub(good, bad, raw).replace(was, wrong), LABEL)


@pytest.mark.parametrize("library", BOOSTERS)
def test_a_library_that_is_missing_is_named_with_what_installs_it(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ModelError, match=rf"pip install 'fairlead\[{library}\]'"):
        load_own(library, b"{}", LABEL)


@pytest.mark.parametrize("library", BOOSTERS)
def test_a_pipeline_names_the_library_that_is_missing(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = exported(make_pipeline(StandardScaler(), classifier(library)).fit(MATRIX, TWO), MATRIX)
    assert made.trainable is not None
    raw = made.files[made.trainable.path]
    assert isinstance(raw, bytes)
    for module in [name for name in sys.modules if name.partition(".")[0] == library]:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ModelError, match=rf"pip install 'fairlead\[{library}\]'"):
        load_skops(raw)


def test_answers_do_not_depend_on_the_other_rows_of_a_batch() -> None:
    model = classifier("xgboost").fit(MATRIX, THREE)
    made = exported(model, MATRIX)
    runner = onnx_runner(made)
    batch = batch_of(made, MATRIX)

    def shares(rows: Batch) -> Any:
        return np.asarray(runner.predict(rows).columns["probabilities"])

    together = shares(batch)
    alone = [shares(batch.take(slice(row, row + 1)))[0] for row in range(50)]
    assert np.array_equal(together[:50], np.array(alone))
