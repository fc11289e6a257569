"""A challenger held against the champion, from answers to a judgement."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.bundle import Proof
from fairlead.errors import ConfigError
from fairlead.updates.leaks import Leaks
from fairlead.updates.types import Finding, Gate, Judgement
from fairlead.updates.weigh import Answered, weigh
from support.versions import classifier, named, regressor

ROWS = 400
THREE = ("a", "b", "c")


class World:
    """Rows whose label depends on one number, and models that see it more or less well."""

    def __init__(self, seed: int = 1, rows: int = ROWS) -> None:
        self.draw = np.random.default_rng(seed)
        self.signal = self.draw.normal(size=rows)
        self.positive = self.draw.random(rows) < 1.0 / (1.0 + np.exp(-2.0 * self.signal))
        self.truth = named(self.positive)

    def chances(self, noise: float) -> Any:
        blurred = self.signal + noise * self.draw.normal(size=len(self.signal))
        return 1.0 / (1.0 + np.exp(-2.0 * blurred))

    def model(self, noise: float, **cost: Any) -> Answered:
        return classifier(self.chances(noise), **cost)


@pytest.fixture(scope="module")
def world() -> World:
    return World()


def finding(judgement: Judgement, name: str) -> Finding:
    return next(each for each in judgement.findings if each.name == name)


@pytest.mark.parametrize("metric", ["", "accuracy", "log_loss", "brier", "f1", "average_precision"])
def test_the_better_is_promoted_and_the_worse_is_not(world: World, metric: str) -> None:
    good, bad = world.model(0.1), world.model(2.0)
    gate = Gate(metric=metric)
    up, down = (weigh(gate, *pair, world.truth, seed=1) for pair in ((bad, good), (good, bad)))
    assert (up.verdict, down.verdict) == ("promote", "reject")
    assert up.findings[0].name == (metric or "roc_auc")
    assert up.needed is None
    assert msgspec.json.decode(msgspec.json.encode(up), type=Judgement) == up


def test_alike_needs_more_rows_and_says_how_many(world: World) -> None:
    found = weigh(Gate(), world.model(0.3), world.model(0.3), world.truth, seed=1)
    assert found.verdict == "not enough data"
    assert found.needed
    assert found.needed > 0


@pytest.mark.parametrize("metric", ["roc_auc", "accuracy", "log_loss"])
@pytest.mark.parametrize("margin", [0.0, -0.1])
def test_the_same_answers_are_not_promoted(world: World, metric: str, margin: float) -> None:
    same = world.model(0.5)
    gate = Gate(metric=metric, margin=margin)
    assert weigh(gate, same, same, world.truth, seed=1).verdict == "reject"


def test_a_margin_below_zero_asks_that_it_is_not_worse(world: World) -> None:
    versions = world.model(0.3), world.model(0.3)
    found = weigh(Gate(margin=-0.1), *versions, world.truth, seed=1)
    assert found.verdict == "promote"


def test_numbers(world: World) -> None:
    truth = world.signal * 3.0 + world.draw.normal(size=ROWS)
    good, bad = regressor(world.signal * 3.0), regressor(world.signal)
    assert weigh(Gate(), bad, good, truth, seed=1).verdict == "promote"
    assert weigh(Gate(), good, bad, truth, seed=1).verdict == "reject"
    broken = regressor(np.where(world.signal > 2.0, np.nan, world.signal * 3.0))
    found = weigh(Gate(metric="rmse"), bad, broken, truth, seed=1)
    assert (found.verdict, "no number" in found.reason) == ("reject", True)
    assert weigh(Gate(), broken, good, truth, seed=1).verdict == "not enough data"


def of_three(world: World, sure: float) -> Answered:
    places = np.digitize(world.signal, [-0.5, 0.5])
    chances = np.full((ROWS, 3), (1.0 - sure) / 2.0)
    chances[np.arange(ROWS), np.where(world.draw.random(ROWS) < sure, places, 1)] = sure
    return classifier(chances, THREE)


def test_classes_that_one_version_does_not_know_count_as_wrong(world: World) -> None:
    truth = np.array(THREE, dtype=object)[np.digitize(world.signal, [-0.5, 0.5])]
    three = of_three(world, 0.9)
    two = classifier((world.signal > 0.0) * 0.8 + 0.1, ("a", "b"))
    up, down = (weigh(Gate(), *pair, truth, seed=1) for pair in ((two, three), (three, two)))
    assert (up.verdict, down.verdict) == ("promote", "reject")
    assert up.findings[0].name == "accuracy"
    assert "does not know" in up.reason


def test_a_holdout_of_one_class_decides_nothing(world: World) -> None:
    truth = named(np.ones(ROWS, dtype=bool))
    found = weigh(Gate(), world.model(1.0), world.model(0.1), truth, seed=1)
    assert found.verdict == "not enough data"
    assert "undefined" in found.reason


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_next_to_no_rows_decide_nothing(world: World, rows: int) -> None:
    good, bad = (classifier(world.chances(noise)[:rows]) for noise in (0.1, 2.0))
    found = weigh(Gate(), bad, good, world.truth[:rows], seed=1)
    assert found.verdict in ("not enough data", "reject")
    assert found.verdict == "reject" or found.needed == 50 - rows


def test_what_else_refuses_the_better_one(world: World) -> None:
    good, bad = world.model(0.1), world.model(2.0)
    bad = replace(bad, us_per_row=1.0, size_bytes=10)
    fine = Proof(rows=64, differing=0)
    cheap = replace(good, us_per_row=2.0, size_bytes=40, proof=fine)
    assert weigh(Gate(), bad, cheap, world.truth, seed=1).verdict == "promote"
    for changed in (
        {"us_per_row": 2.1}, {"size_bytes": 41}, {"proof": Proof(rows=64, differing=3)},
    ):  # fmt: skip
        found = weigh(Gate(), bad, replace(cheap, **changed), world.truth, seed=1)
        assert found.verdict == "reject"


def test_a_constant_is_refused(world: World) -> None:
    always = classifier(np.full(ROWS, 0.5))
    found = weigh(Gate(), world.model(2.0), always, world.truth, seed=1)
    assert finding(found, "constant").verdict == "reject"
    varied = classifier(np.where(world.positive, 0.02, 0.01))
    found = weigh(Gate(), world.model(2.0), varied, world.truth, seed=1)
    assert finding(found, "constant").verdict == "promote"


def test_ranks_without_sense_of_chances_are_refused(world: World) -> None:
    far = classifier(0.98 + world.chances(0.1) / 100.0)
    found = weigh(Gate(), world.model(1.0), far, world.truth, seed=1)
    assert found.findings[0].verdict == "promote"
    assert (found.verdict, finding(found, "calibration").verdict) == ("reject", "reject")


def test_a_part_that_got_worse_refuses_what_is_better_in_all(world: World) -> None:
    part = np.where(np.arange(ROWS) % 8 == 0, "pro", "free")
    part[:10] = "new"
    good = np.where(part == "pro", 1.0 - world.chances(0.1), world.chances(0.1))
    slices = {"plan": part}
    gate = Gate(calibration_margin=None)
    found = weigh(gate, world.model(2.0), classifier(good), world.truth, slices=slices, seed=1)
    assert found.findings[0].verdict == "promote"
    assert finding(found, "roc_auc of plan=pro").verdict == "reject"
    assert finding(found, "roc_auc of plan=free").verdict == "promote"
    assert finding(found, "roc_auc of plan=new").verdict == "not enough data"
    assert found.verdict == "reject"


def test_rows_that_were_trained_on_are_left_out(world: World) -> None:
    repeated = np.arange(ROWS) < 40
    right = np.where(repeated, world.positive, world.chances(0.8))
    versions = world.model(0.8), classifier(right)
    without = weigh(Gate(), *versions, world.truth, leaks=Leaks(repeated, 0, 400), seed=1)
    assert without.findings[0].rows == 360
    assert "40 of 400" in finding(without, "leak").reason
    usual = weigh(Gate(), *versions, world.truth, leaks=Leaks(repeated, 40, 400), seed=1)
    assert usual.findings[0].rows == 400
    many = weigh(Gate(), *versions, world.truth, leaks=Leaks(np.arange(ROWS) < 200, 0, 400), seed=1)
    assert many.verdict == "reject"
    every = weigh(Gate(), *versions, world.truth, leaks=Leaks(np.full(ROWS, True), 0, 400), seed=1)
    assert every.verdict == "reject"


def test_rows_of_one_user_count_as_one_draw(world: World) -> None:
    """Copies of few rows look like much evidence, unless it is said whose they are."""
    users = np.arange(ROWS) // 20
    few = World(seed=3, rows=ROWS // 20)
    truth = np.repeat(few.truth, 20)
    bad, good = (classifier(np.repeat(few.chances(noise), 20)) for noise in (1.0, 0.2))
    gate = Gate(calibration_margin=None)
    fooled = weigh(gate, bad, good, truth, seed=1)
    told = weigh(gate, bad, good, truth, units=users, seed=1)
    assert fooled.findings[0].verdict == "promote"
    assert told.findings[0].verdict == "not enough data"


def test_what_cannot_be_weighed_is_said(world: World) -> None:
    version = world.model(0.5)
    with pytest.raises(ConfigError, match="no metric sharpness"):
        weigh(Gate(metric="sharpness"), version, version, world.truth, seed=1)
    with pytest.raises(ConfigError, match="no label"):
        weigh(Gate(), version, version, np.full(ROWS, None), seed=1)
    leaks = Leaks(np.zeros(3, dtype=bool))
    with pytest.raises(ConfigError, match="3 rows"):
        weigh(Gate(), version, version, world.truth, leaks=leaks, seed=1)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.floats(0, 2), st.floats(0, 2), st.sampled_from(["", "accuracy"]))
def test_swapped_versions_are_never_both_promoted(
    seed: int, first: float, second: float, metric: str
) -> None:
    world = World(seed, rows=80)
    versions = world.model(first), world.model(second)
    gate = Gate(metric=metric, calibration_margin=None)
    there, back = (
        weigh(gate, *pair, world.truth, seed=seed) for pair in (versions, versions[::-1])
    )
    ours, theirs = there.findings[0].difference, back.findings[0].difference
    if ours is not None and theirs is not None:
        turned = (-theirs.value, -theirs.high, -theirs.low)
        assert (ours.value, ours.low, ours.high) == pytest.approx(turned, abs=1e-9)
    if there.verdict == "promote":
        assert back.verdict == "reject"
    same = weigh(gate, versions[0], versions[0], world.truth, seed=seed)
    assert same.verdict != "promote"
