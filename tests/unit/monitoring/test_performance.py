"""Labels that come late, twice, contradicting, unknown or unreadable, and what they say."""

from __future__ import annotations

import numpy as np
import pytest

from fairlead import stats
from fairlead.errors import ConfigError
from fairlead.monitoring.performance import losses, performance
from support.answers import CLASSIFIER, REGRESSOR, AnswerLog, classified, regressed
from support.log import START_US


def test_labelled_rows_are_measured_and_others_are_counted(log: AnswerLog) -> None:
    made = classified(400, 1)
    numbers = log.answer(made)
    log.feed([(n, made.truth[n]) for n in numbers[:300]], late_s=60.0)
    found = performance(log.rows(), CLASSIFIER, seed=1)
    coverage = found.coverage
    assert (coverage.answered, coverage.labelled) == (400, 300)
    assert coverage.share is not None
    assert coverage.share.low < coverage.share.value == 0.75 < coverage.share.high
    assert found.evaluation is not None
    said = made.outputs.column("label")[:300]
    accuracy = found.evaluation.metrics["accuracy"]
    assert accuracy.value == pytest.approx(stats.accuracy(made.truth[:300], said))
    assert accuracy.low < accuracy.value < accuracy.high
    assert {"precision", "recall", "f1", "roc_auc", "log_loss"} <= found.evaluation.metrics.keys()


def test_delays_are_those_of_labels_that_came(log: AnswerLog) -> None:
    numbers = log.answer(classified(100, 1))
    log.feed([(n, "left") for n in numbers[:80]], late_s=60.0)
    log.feed([(n, "left") for n in numbers[80:99]], late_s=3600.0)
    coverage = performance(log.rows(), CLASSIFIER, seed=1).coverage
    assert coverage.delay_median_s == pytest.approx(60.0, abs=0.01)
    assert coverage.delay_p90_s == pytest.approx(3600.0, abs=0.01)


def test_a_label_older_than_its_question_has_no_delay(log: AnswerLog) -> None:
    numbers = log.answer(classified(10, 1))
    log.feed([(n, "left") for n in numbers], late_s=-7200.0)
    coverage = performance(log.rows(), CLASSIFIER, seed=1).coverage
    assert coverage.delay_median_s == coverage.delay_p90_s == 0.0


def test_the_last_of_contradicting_labels_counts_once(log: AnswerLog) -> None:
    made = classified(50, 1)
    numbers = log.answer(made)
    turned = {"left": "stayed", "stayed": "left"}
    log.feed([(n, turned[made.truth[n]]) for n in numbers], received=1)
    log.feed([(n, made.truth[n]) for n in numbers], received=2)
    log.feed([(n, made.truth[n]) for n in numbers], received=2)
    log.feed([(999, "left")], received=3)  # of no prediction
    found = performance(log.rows(), CLASSIFIER, seed=1)
    assert (found.coverage.answered, found.coverage.labelled) == (50, 50)
    assert found.evaluation is not None
    said = made.outputs.column("label")
    expected = stats.accuracy(made.truth, said)
    assert found.evaluation.metrics["accuracy"].value == pytest.approx(expected)


def test_labels_that_nobody_can_read_are_wrong_and_break_nothing(log: AnswerLog) -> None:
    made = classified(60, 1)
    numbers = log.answer(made)
    log.feed([(n, "nonsense") for n in numbers[:30]])
    log.feed([(n, 7) for n in numbers[30:60]])
    found = performance(log.rows(), CLASSIFIER, seed=1)
    assert found.evaluation is not None
    assert found.evaluation.metrics["accuracy"].value == 0.0
    assert "roc_auc" not in found.evaluation.metrics


def test_rows_that_failed_take_no_part(log: AnswerLog) -> None:
    made = classified(20, 1)
    log.answer(made)
    log.answer(made, outcome="timeout", outputs=None)
    assert performance(log.rows(), CLASSIFIER, seed=1).coverage.answered == 20


def test_segments_are_measured_apart_and_are_capped(log: AnswerLog) -> None:
    made = classified(900, 1)
    numbers = log.answer(made)
    log.feed([(n, made.truth[n]) for n in numbers])
    found = performance(log.rows(), CLASSIFIER, segments=["in.plan", "in.age"], seed=1).evaluation
    assert found is not None
    by_plan = {p.value: p for p in found.slices if p.field == "in.plan"}
    assert sum(part.rows for part in by_plan.values()) == 900
    free, pro = (by_plan[plan].metrics["accuracy"] for plan in ("free", "pro"))
    assert free.high < pro.low  # free rows are the hard ones
    assert len([p for p in found.slices if p.field == "in.age"]) == 50
    assert any("in.age" in note for note in found.notes)


def test_a_segment_that_is_no_column_is_refused(log: AnswerLog) -> None:
    log.answer(classified(10, 1))
    with pytest.raises(ConfigError, match=r"in\.plane"):
        performance(log.rows(), CLASSIFIER, segments=["in.plane"], seed=1)


def test_a_regressor_is_measured_by_numbers_and_by_what_a_user_adds(log: AnswerLog) -> None:
    made = regressed(300, 1)
    numbers = log.answer(made)
    log.feed([(n, float(made.truth[n])) for n in numbers[:299]])
    log.feed([(299, "unknown")])
    found = performance(
        log.rows(),
        REGRESSOR,
        custom={"short": lambda truth, said: np.maximum(truth - said, 0.0)},
        seed=1,
    )
    truth, said = made.truth[:299], made.outputs.numbers[:299, 0]
    assert found.coverage.labelled == 299
    assert found.evaluation is not None
    metrics = found.evaluation.metrics
    assert metrics["rmse"].value == pytest.approx(stats.rmse(truth, said))
    assert metrics["mape"].value == pytest.approx(stats.mape(truth, said))
    short = metrics["short"]
    assert short.value == pytest.approx(np.maximum(truth - said, 0).mean())
    assert short.low < short.value < short.high


def test_few_or_no_labels_give_no_metrics(log: AnswerLog) -> None:
    numbers = log.answer(classified(10, 1))
    nothing = performance(log.rows(), CLASSIFIER, seed=1)
    assert nothing.evaluation is None
    assert nothing.coverage.delay_median_s is None
    log.feed([(n, "left") for n in numbers[:4]])
    assert performance(log.rows(), CLASSIFIER, seed=1).evaluation is None


def test_an_empty_log_has_no_performance(log: AnswerLog) -> None:
    assert performance(log.rows(), CLASSIFIER, seed=1).coverage.share is None
    assert losses(log.rows(), CLASSIFIER) is None


def test_losses_come_in_the_order_of_labels(log: AnswerLog) -> None:
    made = classified(40, 1)
    numbers = log.answer(made)
    for place, number in enumerate(reversed(numbers)):
        log.feed([(number, made.truth[number])], late_s=10.0 + place)
    stream = losses(log.rows(), CLASSIFIER)
    assert stream is not None
    assert stream.kind == "error"
    wrong = (made.truth != made.outputs.column("label")).astype(float)
    assert stream.losses.tolist() == wrong[::-1].tolist()
    assert stream.time_us.tolist() == [START_US + (10 + p) * 1_000_000 for p in range(40)]
    assert len(set(stream.ids)) == 40


def test_each_kind_of_loss_is_that_of_its_metric(log: AnswerLog) -> None:
    made = classified(40, 1)
    numbers = log.answer(made)
    log.feed([(n, made.truth[n]) for n in numbers])
    stream = losses(log.rows(), CLASSIFIER, kind="log_loss")
    assert stream is not None
    places = (made.truth == "left").astype(int)
    expected = stats.log_loss(places, made.outputs.column("probabilities"))
    assert stream.losses.mean() == pytest.approx(expected)
    with pytest.raises(ConfigError, match="squared"):
        losses(log.rows(), CLASSIFIER, kind="squared")


def test_losses_of_a_regressor_are_its_errors(log: AnswerLog) -> None:
    made = regressed(30, 1)
    numbers = log.answer(made)
    log.feed([(n, float(made.truth[n])) for n in numbers])
    errors = made.truth - made.outputs.numbers[:, 0]
    absolute, squared = losses(log.rows(), REGRESSOR), losses(log.rows(), REGRESSOR, kind="squared")
    assert absolute is not None
    assert squared is not None
    assert absolute.losses == pytest.approx(np.abs(errors))
    assert squared.losses == pytest.approx(errors**2)
