"""Estimated, then realised as labels come, then held against each other."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from fairlead.errors import ConfigError, ConflictError, StorageError
from fairlead.monitoring.estimate import (
    Estimator,
    decode_estimator,
    encode_estimator,
    estimate,
    expect_rows,
    expected_losses,
    fit_estimator,
    know_rows,
    merge_counted,
)
from fairlead.monitoring.ledger import Ledger, Tally, merge_tallies, score, settle, tally
from fairlead.monitoring.rows import answered
from fairlead.signature import Batch, Field, Signature
from support.answers import CLASSIFIER, REGRESSOR, AnswerLog, Made, classified, regressed


def fitted(signature: Signature, made: Made) -> Estimator:
    found = fit_estimator(signature, made.inputs, made.outputs, made.truth)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def classifier() -> Estimator:
    return fitted(CLASSIFIER, classified(4000, 0))


@pytest.fixture(scope="module")
def regressor() -> Estimator:
    return fitted(REGRESSOR, regressed(4000, 0))


def counted(log: AnswerLog, estimator: Estimator, signature: Signature) -> Tally:
    one = answered(log.rows(), signature)
    assert one is not None
    return tally(estimator, signature, one)


def test_before_any_label_all_is_estimated(log: AnswerLog, classifier: Estimator) -> None:
    log.answer(classified(800, 1))
    ledger = settle(classifier, counted(log, classifier, CLASSIFIER))
    assert (ledger.rows, ledger.labelled) == (800, 0)
    entry = ledger.entries["accuracy"]
    assert entry.current == entry.estimated
    assert entry.estimated.low < entry.estimated.value < entry.estimated.high
    assert (entry.realised, entry.foreseen, entry.error, entry.covered) == (None,) * 4


def test_labels_replace_the_estimate_until_nothing_is_left_to_estimate(
    log: AnswerLog, classifier: Estimator
) -> None:
    made = classified(800, 1)
    numbers = log.answer(made)
    widths = []
    for known in (0, 300, 700, 800):
        log.feed([(n, made.truth[n]) for n in numbers[:known]] or [(9999, "left")], received=known)
        entry = settle(classifier, counted(log, classifier, CLASSIFIER)).entries["accuracy"]
        widths.append(entry.current.high - entry.current.low)
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] == 0.0
    right = (made.truth == made.outputs.column("label")).mean()
    assert entry.current.value == pytest.approx(right)
    assert entry.realised == pytest.approx(right)
    assert entry.foreseen is not None
    assert entry.error == pytest.approx(entry.foreseen.value - right)


def test_the_estimator_is_held_against_the_same_rows(log: AnswerLog, classifier: Estimator) -> None:
    """Labels of the easy rows alone say nothing against an estimate of all rows."""
    made = classified(3000, 1)
    numbers = log.answer(made)
    easy = made.inputs.columns["plan"] != "free"
    log.feed([(n, made.truth[n]) for n in numbers if easy[n]])
    entry = settle(classifier, counted(log, classifier, CLASSIFIER)).entries["accuracy"]
    assert entry.realised is not None
    assert entry.realised > entry.estimated.high
    assert entry.covered
    assert entry.current.value < entry.realised - 0.02


def test_harder_rows_are_seen_without_labels(log: AnswerLog, classifier: Estimator) -> None:
    log.answer(classified(2000, 1, hard=1.0))
    entry = settle(classifier, counted(log, classifier, CLASSIFIER)).entries["accuracy"]
    usual = estimate(classifier, None, classifier.model.reference)["accuracy"].value
    assert entry.estimated.high < usual - 0.05


def test_changed_labels_are_not_seen_before_they_come_and_then_they_are(
    log: AnswerLog, classifier: Estimator
) -> None:
    made = classified(2000, 1, wrong=0.3)
    numbers = log.answer(made)
    usual = estimate(classifier, None, classifier.model.reference)["accuracy"].value
    before = settle(classifier, counted(log, classifier, CLASSIFIER)).entries["accuracy"]
    assert before.estimated.value == pytest.approx(usual, abs=0.03)
    log.feed([(n, made.truth[n]) for n in numbers])
    after = settle(classifier, counted(log, classifier, CLASSIFIER)).entries["accuracy"]
    assert after.covered is False
    assert after.error is not None
    assert after.error > 0.1


def test_a_regressor_is_estimated_where_its_rows_moved(
    log: AnswerLog, regressor: Estimator
) -> None:
    made = regressed(2000, 1, free=0.9)
    numbers = log.answer(made)
    before = settle(regressor, counted(log, regressor, REGRESSOR)).entries["mae"]
    mae = np.abs(made.truth - made.outputs.numbers[:, 0]).mean()
    assert before.estimated.value == pytest.approx(mae, rel=0.06)
    log.feed([(n, float(made.truth[n])) for n in numbers])
    after = settle(regressor, counted(log, regressor, REGRESSOR)).entries["mae"]
    assert after.realised == pytest.approx(mae)
    assert after.current.value == pytest.approx(mae)


@pytest.mark.parametrize("signature", [CLASSIFIER, REGRESSOR])
def test_tallies_of_parts_add_up_to_that_of_the_whole(
    log: AnswerLog, classifier: Estimator, regressor: Estimator, signature: Signature
) -> None:
    first = signature is CLASSIFIER
    estimator = classifier if first else regressor
    made = classified(90, 3) if first else regressed(90, 3)
    numbers = log.answer(made)
    log.feed([(n, made.truth[n] if first else float(made.truth[n])) for n in numbers[::2]])
    rows = log.rows()
    whole = settle(estimator, counted(log, estimator, signature))
    parts = []
    for part in (rows[:30], rows[30:31], rows[31:]):
        one = answered(part, signature)
        assert one is not None
        parts.append(tally(estimator, signature, one))
    for order in (parts, parts[::-1]):
        merged = settle(estimator, merge_tallies(merge_tallies(order[0], order[1]), order[2]))
        assert merged.rows == whole.rows == 90
        for name, entry in merged.entries.items():
            assert entry.current.value == pytest.approx(whole.entries[name].current.value)
            assert entry.estimated.low == pytest.approx(whole.entries[name].estimated.low)
            assert entry.covered == whole.entries[name].covered


def test_a_tally_and_a_ledger_survive_being_written(log: AnswerLog, classifier: Estimator) -> None:
    made = classified(200, 1)
    log.answer(made)
    log.feed([(3, "left")])
    one = counted(log, classifier, CLASSIFIER)
    assert msgspec.json.decode(msgspec.json.encode(one), type=Tally) == one
    ledger = settle(classifier, one)
    assert msgspec.json.decode(msgspec.json.encode(ledger), type=Ledger) == ledger


def test_an_honest_estimator_covers_and_a_betrayed_one_does_not(classifier: Estimator) -> None:
    def ledgers(wrong: float) -> list[Ledger]:
        found = []
        for seed in range(1, 41):
            made = classified(400, seed, wrong=wrong)
            none = slice(0)
            nothing = expect_rows(
                classifier, CLASSIFIER, made.inputs.take(none), made.outputs.take(none)
            )
            batch = expect_rows(classifier, CLASSIFIER, made.inputs, made.outputs)
            labels = know_rows(classifier, CLASSIFIER, made.outputs, made.truth.tolist())
            found.append(settle(classifier, Tally(nothing, batch, labels)))
        return found

    good, bad = score(ledgers(0.0))["accuracy"], score(ledgers(0.2))["accuracy"]
    assert good.windows == bad.windows == 40
    assert good.covered.high > 0.95
    assert abs(good.bias) < 0.01
    assert bad.covered.high < 0.2
    assert bad.bias == pytest.approx(bad.error)


def test_windows_with_few_labels_are_not_scored(log: AnswerLog, classifier: Estimator) -> None:
    log.answer(classified(100, 1))
    log.feed([(n, "left") for n in range(20)])
    ledger = settle(classifier, counted(log, classifier, CLASSIFIER))
    assert score([ledger, Ledger(0, 0)]) == {}
    assert score([ledger], labelled_min=20)["accuracy"].windows == 1


def test_what_is_expected_of_rows_is_what_is_estimated_of_them(
    classifier: Estimator, regressor: Estimator
) -> None:
    made = classified(500, 1)
    lost = expected_losses(classifier, CLASSIFIER, made.inputs, made.outputs)
    rows = expect_rows(classifier, CLASSIFIER, made.inputs, made.outputs)
    accuracy = estimate(classifier, rows)["accuracy"].value
    assert 1.0 - lost.mean() == pytest.approx(accuracy)
    made = regressed(500, 1)
    lost = expected_losses(regressor, REGRESSOR, made.inputs, made.outputs)
    rows = expect_rows(regressor, REGRESSOR, made.inputs, made.outputs)
    assert lost.mean() == pytest.approx(estimate(regressor, rows)["mae"].value)


@pytest.mark.parametrize("signature", [CLASSIFIER, REGRESSOR])
def test_an_estimator_survives_being_written(
    classifier: Estimator, regressor: Estimator, signature: Signature
) -> None:
    one = classifier if signature is CLASSIFIER else regressor
    assert decode_estimator(encode_estimator(one)) == one


def test_a_damaged_or_newer_estimator_is_refused(classifier: Estimator) -> None:
    raw = encode_estimator(classifier)
    for bad in (raw[:-9], b"\xff" + raw, b"{}", raw.replace(b'"cbpe"', b'"pape"')):
        with pytest.raises(StorageError, match="read"):
            decode_estimator(bad)
    with pytest.raises(StorageError, match="format 2"):
        decode_estimator(raw.replace(b'"format":1', b'"format":2'))


def test_there_is_no_estimator_where_there_is_nothing_to_estimate_from() -> None:
    few = classified(99, 0)
    assert fit_estimator(CLASSIFIER, few.inputs, few.outputs, few.truth) is None
    made = classified(300, 0)
    mostly = made.truth.copy()
    mostly[:250] = None
    assert fit_estimator(CLASSIFIER, made.inputs, made.outputs, mostly) is None
    plain = Signature(inputs=CLASSIFIER.inputs, outputs=CLASSIFIER.outputs[:1],
                      task="classification")  # fmt: skip
    label = Batch(300, (), np.empty((300, 0)), {"label": made.outputs.columns["label"]})
    assert fit_estimator(plain, made.inputs, label, made.truth) is None
    other = Signature(inputs=(), outputs=(Field(name="y", kind="tensor", shape=(2,)),))
    pairs = Batch(300, (), np.empty((300, 0)), {"y": np.ones((300, 2))})
    assert fit_estimator(other, made.inputs, pairs, made.truth) is None


def test_counts_and_answers_of_other_models_are_refused(
    classifier: Estimator, regressor: Estimator
) -> None:
    ours, theirs = classified(50, 1), regressed(50, 1)
    a = expect_rows(classifier, CLASSIFIER, ours.inputs, ours.outputs)
    b = expect_rows(regressor, REGRESSOR, theirs.inputs, theirs.outputs)
    with pytest.raises(ConflictError):
        merge_counted(a, b)
    with pytest.raises(ConfigError, match="estimator"):
        expect_rows(classifier, REGRESSOR, theirs.inputs, theirs.outputs)


def test_a_new_category_and_a_missing_number_have_an_expected_loss(regressor: Estimator) -> None:
    made = regressed(20, 1)
    plan = np.array(["gold", None] * 10, dtype=object)
    inputs = Batch(20, ("age",), np.full((20, 1), np.nan), {"plan": plan})
    lost = expected_losses(regressor, REGRESSOR, inputs, made.outputs)
    assert np.isfinite(lost).all()
    assert (lost > 0).all()
