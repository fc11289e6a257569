"""Plans, carried out many times before once: what they promise holds, and what they find."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.errors import ConfigError
from fairlead.releases import Plan, PlanSettings, plan_of
from fairlead.releases.judge import alpha_of, judge
from fairlead.releases.simulation.screen import Screen
from fairlead.releases.simulation.simulate import Outcome, simulate, without_shadow
from fairlead.releases.simulation.traffic import NO_FAULT, Traffic, make_traffic, read_fault
from fairlead.releases.simulation.world import OURS, World

RUNS = 1_000
RATIOS = {"failures": "ratio <= 1", "latency_p95": "ratio <= 1", "latency_p99": "ratio <= 1"}
STEPS = ["5% for 100m", "100%"]


def plan(guard: str = "failures", most: str = "ratio <= 1.25", **more: object) -> Plan:
    return plan_of(PlanSettings(**{"steps": STEPS, "guard": {guard: most}} | more))  # type: ignore[arg-type]


def run(of: Plan, fault: str = "", runs: int = RUNS, **traffic: float) -> Outcome:
    told = read_fault(fault) if fault else NO_FAULT
    return simulate(of, make_traffic(**traffic), told, runs=runs, seed=11)


@pytest.mark.parametrize("guard", RATIOS)
def test_of_equal_versions_looked_at_a_hundred_times_at_most_alpha_are_taken_back(
    guard: str,
) -> None:
    wanted = plan(guard, RATIOS[guard])
    rolled_back = run(wanted).share("rolled back").value
    assert rolled_back <= wanted.alpha + 3 * sqrt(wanted.alpha * (1 - wanted.alpha) / RUNS)


def test_a_candidate_exactly_as_bad_as_allowed_is_taken_back_in_at_most_alpha() -> None:
    wanted = plan()
    rolled_back = run(wanted, "error_rate=1.25x").share("rolled back").value
    assert rolled_back <= wanted.alpha + 3 * sqrt(wanted.alpha * (1 - wanted.alpha) / RUNS)


def test_three_times_the_failures_are_found_within_500_requests_to_the_candidate() -> None:
    found = run(plan(), "error_rate=3x")
    caught = found.of("rolled back")
    assert caught.mean() >= 0.95
    assert np.median(found.requests[caught]) <= 500
    assert set(found.broken) == {"failures", ""} - ({""} if caught.all() else set())


@pytest.mark.parametrize("guard", ["latency_p95", "latency_p99"])
def test_a_candidate_three_times_as_slow_is_found(guard: str) -> None:
    found = run(plan(guard, "ratio <= 1.2"), "latency=3x", runs=10)
    assert set(found.states) == {"rolled back"}
    assert set(found.broken) == {guard}


def test_the_worse_the_fault_the_sooner_it_is_found() -> None:
    medians = [np.median(run(plan(), f"error_rate={n}x", 200).requests) for n in (3, 5, 10)]
    assert medians == sorted(medians, reverse=True)


def test_the_same_seed_gives_the_same_outcome_and_another_one_does_not() -> None:
    one, two = (run(plan(), "error_rate=3x", 50) for _ in range(2))
    other = simulate(plan(), make_traffic(), read_fault("error_rate=3x"), runs=50, seed=12)
    assert one.requests.tolist() == two.requests.tolist() != other.requests.tolist()


def test_nobody_asks_nothing_is_promoted_and_a_person_is_asked() -> None:
    found = run(plan(longest="2d"), runs=5, requests_per_h=0.001)
    assert set(found.states) == {"asking"}
    assert (found.took_s >= 2 * 86_400).all()


def test_who_shall_approve_does_so_at_once() -> None:
    asked = run(plan(steps=["5% for 1h", "approve:risk", "25% for 1h", "100%"]), runs=5)
    straight = run(plan(steps=["5% for 1h", "25% for 1h", "100%"]), runs=5)
    assert set(asked.states) == {"done"}
    assert asked.took_s.tolist() == straight.took_s.tolist()


def test_a_step_waits_for_its_proof() -> None:
    waits, goes = run(plan(prove=["failures"]), runs=20), run(plan(), runs=20)
    assert set(waits.states) == {"done"}
    assert np.median(waits.took_s) > 2 * np.median(goes.took_s)


@pytest.mark.parametrize("strategy", ["blue-green", "now"])
def test_all_at_once_is_simulated_too(strategy: str) -> None:
    guarded = {} if strategy == "now" else {"guard": {"failures": "ratio <= 1.25"}}
    at_once = plan_of(PlanSettings(strategy=strategy, **guarded))  # type: ignore[arg-type]
    found = run(at_once, "error_rate=10x", runs=50)
    assert set(found.states) == {"done" if strategy == "now" else "rolled back"}


def test_what_is_left_after_a_shadow_has_the_same_chance_of_error() -> None:
    guards = {"failures": "ratio <= 1.25", "disagreement": "<= 0.05"}
    steps = ["shadow for 1d", *STEPS]
    whole = plan_of(PlanSettings(steps=steps, guard=guards, prove=["failures", "disagreement"]))
    rest = without_shadow(whole)
    assert rest.steps == plan().steps
    assert ([guard.name for guard in rest.guards], rest.prove) == (["failures"], ("failures",))
    assert alpha_of(rest) == pytest.approx(alpha_of(whole))


def test_a_unit_is_exposed_once_however_often_it_asks() -> None:
    alone = run(plan(), runs=20)
    shared = run(plan(), runs=20, units=1_000.0)
    assert alone.units.tolist() == alone.requests.tolist()
    assert (shared.units <= 1_000.0).all()
    assert shared.units.min() > 950.0  # in the end the candidate answers everyone


def test_traffic_by_hour_is_felt() -> None:
    night = Traffic(
        requests_per_h=(0.0,) * 12 + (20_000.0,) * 12,
        failing=0.01,
        units=None,
        latency_us=(1.0,),
    )
    found = simulate(plan(steps=["5% for 1h", "100%"]), night, runs=100, seed=3)
    by_night = found.took_s > 4 * 3_600
    assert 0.2 < by_night.mean() < 0.8  # those that began in a silent hour waited for the day


@settings(max_examples=15)
@given(
    seed=st.integers(0, 2**32 - 1),
    place=st.integers(0, 2),
    failing=st.floats(0.0, 0.2),
    factor=st.floats(0.3, 4.0),
    slower=st.floats(0.5, 2.0),
)
def test_what_is_passed_over_would_have_been_unknown(
    seed: int, place: int, failing: float, factor: float, slower: float
) -> None:
    guards = {"failures": "ratio <= 1.25", "latency_p95": "ratio <= 1.1"}
    wanted = plan_of(PlanSettings(steps=["1% for 1h", "20% for 1h", "100%"], guard=guards))
    fault = read_fault(f"error_rate={factor:.3f}x,latency={slower:.3f}x")
    world = World(wanted, make_traffic(3_000, failing=failing), fault, np.random.default_rng(seed))
    counts, hour = world.before(4)
    runs = np.arange(4)
    screen = Screen(wanted, world, counts)
    for step in range(place + 1):
        at = np.full(4, step)
        counts.add(runs, world.draw(at, hour, 7_200_000_000))
    for guard_at, guard in enumerate(wanted.guards):
        broken = screen.broken(guard, counts, runs, at)
        kept = screen.kept(guard, counts, runs)
        for one in runs:
            seen = world.evidence(counts, int(one), 0, failures=True, latency=True)
            finding = judge(wanted, seen, float(world.shares[place]))[guard_at].verdict.finding
            assert finding != "worse" or broken[one]
            assert finding != "no_worse" or kept[one]
            if guard.name == "failures":
                assert broken[one] == (finding == "worse")


@pytest.mark.parametrize(
    ("fault", "prove"), [("", []), ("error_rate=2x", []), ("error_rate=0.5x", ["failures"])]
)
def test_deciding_at_every_look_comes_to_the_same(
    monkeypatch: pytest.MonkeyPatch, fault: str, prove: list[str]
) -> None:
    steps = ["5% for 10m", "approve", "40% for 20m", "100%"]
    wanted = plan(steps=steps, prove=prove, bake="10m")
    passing_over = run(wanted, fault, runs=4)
    monkeypatch.setattr(
        Screen, "broken", lambda _, __, ___, runs, ____: np.ones(runs.size, np.bool_)
    )
    deciding = run(wanted, fault, runs=4)
    assert passing_over.states == deciding.states
    assert passing_over.took_s.tolist() == deciding.took_s.tolist()
    assert passing_over.requests.tolist() == deciding.requests.tolist()


def test_shares_and_failures_are_drawn_as_told() -> None:
    world = World(
        plan("latency_p95"), make_traffic(10_000), read_fault("error_rate=3x"),
        np.random.default_rng(5),
    )  # fmt: skip
    drawn = world.draw(np.zeros(400, np.int64), np.zeros(400), 3_600_000_000)
    ours, theirs = drawn.requests[:, 0].sum(axis=0)
    assert ours == pytest.approx(400 * 500, rel=0.01)
    assert theirs == pytest.approx(400 * 9_500, rel=0.01)
    failed = drawn.failed[:, 0].sum(axis=0)
    assert failed / (ours, theirs) == pytest.approx([0.03, 0.01], rel=0.1)
    times = drawn.latency.sum(axis=(0, 2))
    assert (times <= 400 * 500).all()
    assert times[OURS] == pytest.approx(times[1], rel=0.03)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no fault"),
        ("errors=3x", "no fault"),
        ("error_rate=3", "no fault"),
        ("error_rate=+3x", "no fault"),
        ("error_rate=200%", "no fault"),
        ("latency=20%", "no fault"),
        ("latency=-100%", "leaves nothing"),
        ("error_rate=0x", "leaves nothing"),
    ],
)
def test_a_fault_that_cannot_be_read_is_refused(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as refused:
        read_fault(text)
    assert "error_rate=3x" in str(refused.value.hint)


def test_faults_are_read_together() -> None:
    fault = read_fault("error_rate=10%, latency=-20%")
    assert (fault.failing, fault.latency_factor) == (0.1, 0.8)
    assert read_fault("error_rate=+50%").rate(make_traffic(failing=0.02)) == pytest.approx(0.03)


@pytest.mark.parametrize(
    "told",
    [
        {"requests_per_h": 0.0},
        {"requests_per_h": float("nan")},
        {"units": float("inf")},
        {"failing": 1.1},
        {"units": 0.0},
        {"latency_ms": -1.0},
    ],
)
def test_traffic_that_cannot_be_is_refused(told: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        make_traffic(**told)


def test_no_runs_are_refused() -> None:
    with pytest.raises(ConfigError, match="No release"):
        simulate(plan(), make_traffic(), runs=0)


@pytest.mark.parametrize(
    ("told", "says"),
    [
        (PlanSettings(guard={"accuracy": "ratio >= 0.9"}), "the guard 'accuracy'"),
        (PlanSettings(strategy="ab", goal="error", guard={}), "the goal"),
    ],
)
def test_what_goes_by_labels_is_not_simulated(told: PlanSettings, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        simulate(plan_of(told), make_traffic(), runs=1)
