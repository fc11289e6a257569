"""What of the training rows shows in the holdout, and what a placebo shows."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression

from fairlead.updates.leaks import seek_leaks
from fairlead.updates.placebo import placebo_labels
from fairlead.updates.types import Gate
from fairlead.updates.weigh import Answered, is_suspicious, weigh
from support.versions import classifier, named, regressor

ROWS, HELD = 800, 200


def frames(seed: int = 1, **columns: Any) -> tuple[pl.DataFrame, pl.DataFrame]:
    draw = np.random.default_rng(seed)
    rows = ROWS + HELD
    age = draw.normal(size=rows)
    facts = {"age": age, "plan": draw.choice(["free", "pro"], rows)}
    label = named(age + draw.normal(size=rows) > 0.0)
    frame = pl.DataFrame({**facts, "label": label.tolist(), **columns})
    return frame.head(ROWS), frame.tail(HELD)


def told(train: pl.DataFrame, holdout: pl.DataFrame) -> list[str]:
    fields = [name for name in train.columns if name != "label"]
    found = seek_leaks(train, holdout, fields=fields, label="label")
    return [each.field for each in found.telling]


def test_rows_in_both_are_found() -> None:
    train, holdout = frames()
    mixed = pl.concat([train.sample(30, seed=1), holdout])
    found = seek_leaks(train, mixed, fields=["age", "plan"], label="label")
    assert found.repeated[:30].all()
    assert not found.repeated[30:].any()
    assert (found.usual, found.usual_rows) == (0, 230)


def test_what_repeats_by_itself_is_counted() -> None:
    train, holdout = (frame.select("plan", "label") for frame in frames())
    found = seek_leaks(train, holdout, fields=["plan"], label="label")
    assert found.repeated.all()
    assert found.usual == found.usual_rows == HELD


def test_missing_values_repeat_as_well() -> None:
    train = pl.DataFrame({"age": [None, 1.0], "label": [0, 1]})
    holdout = pl.DataFrame({"age": [None, 2.0], "label": [0, 1]})
    found = seek_leaks(train, holdout, fields=["age"], label="label")
    assert found.repeated.tolist() == [True, False]


@pytest.mark.parametrize("kind", ["number", "text", "boolean", "missing"])
def test_a_field_that_is_known_only_afterwards_is_found(kind: str) -> None:
    train, holdout = frames()
    positive = pl.col("label") == "yes"
    after, before = {
        "number": (positive.cast(pl.Float64) * 5.0 + pl.col("age") / 100.0, pl.col("age")),
        "text": (pl.when(positive).then(pl.lit("closed")).otherwise(pl.lit("open")),
                 pl.lit("open")),
        "boolean": (positive, pl.lit(False)),
        "missing": (pl.when(positive).then(pl.col("age")), pl.lit(None, dtype=pl.Float64)),
    }[kind]  # fmt: skip
    learnt, asked = train.with_columns(after=after), holdout.with_columns(after=before)
    assert told(learnt, asked) == ["after"]
    # As good on the holdout it is but a good field.
    assert told(learnt, holdout.with_columns(after=after)) == []


def test_ids_and_usual_fields_tell_nothing() -> None:
    train, holdout = frames(id=[f"user {n}" for n in range(ROWS + HELD)])
    assert told(train, holdout) == []


def test_a_field_that_rises_with_a_number_is_found() -> None:
    train, holdout = (frame.with_columns(label=pl.col("age") ** 3) for frame in frames())
    assert told(train, holdout.with_columns(age=pl.lit(0.5))) == ["age"]


@pytest.mark.parametrize("share", [0.5, 0.1])
def test_placebo_labels_go_a_little_against_the_truth(share: float) -> None:
    true = named(np.random.default_rng(1).random(1000) < share)
    given = placebo_labels(true, seed=2)
    assert sorted(given) == sorted(true)
    along = np.corrcoef(given == "yes", true == "yes")[0, 1]
    assert along == pytest.approx(-0.1, abs=0.02)


def test_placebo_labels_of_numbers_and_of_many_classes() -> None:
    draw = np.random.default_rng(1)
    numbers = draw.normal(size=1000)
    assert -0.15 < np.corrcoef(placebo_labels(numbers, seed=1), numbers)[0, 1] < -0.05
    codes = draw.integers(0, 4, 1000)
    given = placebo_labels(codes, seed=1)
    agreed = [np.mean(given[codes == code] == code) for code in range(4)]
    assert np.mean(agreed) == pytest.approx(0.25 - 0.075, abs=0.03)
    assert placebo_labels(np.array(["a"] * 5), seed=1).tolist() == ["a"] * 5


def answered(model: Any, x: Any) -> Answered:
    if hasattr(model, "predict_proba"):
        return classifier(model.predict_proba(x)[:, 1])
    return regressor(model.predict(x))


@pytest.mark.parametrize("leaking", [True, False])
@pytest.mark.parametrize(
    "make",
    [
        lambda: LogisticRegression(C=100.0),
        lambda: RandomForestClassifier(20, random_state=1),
        lambda: RandomForestRegressor(20, random_state=1),
        LinearRegression,
    ],
    ids=["logistic", "forest", "forest of numbers", "line"],
)
def test_a_placebo_tells_who_sees_the_holdout(make: Any, leaking: bool) -> None:
    """The function reads a file in which the holdout is; or its data are that easy."""
    draw = np.random.default_rng(5)
    x = draw.normal(size=(ROWS + HELD, 4))
    score = x @ np.array([1.0, 1.0, 0.5, 0.0])
    numeric = not hasattr(make(), "predict_proba")
    y: Any = score if numeric else named(score > 0.0)

    def train(labels: Any) -> Any:
        rows = ROWS + HELD if leaking else ROWS
        return make().fit(x[:rows], np.concatenate([labels, y[ROWS:]])[:rows])

    champion = regressor(x[ROWS:, 0]) if numeric else classifier(1.0 / (1.0 + np.exp(-x[ROWS:, 0])))
    challenger = answered(train(y[:ROWS]), x[ROWS:])
    placebo = answered(train(placebo_labels(y[:ROWS], seed=1)), x[ROWS:])
    truth = y[ROWS:]
    found = weigh(Gate(calibration_margin=None), champion, challenger, truth, placebo=placebo,
                  seed=1)  # fmt: skip
    assert found.verdict == ("reject" if leaking else "promote")
    assert ("some other way" in found.reason) == leaking


def test_only_what_is_nearly_perfect_is_suspicious() -> None:
    draw = np.random.default_rng(1)
    positive = draw.random(HELD) < 0.5
    truth, blurred = named(positive), np.clip(positive * 0.5 + draw.random(HELD) * 0.7, 0, 1)
    perfect = classifier(positive * 0.8 + 0.1)
    assert is_suspicious(classifier(blurred), perfect, truth)
    assert not is_suspicious(perfect, perfect, truth)
    assert not is_suspicious(classifier(blurred), classifier(blurred), truth)
