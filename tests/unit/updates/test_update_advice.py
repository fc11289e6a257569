"""Advice: what a training may know, what policies share, and how sure what is said of them is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.stats.block_bootstrap import joint_means
from fairlead.updates.advice.advise import advise
from fairlead.updates.advice.backtest import backtest
from fairlead.updates.advice.cut import TooLittleError, cut, known, settle
from fairlead.updates.advice.decay import decay
from fairlead.updates.advice.plan import NEVER, follow, plan, policies
from fairlead.updates.advice.recalibrate import recalibrate
from fairlead.updates.advice.score import metrics_for, score
from fairlead.updates.advice.types import Advice, Blocks, History, Numbers, Places, Played, Prices

DAY_US = 86_400_000_000
DAYS = 24


def world(
    seed: int, *, turn: float = 0.0, rows: int = 60, delay: float = 0.5
) -> tuple[History, Numbers]:
    """Rows of 24 days with two classes, which a line parts that turns by so much a day."""
    random = np.random.default_rng(seed)
    asked = np.sort(random.integers(0, DAYS * DAY_US, DAYS * rows))
    inputs = random.normal(size=(len(asked), 2))
    angle = turn * asked / DAY_US
    side = inputs[:, 0] * np.cos(angle) + inputs[:, 1] * np.sin(angle)
    truth = (side + 0.5 * random.normal(size=len(asked)) > 0).astype(np.intp)
    late = random.exponential(delay * DAY_US, len(asked)).astype(np.int64)
    return History(asked, asked + late, truth, 2), inputs


def fit(history: History, inputs: Numbers) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Least squares: to train, and to ask."""

    def train(rows: Places, _: Any) -> Any:
        return np.linalg.lstsq(inputs[rows], 2.0 * history.truth[rows] - 1.0, rcond=None)[0]

    def answer(model: Any, rows: Places) -> Numbers:
        second: Numbers = 1.0 / (1.0 + np.exp(-3.0 * inputs[rows] @ model))
        both: Numbers = np.column_stack([1.0 - second, second])
        return both

    return train, answer


def play(history: History, inputs: Numbers, most: int = 200) -> tuple[Blocks, Played]:
    blocks = cut(history, block_us=DAY_US)
    planned = plan(history, blocks, policies(blocks), trainings_max=most, rows_min=50)
    train, answer = fit(history, inputs)
    return blocks, backtest(history, blocks, planned, train, answer, metrics_for(2))


def advised(seed: int, prices: Prices | None = None, **how: float) -> Advice:
    history, inputs = world(seed, **how)  # type: ignore[arg-type]
    blocks, played = play(history, inputs)
    return advise("churn", blocks, policies(blocks), played, prices or Prices())


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10_000), delay=st.floats(0.0, 3.0))
def test_a_training_sees_no_label_that_came_after_its_block_began(seed: int, delay: float) -> None:
    history, inputs = world(seed, rows=30, delay=delay)
    blocks = cut(history, block_us=DAY_US)
    planned = plan(history, blocks, policies(blocks), trainings_max=200, rows_min=10)
    train, answer = fit(history, inputs)
    learnt: list[int] = []

    def watched(rows: Places, previous: Any) -> Any:
        assert len(rows)
        learnt.append(int(history.labelled_us[rows].max()))
        return train(rows, previous), learnt[-1]

    def asked(model: Any, rows: Places) -> Numbers:
        # Whatever it answers was asked for, or at least labelled, after all that it learnt from.
        if len(rows):
            assert history.labelled_us[rows].min() > model[1]
        told: Numbers = answer(model[0], rows)
        return told

    backtest(history, blocks, planned, watched, asked, metrics_for(2))
    ends = [int(blocks.edges_us[one.block]) for one in planned.trainings]
    assert all(latest < end for latest, end in zip(learnt, ends, strict=True))
    for one in planned.trainings:  # and all that it may know, it knows
        rows = known(history, blocks, one)
        before = (history.labelled_us < blocks.edges_us[one.block]) & (blocks.of >= one.since)
        assert len(rows) == before.sum()


def test_policies_share_trainings() -> None:
    history, inputs = world(1)
    blocks = cut(history, block_us=DAY_US)
    wanted = policies(blocks)
    planned = plan(history, blocks, wanted, trainings_max=200, rows_min=50)
    alone = sum(len(set(follow(policy, blocks).trainings)) for policy in wanted)
    assert len(planned.trainings) == len(set(planned.trainings)) < alone * 0.7
    train, answer = fit(history, inputs)
    done: list[int] = []

    def counted(rows: Places, previous: Any) -> Any:
        done.append(len(rows))
        return train(rows, previous)

    played = backtest(history, blocks, planned, counted, answer, metrics_for(2))
    assert len(done) == played.trained == len(planned.trainings)
    assert set(played.values) == {policy.name for policy in wanted}


def test_a_slower_cadence_takes_no_training_that_a_faster_one_does_not() -> None:
    history, _ = world(1)
    blocks = cut(history, block_us=DAY_US)
    by_name = {policy.name: follow(policy, blocks) for policy in policies(blocks)}
    assert set(by_name["every 8d"].trainings) < set(by_name["every 1d"].trainings)


@pytest.mark.parametrize("most", [1, 5, 30])
def test_a_budget_is_kept_and_what_it_leaves_out_is_named(most: int) -> None:
    history, inputs = world(2)
    blocks, played = play(history, inputs, most)
    assert played.trained <= most
    assert NEVER in played.values
    left = {one.policy for one in played.left_out}
    assert left
    assert left | set(played.values) == {policy.name for policy in policies(blocks)}
    assert not left & set(played.values)


def test_what_there_is_no_time_for_is_named() -> None:
    history, inputs = world(2)
    blocks = cut(history, block_us=DAY_US)
    planned = plan(history, blocks, policies(blocks), trainings_max=200, rows_min=50)
    played = backtest(
        history, blocks, planned, *fit(history, inputs), metrics_for(2),
        goes_on=lambda done: done < 8,
    )  # fmt: skip
    assert played.trained == 8
    assert {one.reason for one in played.left_out} == {"there was no time for its trainings"}
    assert NEVER in played.values


def test_fine_tuning_goes_on_from_the_model_before() -> None:
    history, inputs = world(3)
    blocks = cut(history, block_us=DAY_US)
    planned = plan(history, blocks, policies(blocks), trainings_max=200, rows_min=50)
    tuned = next(each for each in planned.courses if each.policy.way == "fine-tune")
    _, answer = fit(history, inputs)
    before: dict[int, int | None] = {}
    kept: dict[int, int] = {}

    def train(rows: Places, previous: int | None) -> int:
        number = len(before) + 1
        before[number] = previous
        kept[number] = len(rows)
        return number

    backtest(
        history, blocks, planned, train, lambda _, rows: answer(np.ones(2), rows), metrics_for(2)
    )
    numbers = {one: place + 1 for place, one in enumerate(planned.trainings)}
    chain = [numbers[one] for one in tuned.trainings]
    assert [before[number] for number in chain] == [None, *chain[:-1]]


def test_models_are_given_up_when_they_are_of_no_more_use() -> None:
    history, inputs = world(3)
    blocks = cut(history, block_us=DAY_US)
    planned = plan(history, blocks, policies(blocks), trainings_max=200, rows_min=50)
    train, answer = fit(history, inputs)
    held: list[int] = []

    def counted(rows: Places, previous: Any) -> Any:
        held.append(len(rows))
        return train(rows, previous)

    def dropped(_: Any) -> None:
        held.pop()

    backtest(history, blocks, planned, counted, answer, metrics_for(2), drop=dropped)
    chained = {one.previous for one in planned.trainings} - {None}
    assert len(held) == len(chained) < len(planned.trainings)


def matrix(seed: int, slope: float, blocks: int = 24, warm: int = 4) -> Numbers:
    """A metric of models by blocks: of each block, of each model's luck, and of age."""
    random = np.random.default_rng(seed)
    luck = np.convolve(random.normal(size=blocks + warm - 1), np.ones(warm) / warm, "valid")
    noise = 0.01 * random.normal(size=(blocks, blocks))
    age = np.arange(blocks)[None, :] - np.arange(blocks)[:, None]
    found = 0.8 + 0.02 * random.normal(size=blocks)[None, :] + 0.005 * luck[:, None] + noise
    return np.where(age >= 0, found - slope * age, np.nan)


def test_planted_decay_is_found_with_its_slope_in_the_interval() -> None:
    found = [decay(matrix(seed, 0.004), np.ones(24), 0.5, 4, seed=seed) for seed in range(60)]
    slopes = [one.slope for one in found if one.slope is not None]
    assert sum(one.low <= 0.004 <= one.high for one in slopes) >= 55
    assert sum(one.verdict == "decay" for one in found) >= 58
    half = found[0].half_blocks
    assert half is not None
    assert half == pytest.approx(0.5 * (found[0].fresh - 0.5) / slopes[0].value)  # type: ignore[operator]


def test_no_decay_is_said_to_be_none() -> None:
    found = [decay(matrix(seed, 0.0), np.ones(24), 0.5, 4, seed=seed) for seed in range(100)]
    assert sum(one.verdict == "decay" for one in found) <= 5
    assert all(one.half_blocks is None for one in found if one.verdict == "no decay seen")


def test_harder_blocks_are_no_decay() -> None:
    harder = np.where(np.isfinite(matrix(1, 0.0)), matrix(1, 0.0) - 0.01 * np.arange(24), np.nan)
    assert decay(harder, np.ones(24), 0.5, 4, seed=1).verdict == "no decay seen"


def test_of_few_models_nothing_is_told() -> None:
    few = np.full((24, 24), np.nan)
    few[0] = 0.8
    assert decay(few, np.ones(24), 0.5, 4, seed=1).verdict == "unknown"


def test_of_many_equal_policies_none_seems_better() -> None:
    wrong = 0
    for seed in range(200):
        values = np.random.default_rng(seed).normal(size=(10, 24))
        joint = joint_means(values, np.ones(24), seed=seed)
        wrong += any(one.low > 0 or one.high < 0 for one in joint.estimates)
    assert wrong <= 20  # 5 % and three standard errors


def test_a_gain_that_grows_steadily_is_no_doubt() -> None:
    random = np.random.default_rng(1)
    rising = 0.01 * np.arange(24) + 0.01 * random.normal(size=24)
    (one,) = joint_means(rising[None], np.ones(24), seed=1).estimates
    assert one.low > 0.1 > 0.5 * one.value


def test_a_stream_that_turns_is_advised_to_be_trained_on() -> None:
    advice = advised(5, turn=0.06)
    assert advice.verdict == "train"
    assert advice.decay is not None
    assert advice.decay.verdict == "decay"
    lines = {line.policy.name: line for line in advice.lines}
    chosen = lines[advice.recommended]
    assert chosen.verdict == "better"
    assert chosen.gain.low > 0
    assert "It decays" in advice.words[0]


def test_a_stream_that_stands_still_seldom_decays() -> None:
    found = [advised(seed, rows=40).decay for seed in range(8)]
    assert sum(one is not None and one.verdict == "decay" for one in found) <= 1


def test_costs_add_up() -> None:
    advice = advised(5, Prices(training=2.5, point=10.0), turn=0.06)
    for line in advice.lines:
        assert line.cost == 2.5 * line.trainings
    lines = {line.policy.name: line for line in advice.lines}
    assert lines[NEVER].cost == 0.0
    answered = advice.blocks
    assert lines["every 1d"].trainings == answered - 1
    assert lines["every 4d"].trainings == (answered - 1) // 4
    assert lines["every 1d, recalibrate"].trainings == 0
    one = lines["every 1d"]
    assert one.net is not None
    assert one.cost is not None
    months = answered / 30
    assert one.net.value == pytest.approx(10.0 * one.gain.value / 0.01 - one.cost / months)


def test_what_costs_too_much_is_not_advised() -> None:
    assert advised(5, Prices(training=1e6, point=1.0), turn=0.06).verdict == "keep"


def test_recalibration_corrects_a_share_that_moved() -> None:
    random = np.random.default_rng(1)
    said = random.uniform(0.05, 0.95, 2000)
    truth = (random.random(2000) < np.clip(said + 0.3, 0.0, 1.0)).astype(np.intp)
    chances = np.column_stack([1.0 - said, said])
    after = recalibrate(truth[:1000], chances[:1000], chances[1000:])
    assert after.sum(axis=1) == pytest.approx(np.ones(1000))
    before, now = (score(truth[1000:], each, "brier") for each in (chances[1000:], after))
    assert now < before - 0.02


def test_the_youngest_rows_wait_for_their_labels() -> None:
    history, _ = world(1, delay=2.0)
    history = history.take(np.flatnonzero(history.labelled_us < DAYS * DAY_US))
    kept = settle(history, DAYS * DAY_US)
    delay_us = np.quantile(history.labelled_us - history.asked_us, 0.95)
    assert history.asked_us[kept].max() <= DAYS * DAY_US - delay_us
    assert 0 < history.rows - len(kept) < history.rows / 2


@pytest.mark.parametrize(("rows", "block_us"), [(200, 0), (1000, 3 * DAY_US)])
def test_too_little_history_is_said_to_be(rows: int, block_us: int) -> None:
    history, _ = world(1)
    some = history.take(np.arange(0, history.rows, history.rows // rows)[:rows])
    with pytest.raises(TooLittleError, match="are needed"):
        cut(some, block_us=block_us)


def test_numbers_are_compared_by_their_errors() -> None:
    history, inputs = world(1, turn=0.06)
    numbers = inputs[:, 0] * np.cos(0.06 * history.asked_us / DAY_US)
    of_numbers = History(history.asked_us, history.labelled_us, numbers, 0)
    blocks = cut(of_numbers, block_us=DAY_US)
    planned = plan(of_numbers, blocks, policies(blocks), trainings_max=200, rows_min=50)
    played = backtest(
        of_numbers, blocks, planned,
        lambda rows, _: np.linalg.lstsq(inputs[rows], numbers[rows], rcond=None)[0],
        lambda model, rows: inputs[rows] @ model,
        metrics_for(0),
    )  # fmt: skip
    advice = advise("price", blocks, policies(blocks), played, Prices())
    assert advice.metric == "mae"
    assert advice.verdict == "train"
    lines = {line.policy.name: line for line in advice.lines}
    assert lines[advice.recommended].value < lines[NEVER].value
