"""What becomes of scheduled runs: whenever it is looked, whatever dies, however clocks are set."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.alerts import NOTIFICATIONS, Rule, rules_of
from fairlead.alerts.decide import decide as decide_alerts
from fairlead.app.signals import job_signals
from fairlead.errors import ConflictError, NotFoundError
from fairlead.schedules import (
    Completed,
    Failed,
    Going,
    JobBook,
    Schedule,
    ScheduleController,
    Timing,
    Told,
)
from fairlead.schedules.controller import RUNS_MAX
from fairlead.schedules.decide import INTERRUPTIONS_MAX
from fairlead.schedules.narrate import LINES_MAX
from fairlead.store import Store
from support.attempts import FakeProcess
from support.schedules import HOUR_US, World, schedule

DONE = Completed(rows=10, rejected=1, output="/out")
HOUR_S = HOUR_US / 1e6


def begun(world: World) -> FakeProcess:
    """A controller with its first run under way."""
    first = world.controller()
    first.tick()
    world.clock.advance(HOUR_S)
    first.tick()
    (process,) = world.alive
    return process


def test_nothing_is_due_when_it_is_first_seen_and_then_each_slot_once() -> None:
    world = World()
    controller = world.controller()
    controller.tick()
    controller.tick()
    assert not world.started
    for count in range(1, 4):
        world.clock.advance(HOUR_S)
        for _ in range(3):
            controller.tick()
        assert len(world.started) == count
        world.started[-1].tell(DONE)
        controller.tick()
    assert len({process.work.output for process in world.started}) == 3
    assert [run.state for run in world.runs()] == ["completed"] * 3


def test_what_was_missed_is_run_once() -> None:
    world = World()
    world.controller().tick()
    world.clock.advance(100 * HOUR_S)
    controller = world.controller()
    controller.tick()
    world.started[0].tell(DONE)
    for _ in range(5):
        controller.tick()
    assert len(world.started) == 1
    (run,) = world.runs()
    assert run.slot_us == world.clock.now_us() // HOUR_US * HOUR_US


def test_an_attempt_that_never_ends_is_ended_and_tried_again() -> None:
    world = World(schedule(timeout_us=10 * HOUR_US))
    process = begun(world)
    (controller, _) = world.controllers[0]
    process.tell(Going(total=10, rows=1, rejected=0))
    world.clock.advance(10 * HOUR_S)
    controller.tick()
    assert world.alive == [process]
    world.clock.advance(1)
    controller.tick()
    assert world.alive == []
    run = world.standing().run
    assert run is not None
    assert run.error == "It took longer than 10h, its timeout."
    assert (run.state, run.failures) == ("waiting", 1)


def test_a_run_that_takes_longer_than_from_slot_to_slot_is_not_overtaken() -> None:
    world = World()
    process = begun(world)
    (controller, _) = world.controllers[0]
    world.clock.advance(5 * HOUR_S)
    world.renew()
    controller.tick()
    assert world.alive == [process]
    process.tell(DONE)
    controller.tick()
    controller.tick()
    assert len(world.started) == 2


def test_a_run_is_gone_on_with_as_the_same_job_after_the_controller_was_killed() -> None:
    world = World()
    process = begun(world)
    world.kill(world.controllers[0][0])
    world.served = "churn:2"
    world.controller().tick()
    (again,) = world.alive
    assert again is not process
    assert again.work == process.work
    assert again.work.version == "churn:1"
    run = world.standing().run
    assert run is not None
    assert (run.interruptions, run.failures) == (1, 0)


def test_a_run_that_was_stopped_in_order_is_gone_on_with_and_nothing_is_counted() -> None:
    world = World()
    process = begun(world)
    world.controllers[0][0].close()
    assert not world.alive
    world.controller().tick()
    assert world.alive[0].work == process.work
    run = world.standing().run
    assert run is not None
    assert (run.interruptions, run.failures) == (0, 0)


def test_while_the_process_of_a_run_lives_no_other_controller_begins_one() -> None:
    world = World()
    process = begun(world)
    other = world.controller()
    other.tick()
    assert world.alive == [process]
    process.end()
    other.tick()
    assert len(world.alive) == 1
    assert world.alive[0] is not process
    world.controllers[0][0].tick()  # who stood still in the meantime finds it is another's
    assert len(world.alive) == 1
    world.alive[0].tell(DONE)
    other.tick()
    assert [run.state for run in world.runs()] == ["completed"]


def test_what_fails_is_tried_again_later_and_then_given_up() -> None:
    world = World(schedule(retries=2, retry_us=60_000_000, announce=("ops",)))
    process = begun(world)
    controller = world.controllers[0][0]
    waits = []
    for attempt in range(3):
        assert len(world.started) == attempt + 1
        world.started[-1].tell(Failed("There is no file in.csv."))
        controller.tick()
        run = world.standing().run
        waits += [] if run is None else [(run.due_us - world.clock.now_us()) / 1e6]
        controller.tick()
        assert not world.alive, "before its time"
        world.clock.advance(waits[-1])
        controller.tick()
    assert waits == [60.0, 120.0]
    (run,) = world.runs()
    assert (run.state, run.failures) == ("failed", 3)
    assert all(each.work == process.work for each in world.started)
    (told,) = [stored.value.message for stored in world.store.scan(NOTIFICATIONS)]
    assert told.event == "job failed"
    assert told.severity == "ticket"
    assert "There is no file in.csv." in told.title
    assert told.detail["failures"] == 3


def test_what_ends_with_the_platform_again_and_again_is_given_up() -> None:
    world = World()
    begun(world)
    world.kill(world.controllers[0][0])
    for _ in range(INTERRUPTIONS_MAX):
        controller = world.controller()
        controller.tick()
        world.kill(controller)
    assert len(world.started) == INTERRUPTIONS_MAX
    (run,) = world.runs()
    assert run.state == "failed"
    assert "interrupted 20 times" in run.error


def test_what_is_done_is_on_record_and_told() -> None:
    world = World(schedule(announce=("ops",)))
    process = begun(world)
    controller = world.controllers[0][0]
    process.tell(Going(total=100, rows=40, rejected=2))
    controller.tick()
    run = world.standing().run
    assert run is not None
    assert (run.total, run.rows, run.rejected) == (100, 40, 2)
    process.tell(Going(total=100, rows=50, rejected=2))
    controller.tick()
    assert world.standing().run == run, "not each word is put on record"
    process.tell(Completed(rows=98, rejected=2, output="/out", drifted=("age",)))
    controller.tick()
    standing = world.standing()
    assert standing.run is None
    assert standing.last == standing.completed == world.runs()[0]
    (told,) = [stored.value for stored in world.store.scan(NOTIFICATIONS)]
    assert told.channel == "ops"
    assert told.message.title == (
        "[completed] churn/hourly: 98 rows answered by churn:1, 2 rejected."
    )
    detail = told.message.detail
    assert (detail["rows"], detail["rejected"], detail["output"]) == (98, 2, "/out")
    assert detail["drifted"] == "age"
    (event,) = world.store.events(subject="run/")
    assert event.action == "job completed"


def test_jobs_take_their_turns_the_one_that_waits_longest_first() -> None:
    every = Timing(every_us=HOUR_US)
    world = World(schedule("b", timing=every), schedule("a", timing=every))
    controller = world.controller()
    controller.tick()
    world.clock.advance(HOUR_S)
    controller.tick()
    assert [process.place for process in world.alive] == ["churn/a"]
    world.alive[0].tell(DONE)
    controller.tick()
    controller.tick()
    assert [process.place for process in world.alive] == ["churn/b"]


def test_an_endpoint_that_nobody_answers_fails_in_plain_words() -> None:
    world = World(schedule(retries=0))
    world.served = None
    controller = world.controller()
    controller.tick()
    world.clock.advance(HOUR_S)
    controller.tick()
    (run,) = world.runs()
    assert run.error == "No version answers the endpoint churn."


def test_a_process_that_cannot_be_started_is_a_failure() -> None:
    world = World(schedule(retries=0))
    controller = world.controller()
    controller.tick()
    world.clock.advance(HOUR_S)

    def fail(*_: Any) -> FakeProcess:
        raise OSError(12, "Cannot allocate memory")

    controller._start = fail
    controller.tick()
    assert world.runs()[0].error == "No process could be started for it."
    assert world.store.acquire("schedule/churn/hourly", "me", world.clock.now_us(), 1)


def test_what_is_remembered_is_bounded_and_the_newest() -> None:
    world = World()
    controller = world.controller()
    controller.tick()
    for _ in range(RUNS_MAX + 5):
        world.clock.advance(HOUR_S)
        controller.tick()
        world.alive[0].tell(DONE)
        controller.tick()
    kept = [run.slot_us for run in world.runs()]
    assert len(kept) == RUNS_MAX
    assert max(kept) == world.clock.now_us() // HOUR_US * HOUR_US


def book_of(world: World) -> JobBook:
    return JobBook(world.store, world.clock, world.schedules)


def test_a_run_that_is_asked_for_is_run_now_and_the_schedule_goes_on() -> None:
    world = World()
    controller, book = world.controller(), book_of(world)
    book.ask("churn/hourly", "ann")
    with pytest.raises(ConflictError, match="waits or is under way"):
        book.ask("churn/hourly")
    controller.tick()
    (process,) = world.alive
    assert process.work.name.endswith("-asked")
    with pytest.raises(ConflictError, match="waits or is under way"):
        book.ask("churn/hourly")
    process.tell(DONE)
    controller.tick()
    assert [run.asked_by for run in book.runs("churn/hourly")] == ["ann"]
    controller.tick()
    assert not world.alive
    world.clock.advance(HOUR_S)
    controller.tick()
    assert len(world.alive) == 1


def test_a_run_that_is_asked_for_sets_a_schedule_right_that_a_clock_led_astray() -> None:
    world = World()
    controller = world.controller()
    controller.tick()
    right_us = world.clock.now_us()
    world.clock.set(right_us + 10_000 * HOUR_US)
    controller.tick()
    world.alive[0].tell(DONE)
    controller.tick()
    world.clock.set(right_us)
    world.clock.advance(2 * HOUR_S)
    controller.tick()
    assert not world.alive, "its slot was taken ten thousand hours later"
    assert (book_of(world).job("churn/hourly").next_us or 0) > right_us + 9_000 * HOUR_US
    book_of(world).ask("churn/hourly")
    controller.tick()
    world.alive[0].tell(DONE)
    controller.tick()
    world.clock.advance(HOUR_S)
    controller.tick()
    assert len(world.alive) == 1


def test_a_schedule_that_there_is_not_is_named_with_the_nearest() -> None:
    with pytest.raises(NotFoundError, match="Did you mean 'churn/hourly'"):
        book_of(World()).job("churn/hourl")


def alerts_of(store: Store, world: World, *scheduled: Schedule) -> list[str]:
    scheduled = scheduled or (schedule(),)
    (rule,) = [each for each in rules_of("churn", {}) if each.name == "jobs"]
    assert isinstance(rule, Rule)
    signals = list(job_signals(store, world.clock, scheduled))
    found = decide_alerts(rule, (), signals, world.clock.now_us())
    return [f"{each.name} {each.state}: {each.steps[-1].reason}" for each in found.changed]


def test_a_job_that_failed_is_an_alert_and_one_that_was_done_is_none() -> None:
    world = World(schedule(retries=0))
    process = begun(world)
    assert not alerts_of(world.store, world)
    process.tell(Failed("The disk is full."))
    world.controllers[0][0].tick()
    assert alerts_of(world.store, world) == ["churn/jobs/hourly firing: failed_runs is 1, above 0."]
    assert not alerts_of(world.store, world, schedule("another")), "it is not scheduled any more"
    world.clock.advance(HOUR_S)
    world.controllers[0][0].tick()
    world.alive[0].tell(DONE)
    world.controllers[0][0].tick()
    assert not alerts_of(world.store, world)


STEPS = st.lists(
    st.one_of(
        st.sampled_from(["tick", "tick", "tick", "done", "fail", "going", "kill", "stop", "ask"]),
        st.integers(1, 10 * 3600),
        st.integers(-40 * 3600, 40 * 3600).map(lambda jump_s: ("set", jump_s)),
    ),
    max_size=60,
)


@given(STEPS, st.booleans())
@settings(max_examples=300)
def test_whatever_happens_each_slot_is_run_at_most_once_and_no_two_at_once(
    steps: list[Any], two: bool
) -> None:
    world = World(schedule(retries=1), at_once=2)
    controllers = [world.controller() for _ in range(1 + two)]
    for place, step in enumerate(steps):
        which = place % len(controllers)
        ended = {run.output for run in world.runs()}
        jobs = {process.work.output: process.work for process in world.started}
        began = len(world.started)
        controllers[which] = act(world, controllers[which], step)
        world.renew()
        assert len(world.alive) <= 1
        fresh = world.started[began:]
        assert len(fresh) <= 1
        for process in fresh:
            assert process.work.output not in ended, "its run is on record as over"
            assert jobs.get(process.work.output, process.work) == process.work
    outputs = [run.output for run in world.runs()]
    assert len(set(outputs)) == len(outputs)
    assert all(run.state in ("completed", "failed") for run in world.runs())


def act(world: World, controller: ScheduleController, step: Any) -> ScheduleController:
    """Do one thing; gives the controller that is there afterwards."""
    told: dict[str, Told] = {"done": DONE, "fail": Failed("No."), "going": Going(9, 1, 0)}
    match step:
        case "tick":
            controller.tick()
        case "done" | "fail" | "going":
            for process in [*world.alive]:
                process.tell(told[step])
        case "kill" | "stop":
            world.kill(controller) if step == "kill" else controller.close()
            return world.controller()
        case "ask":
            with suppress(ConflictError):
                book_of(world).ask("churn/hourly")
        case ("set", jump_s):
            world.clock.set(world.clock.now_us() + jump_s * 1_000_000)
        case seconds:
            world.clock.advance(seconds)
    return controller


def test_nothing_is_due_of_what_is_paused_and_what_passed_is_not_made_up_for() -> None:
    world = World()
    controller, book = world.controller(), JobBook(world.store, world.clock, world.schedules)
    controller.tick()
    book.pause("churn/hourly", "The CRM is being moved.", "ann")
    with pytest.raises(ConflictError, match="paused already, by ann"):
        book.pause("churn/hourly")
    for _ in range(3):
        world.clock.advance(HOUR_S)
        controller.tick()
    assert not world.started
    paused = book.job("churn/hourly")
    assert (paused.next_us, paused.paused is not None) == (None, True)
    book.resume("churn/hourly", actor="ann")
    with pytest.raises(ConflictError, match="is not paused"):
        book.resume("churn/hourly")
    controller.tick()
    assert not world.started
    world.clock.advance(HOUR_S)
    controller.tick()
    assert len(world.started) == 1
    assert [event.action for event in world.store.events()][:2] == ["job paused", "job resumed"]


def test_what_is_asked_for_is_run_of_what_is_paused_too() -> None:
    world = World()
    controller, book = world.controller(), JobBook(world.store, world.clock, world.schedules)
    book.pause("churn/hourly")  # before any controller has seen it
    controller.tick()
    book.ask("churn/hourly")
    controller.tick()
    assert len(world.started) == 1


def test_a_run_keeps_what_it_said_and_what_its_process_wrote() -> None:
    world = World(schedule(retries=1))
    process = begun(world)
    (controller, _) = world.controllers[0]
    process.written = ["A library warns.\x1b[0m\n", "", *(f"line {n}" for n in range(100))]
    process.tell(Going(total=10, rows=1, rejected=0))
    controller.tick()
    process.written = ["The last word."]
    process.tell(Failed("The disk is full."))
    controller.tick()
    world.clock.advance(60)
    controller.tick()
    world.started[-1].tell(DONE)
    controller.tick()
    (run,) = world.runs()
    said = [line.text for line in run.log]
    assert len(said) == LINES_MAX
    assert said[-5:] == [
        "The last word.",
        "Attempt 1 of 2 failed: The disk is full.",
        "It is tried again after 1m.",
        "It goes on with what is committed: churn:1 answers.",
        "It is completed: 10 rows answered, 1 rejected.",
    ]
    assert "line 99" in said
    assert all(text.isprintable() for text in said)
