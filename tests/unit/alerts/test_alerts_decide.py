"""How alerts go on: each case as a table of signals, and what must be so of any of them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.alerts import ALERTS, Alert, Burn, Decision, Objective, Pace, Rule, Signal, decide
from fairlead.alerts.decide import retire
from support.alerts import DAY_US, HOUR_US, MINUTE_US, START_US, alert, rule, signal

FAST = Pace(factor=14.4, long_s=3600, short_s=300)
SLOW = Pace(factor=6, long_s=21_600, short_s=1800)

Look = tuple[float, float | None, str]
"""Minute, value of the signal or None for no signal, state after it."""


def follow(watching: Rule, looks: Sequence[Look]) -> Alert | None:
    """Look again and again, and check the state after each."""
    held: dict[str, Alert] = {}
    last = None
    for minute, value, state in looks:
        after_us = round(minute * MINUTE_US)
        heard = [] if value is None else [signal(value, after_us)]
        decision = decide(watching, held.values(), heard, START_US + after_us)
        held |= {changed.subject: changed for changed in decision.changed}
        for dropped in decision.dropped:
            del held[dropped.subject]
        last = held.get("")
        assert (last.state if last else "") == state, (minute, value)
    return last


@pytest.mark.parametrize(
    ("watching", "looks"),
    [
        pytest.param(rule(), [(0, 0.4, ""), (1, 0.5, ""), (2, 0.6, "firing")], id="at once"),
        pytest.param(
            rule(for_s=600),
            [(0, 0.6, "pending"), (5, 0.7, "pending"), (9.9, 0.6, "pending"), (10, 0.6, "firing")],
            id="after a while",
        ),
        pytest.param(
            rule(for_s=600),
            [(0, 0.6, "pending"), (5, 0.1, ""), (6, 0.6, "pending"), (15, 0.6, "pending")],
            id="anew after it was well",
        ),
        pytest.param(
            rule(keep_for_s=600),
            [(0, 0.6, "firing"), (1, 0.1, "firing"), (10, 0.1, "firing"), (11, 0.1, "resolved")],
            id="resolved when it was well for long enough",
        ),
        pytest.param(
            rule(keep_for_s=600),
            [(0, 0.6, "firing"), (1, 0.1, "firing"), (8, 0.6, "firing"), (11, 0.1, "firing"),
             (20, 0.1, "firing"), (21, 0.1, "resolved")],
            id="flapping is one alert",
        ),
        pytest.param(
            rule(keep_for_s=0), [(0, 0.6, "firing"), (1, 0.1, "resolved"), (2, 0.6, "firing")],
            id="a new episode",
        ),
        pytest.param(
            rule(keep_for_s=600),
            [(0, 0.6, "firing"), (5, None, "firing"), (14.9, None, "firing"), (15, 0.6, "firing"),
             (16, None, "firing"), (25.9, None, "firing"), (26, None, "resolved")],
            id="no data keeps it firing for a while",
        ),
        pytest.param(
            rule(for_s=600, keep_for_s=600),
            [(0, 0.6, "pending"), (5, None, "pending"), (15, None, "")],
            id="no data ends waiting",
        ),
        pytest.param(
            rule(for_s=600), [(0, 0.6, "pending"), (30, 0.6, "firing")], id="looks may be rare"
        ),
    ],
)  # fmt: skip
def test_an_alert_goes_on_as_the_table_says(watching: Rule, looks: Sequence[Look]) -> None:
    follow(watching, looks)


def test_each_state_has_its_time_and_evidence() -> None:
    looks: list[Look] = [(0, 0.6, "pending"), (5, 0.8, "firing"), (6, 0.1, "resolved")]
    found = follow(rule(for_s=300, keep_for_s=0), looks)
    assert found is not None
    told = [(s.state, (s.time_us - START_US) / MINUTE_US, s.evidence["value"]) for s in found.steps]
    assert told == [("pending", 0, 0.6), ("firing", 5, 0.8), ("resolved", 6, 0.1)]
    assert found.since_us == START_US
    assert found.steps[1].reason == "error_rate is 0.8, above 0.5."


def test_what_ends_for_lack_of_data_says_so() -> None:
    found = follow(rule(), [(0, 0.6, "firing"), (1, None, "firing"), (11, None, "resolved")])
    assert found is not None
    assert "No data" in found.steps[-1].reason
    assert found.steps[-1].evidence == {"no_data": True, "silent_s": 600.0}


def test_a_late_signal_does_not_raise_anew_what_ended_for_lack_of_data() -> None:
    found = follow(rule(), [(0, 0.6, "firing"), (1, None, "firing"), (11, None, "resolved")])
    assert found is not None
    late, fresh = signal(0.9, 5 * MINUTE_US), signal(0.9, 12 * MINUTE_US)
    now_us = START_US + 12 * MINUTE_US
    assert decide(rule(), [found], [late], now_us) == Decision((), ())
    assert [a.state for a in decide(rule(), [found], [fresh], now_us).changed] == ["firing"]


def test_a_signal_without_a_value_is_no_data_rather_than_good_news() -> None:
    firing = alert("firing")
    for value in (None, float("nan")):
        heard = [signal(value, HOUR_US)]
        decision = decide(rule(keep_for_s=0), [firing], heard, START_US + HOUR_US)
        assert [a.state for a in decision.changed] == ["firing"]
        assert decision.changed[0].silent_us == START_US + HOUR_US


def test_a_signal_that_is_too_old_says_nothing() -> None:
    old = signal(0.9, valid_s=60)
    assert decide(rule(), [], [old], START_US + 61_000_000) == Decision((), ())
    assert decide(rule(), [], [old], START_US + 60_000_000).changed


def test_a_signal_that_comes_late_changes_nothing() -> None:
    later = START_US + 5 * MINUTE_US
    resolved = alert("firing", "resolved", turn_us=later, holds=False)
    assert decide(rule(), [resolved], [signal(0.9, 4 * MINUTE_US)], later) == Decision((), ())
    firing = alert("firing", turn_us=later)
    assert decide(rule(keep_for_s=0), [firing], [signal(0.1)], later) == Decision((), ())


def test_a_clock_that_was_set_back_delays_nothing() -> None:
    ahead = START_US + 365 * DAY_US
    waiting = alert("pending", since_us=ahead, turn_us=ahead)
    watching = rule(for_s=600)
    decision = decide(watching, [waiting], [signal()], START_US)
    assert decision.changed[0].since_us == START_US
    heard = [signal(0.9, 10 * MINUTE_US)]
    decision = decide(watching, decision.changed, heard, START_US + 10 * MINUTE_US)
    assert [a.state for a in decision.changed] == ["firing"]


def test_a_signal_from_the_future_is_heard_as_one_of_now() -> None:
    decision = decide(rule(), [], [signal(0.9, DAY_US)], START_US)
    assert decision.changed[0].since_us == START_US


def test_each_subject_has_an_alert_of_its_own_and_others_are_passed_over() -> None:
    heard = [
        signal(subject="age"), signal(subject="plan"), signal(subject="plan=pro"),
        signal(endpoint="other", subject="age"), signal(name="missing", subject="age"),
    ]  # fmt: skip
    assert [a.subject for a in decide(rule(), [], heard, START_US).changed] == [
        "age", "plan", "plan=pro",
    ]  # fmt: skip
    picked = decide(rule(subject="plan*"), [], heard, START_US).changed
    assert [a.subject for a in picked] == ["plan", "plan=pro"]


def test_keys_of_subjects_never_meet() -> None:
    odd = [alert("firing", subject=s).key for s in ("", "a/b", "a%2Fb", "a b", "A", "ä", ".")]
    assert len({*odd}) == len(odd)
    assert all(key.count("/") == 3 for key in odd)


def burning(long: tuple[int, int], short: tuple[int, int]) -> Signal:
    counts = (Burn(3600.0, *long), Burn(300.0, *short))
    return signal(None, burn=counts)


@pytest.mark.parametrize(
    ("long", "short", "fires"),
    [
        ((9800, 10_000), (980, 1000), True),
        ((9856, 10_000), (980, 1000), False),  # 14.4x is the pace itself, not beyond it
        ((9800, 10_000), (1000, 1000), False),  # it is over
        ((9999, 10_000), (0, 10), False),  # it has only begun
        ((0, 3), (0, 3), False),  # three failures wake nobody
        ((0, 5), (0, 5), True),
    ],
)
def test_an_objective_needs_both_stretches(
    long: tuple[int, int], short: tuple[int, int], fires: bool
) -> None:
    objective = Objective(target=0.999, paces=(FAST,))
    watching = rule(above=None, objective=objective)
    decision = decide(watching, [], [burning(long, short)], START_US)
    assert [a.state for a in decision.changed] == ["firing"] * fires


def test_one_pace_is_enough_and_one_without_data_is_passed_over() -> None:
    watching = rule(above=None, objective=Objective(target=0.999, paces=(FAST, SLOW)))
    slow = (Burn(21_600.0, 9900, 10_000), Burn(1800.0, 990, 1000))
    for fast in ((), (Burn(3600.0, 10, 10), Burn(300.0, 10, 10))):
        (found,) = decide(watching, [], [signal(None, burn=(*fast, *slow))], START_US).changed
        assert "10x over 6h and 10x over 30m" in found.steps[0].reason


def test_an_objective_without_traffic_has_no_data() -> None:
    objective = Objective(target=0.999, paces=(FAST,))
    watching = rule(above=None, objective=objective, keep_for_s=0)
    heard = burning((0, 10), (0, 0))
    decision = decide(watching, [alert("firing")], [heard], START_US + MINUTE_US)
    assert [(a.state, a.silent_us) for a in decision.changed] == [("firing", START_US + MINUTE_US)]


def test_an_objective_tells_its_pace() -> None:
    objective = Objective(target=0.999, paces=(FAST,))
    watching = rule(above=None, objective=objective)
    (found,) = decide(watching, [], [burning((9800, 10_000), (970, 1000))], START_US).changed
    step = found.steps[0]
    assert "20x over 1h and 30x over 5m (200 of 10000 failed), beyond 14.4x" in step.reason
    assert step.evidence["failures"] == 200


@pytest.mark.parametrize(("proven", "states"), [(True, ["firing"]), (False, []), (None, [])])
def test_a_guard_fires_on_proof_alone(proven: bool | None, states: list[str]) -> None:
    guard = rule(above=None, metric="drift")
    heard = signal(1e9, name="drift", proven=proven)
    assert [a.state for a in decide(guard, [], [heard], START_US).changed] == states


@pytest.mark.parametrize(
    ("limits", "interval", "fires"),
    [
        ({"above": 0.5}, (0.4, 0.95), False),
        ({"above": 0.5}, (0.51, 0.95), True),
        ({"above": None, "below": 0.95}, (0.8, 0.96), False),
        ({"above": None, "below": 0.95}, (0.8, 0.94), True),
        ({"above": 0.5}, (None, None), False),
    ],
)
def test_a_proven_limit_is_judged_on_the_interval(
    limits: dict[str, float | None], interval: tuple[float | None, float | None], fires: bool
) -> None:
    heard = signal(0.9, low=interval[0], high=interval[1])
    decision = decide(rule(proven=True, **limits), [], [heard], START_US)
    assert [a.state for a in decision.changed] == ["firing"] * fires


def test_a_rule_that_is_no_more_ends_its_alerts() -> None:
    fired, waiting, over = alert("firing"), alert("pending"), alert("firing", "resolved")
    ended = retire(fired, START_US)
    assert ended is not None
    assert (ended.state, ended.steps[-1].reason) == ("resolved", "The rule was switched off.")
    assert (retire(waiting, START_US), retire(over, START_US)) == (None, over)


numbers = st.none() | st.floats(allow_nan=True, allow_infinity=True) | st.floats(0, 1)
times = st.integers(-2, 12).map(lambda minute: START_US + minute * 5 * MINUTE_US)
counts = st.integers(-5, 200)
signals = st.builds(
    Signal,
    endpoint=st.sampled_from(["churn", "other"]),
    name=st.sampled_from(["error_rate", "drift"]),
    subject=st.sampled_from(["", "age", "plan=a/b"]),
    time_us=times,
    valid_s=st.sampled_from([0.0, 300.0, 900.0]),
    value=numbers,
    low=numbers,
    high=numbers,
    burn=st.lists(
        st.builds(Burn, st.sampled_from([300.0, 1800.0, 3600.0, 21_600.0]), counts, counts)
    ).map(tuple),
    proven=st.sampled_from([None, True, False]),
)
objectives = st.none() | st.just(Objective(target=0.99, paces=(FAST, SLOW)))
rules = st.builds(
    Rule,
    endpoint=st.just("churn"),
    name=st.just("errors"),
    metric=st.sampled_from(["error_rate", "drift"]),
    above=st.none() | st.just(0.5),
    below=st.none() | st.just(0.2),
    proven=st.booleans(),
    objective=objectives,
    for_s=st.sampled_from([0.0, 300.0]),
    keep_for_s=st.sampled_from([0.0, 600.0]),
    subject=st.sampled_from(["*", "plan*", ""]),
)
visits = st.lists(st.tuples(times, st.lists(signals, max_size=4)), max_size=8)


def apply(held: dict[str, Alert], decision: Decision) -> dict[str, Alert]:
    kept = held | {changed.key: changed for changed in decision.changed}
    return {key: value for key, value in kept.items() if value not in decision.dropped}


@given(watching=rules, looks=visits)
def test_any_signals_at_any_times_are_decided_and_twice_is_once(
    watching: Rule, looks: list[tuple[int, list[Signal]]]
) -> None:
    held: dict[str, Alert] = {}
    for now_us, heard in looks:
        decision = decide(watching, held.values(), heard, now_us)
        after = apply(held, decision)
        assert decide(watching, after.values(), heard, now_us) == Decision((), ())
        for key, found in after.items():
            states = [step.state for step in found.steps]
            assert states == ["pending", "firing", "resolved"][-len(states) :] or states in (
                ["pending"], ["firing"], ["pending", "firing"],
            )  # fmt: skip
            assert max(found.since_us, found.turn_us) <= now_us
            was = held.get(key)
            if was and was.state == "firing" and found.state == "resolved":
                told = found.steps[-1].evidence
                assert told.get("no_data") or any(s.subject == found.subject for s in heard)
            assert ALERTS.decode(ALERTS.encode(found)).state == found.state
        held = after
