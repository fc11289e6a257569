"""The sealed log is profiled as its rows were."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from fairlead.profiles import (
    Categorical,
    Named,
    Numeric,
    Profile,
    make_reference,
    observe,
    observe_table,
)
from fairlead.signature import Batch, Field, Signature

SIGNATURE = Signature(
    inputs=(
        Field(name="x", kind="number", missing="allow"),
        Field(name="plan", kind="category", missing="allow"),
        Field(name="note", kind="text", missing="allow"),
        Field(name="at", kind="timestamp", missing="allow"),
        Field(name="vector", kind="tensor", shape=(2,)),
    ),
    outputs=(
        Field(name="label", kind="category", categories=(0, 1)),
        Field(name="probabilities", kind="tensor", shape=(2,), categories=(0, 1)),
    ),
)
START = datetime(2026, 3, 2, 9, tzinfo=UTC)


def objects(values: list[Any]) -> npt.NDArray[np.object_]:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def inputs(n: int, seed: int) -> Batch:
    random = np.random.default_rng(seed)
    numbers = np.where(random.random((n, 1)) < 0.1, np.nan, random.normal(size=(n, 1)))
    return Batch(n, ("x",), numbers, {
        "plan": objects(random.choice(objects(["a", "b", "c", None]), n).tolist()),
        "note": objects(random.choice(objects(["good day", "bye", "", None]), n).tolist()),
        "at": random.integers(0, 10**15, n).view("datetime64[us]"),
        "vector": random.normal(size=(n, 2)),
    })  # fmt: skip


def outputs(n: int, seed: int) -> Batch:
    chance = np.random.default_rng(seed).random(n)
    columns = {
        "label": objects((chance > 0.5).astype(int).tolist()),
        "probabilities": np.column_stack([1 - chance, chance]),
    }
    return Batch(n, (), np.empty((n, 0)), columns)


def table(asked: Batch, answers: Batch | None = None) -> pl.DataFrame:
    """As the log lays rows out."""
    times = [START + timedelta(seconds=i) for i in range(asked.rows)]
    columns: dict[str, Any] = {
        "time": pl.Series(times, dtype=pl.Datetime("us", "UTC")),
        "outcome": ["ok"] * asked.rows,
        "in.x": pl.Series(asked.column("x").tolist(), nan_to_null=True),
        "in.plan": asked.columns["plan"].tolist(),
        "in.note": asked.columns["note"].tolist(),
        "in.at": pl.Series(asked.columns["at"]).dt.replace_time_zone("UTC"),
        "in.vector": asked.columns["vector"].tolist(),
    }
    for name, column in answers.columns.items() if answers is not None else ():
        columns[f"out.{name}"] = column.tolist()
    return pl.DataFrame(columns)


def times_us(rows: int) -> npt.NDArray[np.int64]:
    return int(START.timestamp() * 1e6) + 10**6 * np.arange(rows, dtype=np.int64)


@pytest.fixture(scope="module")
def reference() -> Profile:
    return make_reference(SIGNATURE, inputs(300, 0), outputs(300, 0))


def test_a_table_is_profiled_as_the_batches_it_was_made_of(reference: Profile) -> None:
    asked, answers = inputs(500, 1), outputs(500, 1)
    expected = observe(reference, asked, answers, times_us=times_us(500))
    assert observe_table(reference, table(asked, answers)) == expected


@pytest.mark.parametrize("dtype", [pl.Categorical, pl.Enum(["a", "b", "c", "d"])])
def test_dictionary_codes_are_tallied_as_their_texts(reference: Profile, dtype: Any) -> None:
    rows = table(inputs(200, 2))
    coded = rows.with_columns(pl.col("in.plan").cast(dtype))
    assert observe_table(reference, coded) == observe_table(reference, rows)


def test_answers_are_taken_from_answered_rows_alone(reference: Profile) -> None:
    rows = table(inputs(4, 3), outputs(4, 3))
    failed = rows.with_columns(
        outcome=pl.Series(["ok", "timeout", "ok", "model_error"]),
        **{"out.label": pl.Series([1, None, None, None]),
           "out.probabilities": pl.Series([[0.0, 1.0], None, None, None])},
    )  # fmt: skip
    found = observe_table(reference, failed)
    label, probabilities = found.outputs["label"], found.outputs["probabilities"]
    assert isinstance(label, Categorical)
    assert isinstance(probabilities, Named)
    assert (found.rows, label.counts, label.missing) == (4, (0, 1), 1)
    confidence = probabilities.parts["confidence"]
    assert (sum(confidence.counts), confidence.missing) == (1, 1)


def test_columns_that_are_absent_or_of_another_type_are_not_counted(reference: Profile) -> None:
    rows = table(inputs(5, 4)).drop("in.note", "time", "outcome")
    odd = rows.with_columns(
        pl.lit("text").alias("in.x"), pl.lit("[1, 2]").alias("in.vector"),
        pl.lit(3).alias("in.at"), pl.concat_list(pl.lit(1)).alias("in.plan"),
    )  # fmt: skip
    found = observe_table(reference, odd)
    assert found.rows == 5
    for summary in found.inputs.values():
        for leaf in summary.parts.values() if isinstance(summary, Named) else [summary]:
            assert (sum(leaf.counts), leaf.missing) == (0, 0)


def test_columns_of_nulls_alone_are_missing(reference: Profile) -> None:
    rows = table(inputs(3, 5), outputs(3, 5))
    nothing = rows.with_columns(pl.lit(None).alias(n) for n in rows.columns if "." in n)
    found = observe_table(reference, nothing)
    for summary in [*found.inputs.values(), *found.outputs.values()]:
        for leaf in summary.parts.values() if isinstance(summary, Named) else [summary]:
            assert (sum(leaf.counts), leaf.missing) == (0, 3)


def test_no_rows_give_the_empty_profile(reference: Profile) -> None:
    rows = table(inputs(3, 6), outputs(3, 6)).clear()
    found = observe_table(reference, rows)
    assert found.rows == 0
    assert found.inputs["x"] == observe_table(reference, rows.drop("in.x")).inputs["x"]


def test_columns_of_numbers_are_summarised_as_metrics(reference: Profile) -> None:
    rows = table(inputs(3, 7)).with_columns(
        revenue=pl.Series([10, None, 30]), right=pl.Series([True, False, None])
    )
    found = observe_table(reference, rows, metrics=["revenue", "right", "outcome", "absent"])
    assert found.metrics.keys() == {"revenue", "right"}
    revenue = found.metrics["revenue"]
    assert isinstance(revenue, Numeric)
    assert (revenue.mean, revenue.missing) == (20, 1)
    assert (found.metrics["right"].mean, found.metrics["right"].missing) == (0.5, 1)
