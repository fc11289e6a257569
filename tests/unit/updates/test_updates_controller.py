"""What becomes of updates: whenever it is looked, whatever dies, however clocks are set."""

from __future__ import annotations

import pytest

from fairlead.alerts import NOTIFICATIONS, rules_of
from fairlead.alerts.decide import decide as decide_alerts
from fairlead.app.signals import update_signals
from fairlead.errors import ConflictError
from fairlead.schedules.narrate import LINES_MAX
from fairlead.store import Put
from fairlead.updates import UPDATES, Broken, DataSpec, Doing, Done, Update, UpdateBook
from fairlead.updates.controller import UPDATES_MAX, WAITS
from fairlead.updates.decide import INTERRUPTIONS_MAX
from fairlead.updates.types import Condition, Limits
from support.updates import DAY_S, HOUR_S, World, begun, book, made, only, spec, ticks


def test_nothing_is_due_when_it_is_first_seen_and_then_each_slot_once() -> None:
    world = World()
    controller = world.controller()
    ticks(controller)
    assert not world.started
    for count in range(1, 4):
        world.clock.advance(DAY_S)
        ticks(controller)
        assert len(world.started) == count
        world.started[-1].tell(Done(made("reject")))
        ticks(controller)
    assert [update.outcome for update in world.updates()] == ["rejected"] * 3


def test_what_was_missed_is_made_up_for_once() -> None:
    world = World()
    world.controller().tick()
    world.clock.advance(100 * DAY_S)
    controller = world.controller()
    ticks(controller)
    world.started[0].tell(Done(made("reject")))
    ticks(controller, 5)
    assert len(world.started) == 1


def test_a_better_version_goes_out_and_the_audit_tells_each_step() -> None:
    world = World()
    process = begun(world)
    (controller, _) = world.controllers[0]
    process.tell(Doing("train", 0.5))
    controller.tick()
    assert (only(world).stage, only(world).progress) == ("train", 0.5)
    process.tell(Done(made(as_of_us=7)))
    ticks(controller)
    update = only(world)
    assert update.state == "releasing"
    (release,) = world.releases.all_under_way()
    assert (release.id, release.actor) == (update.release, f"update {update.name}")
    ticks(controller)
    world.finish("done")
    ticks(controller)
    assert only(world).outcome == "promoted"
    assert [each for each in world.actions() if not each.startswith("register")] == [
        "update opened", "update running", "update releasing", "release requested",
        "update releasing", "update promoted",
    ]  # fmt: skip
    assert world.standing().idle == 0
    (event,) = (e for e in world.store.events() if e.action == "update promoted")
    assert event.detail["candidate"] == "m:2"
    assert event.detail["causes"] == "its schedule: It is due."


def test_ten_alerts_of_one_fault_are_one_update() -> None:
    world = World(spec(timing=None))
    controller = world.controller()
    ticks(controller)
    for field in range(10):
        world.fire(subject=f"x{field}")
        world.clock.advance(1)
        ticks(controller)
    assert not world.started
    world.clock.advance(60)
    ticks(controller)
    (process,) = world.started
    assert len(only(world).causes) == 10
    process.tell(Done(made()))
    ticks(controller)
    world.finish("done")
    ticks(controller)
    world.clock.advance(30 * DAY_S)
    ticks(controller)
    assert len(world.started) == 1, "alerts that were answered are no cause again"
    world.fire(subject="x3")
    ticks(controller)
    world.clock.advance(61)
    ticks(controller)
    assert len(world.started) == 2, "but a new episode of one is"


def test_alerts_that_nothing_was_done_about_come_up_again_ever_more_rarely() -> None:
    world = World(spec(timing=None))
    controller = world.controller()
    ticks(controller)
    world.fire()
    rests_s: list[float] = []
    passed_s = 0.0
    while len(rests_s) < 6:
        world.clock.advance(600)
        world.renew()
        passed_s += 600
        ticks(controller)
        if world.alive:
            world.alive[0].tell(Done(made("not enough data")))
            ticks(controller)
            rests_s.append(passed_s)
            passed_s = 0.0
    assert rests_s[1:] == [HOUR_S * 2**n for n in range(5)]


def test_only_alerts_that_the_settings_name_are_a_cause() -> None:
    world = World(spec(timing=None, when=(Condition(kind="alert", name="latency"),)))
    controller = world.controller()
    world.fire("drift")
    ticks(controller)
    world.clock.advance(HOUR_S)
    ticks(controller)
    assert not world.started
    world.fire("latency", metric="latency_p99_s")
    ticks(controller)
    world.clock.advance(61)
    ticks(controller)
    assert only(world).causes[0].name == "m/latency/x"


def test_labels_are_counted_from_the_last_update_on() -> None:
    world = World(spec(timing=None))
    controller = world.controller()
    world.new_labels = 99
    ticks(controller)
    world.clock.advance(31)
    ticks(controller)
    assert not world.started
    world.new_labels = 100
    world.clock.advance(31)
    ticks(controller)
    (process,) = world.started
    process.tell(Done(made("reject", as_of_us=world.clock.now_us())))
    world.new_labels = 0
    ticks(controller)
    assert world.standing().known_us == world.clock.now_us()


def test_a_failing_attempt_is_tried_again_later_and_given_up_with_an_alert() -> None:
    world = World(spec(announce=("ops",)))
    process = begun(world)
    (controller, _) = world.controllers[0]
    for attempt in range(3):
        process.written = [f"line {attempt}"]
        process.tell(Broken("It raised ValueError."))
        ticks(controller)
        assert only(world).failures == attempt + 1
        world.clock.advance(30 if attempt == 0 else 0)
        ticks(controller)
        assert not world.alive
        world.clock.advance(300)
        ticks(controller)
        if world.alive:
            (process,) = world.alive
    update = only(world)
    assert (update.outcome, update.error) == ("failed", "It raised ValueError.")
    assert [line.text for line in update.log if line.text.startswith("line")] == [
        "line 0", "line 1", "line 2"
    ]  # fmt: skip
    (signal,) = update_signals(world.store, world.clock, world.specs)
    (rule,) = (rule for rule in rules_of("m", {}) if rule.name == "updates")
    (alert,) = decide_alerts(rule, [], [signal], world.clock.now_us()).changed
    assert alert.state == "firing"
    assert alert.steps[-1].evidence["why"] == "It raised ValueError."
    (told,) = world.store.scan(NOTIFICATIONS)
    assert told.value.message.severity == "ticket"


def test_what_can_fare_no_better_is_not_tried_again() -> None:
    world = World()
    process = begun(world)
    process.tell(Broken("It took more memory than 8 GiB.", again=False))
    ticks(world.controllers[0][0])
    assert (only(world).outcome, only(world).failures) == ("failed", 1)


def test_an_attempt_that_never_ends_is_ended() -> None:
    world = World(spec(limits=Limits(time_us=600_000_000, retries=0)))
    begun(world)
    (controller, _) = world.controllers[0]
    world.clock.advance(600)
    world.renew()
    ticks(controller)
    assert world.alive
    world.clock.advance(1)
    ticks(controller)
    assert not world.alive
    assert only(world).error == "It took longer than 10m, its limit of time."


@pytest.mark.parametrize("moment", range(5))
def test_whoever_goes_on_after_a_kill_does_what_is_left_and_nothing_twice(moment: int) -> None:
    world = World()
    process = begun(world)

    def killed_at(point: int) -> None:
        if point == moment:
            world.kill(world.controllers[-1][0])
            world.clock.advance(60)
            world.controller()

    killed_at(0)
    controller = world.controllers[-1][0]
    ticks(controller)
    (process,) = world.alive
    process.tell(Done(made()))
    killed_at(1)
    controller = world.controllers[-1][0]
    ticks(controller, 1)
    killed_at(2)
    controller = world.controllers[-1][0]
    if world.alive:
        world.alive[0].tell(Done(made()))
    ticks(controller, 5)
    if world.alive:
        world.alive[0].tell(Done(made()))
    killed_at(3)
    controller = world.controllers[-1][0]
    ticks(controller, 5)
    world.finish("done")
    killed_at(4)
    ticks(world.controllers[-1][0], 3)
    assert only(world).outcome == "promoted"
    assert world.actions().count("release requested") == 1
    assert world.actions().count("update promoted") == 1


def test_a_release_that_was_asked_for_before_a_death_is_taken_up() -> None:
    world = World()
    process = begun(world)
    (controller, _) = world.controllers[0]
    process.tell(Done(made()))
    controller.tick()
    update = only(world)
    world.publish(world.specs[0], update, f"update {update.name}")  # and then it died
    ticks(world.controller())
    assert world.actions().count("release requested") == 1
    assert only(world).release == world.releases.all_under_way()[0].id


def test_it_waits_for_another_release_and_gives_way_to_another_version() -> None:
    world = World()
    process = begun(world)
    (controller, _) = world.controllers[0]
    world.publish(world.specs[0], only(world), "ada")
    process.tell(Done(made()))
    ticks(controller, 5)
    assert [line.text for line in only(world).log].count(WAITS) == 1
    world.finish("done")
    ticks(controller)
    assert only(world).outcome == "rejected"
    assert "another version answers than m:1" in only(world).error


def test_a_release_that_goes_back_is_the_end_of_the_update() -> None:
    world = World()
    begun(world).tell(Done(made()))
    (controller, _) = world.controllers[0]
    ticks(controller)
    world.finish("rolled back")
    ticks(controller)
    assert (only(world).outcome, only(world).error) == (
        "rolled back", "Its release is rolled back: So."
    )  # fmt: skip
    assert world.standing().idle == 1


def test_nothing_goes_out_where_it_is_only_to_be_registered() -> None:
    world = World(spec(release=""))
    begun(world).tell(Done(made()))
    ticks(world.controllers[0][0])
    assert only(world).outcome == "registered"
    assert "release requested" not in world.actions()


def test_fine_tuning_begins_anew_now_and_then() -> None:
    world = World(spec(usual="fine-tune", scratch_every=3))
    controller = world.controller()
    ticks(controller)
    modes = []
    for _ in range(7):
        world.clock.advance(10 * DAY_S)
        ticks(controller)
        (process,) = world.alive
        modes.append(process.work.mode)
        process.tell(Done(made("reject")))
        ticks(controller)
    assert modes == [
        "fine-tune", "fine-tune", "scratch", "fine-tune", "fine-tune", "scratch", "fine-tune"
    ]  # fmt: skip


def test_what_ends_the_platform_each_time_is_not_begun_for_ever() -> None:
    world = World()
    begun(world)
    for _ in range(INTERRUPTIONS_MAX + 2):
        world.kill(world.controllers[-1][0])
        world.clock.advance(60)
        ticks(world.controller())
    assert not world.alive
    assert "interrupted 20 times" in only(world).error


def test_an_end_in_order_is_no_failure() -> None:
    world = World()
    begun(world)
    world.controllers[0][0].close()
    assert not world.alive
    assert (only(world).state, only(world).interruptions) == ("waiting", 0)
    ticks(world.controller())
    assert world.alive


def test_a_talkative_function_fills_no_store() -> None:
    world = World()
    process = begun(world)
    (controller, _) = world.controllers[0]
    process.written = [f"line {n}" for n in range(10_000)]
    process.tell(Doing("train"))
    controller.tick()
    assert len(only(world).log) == LINES_MAX


def test_an_endpoint_that_nothing_answers_is_left_alone() -> None:
    world = World(spec(endpoint="new"))
    controller = world.controller()
    world.clock.advance(10 * DAY_S)
    ticks(controller)
    assert not world.started


def test_one_endpoint_that_is_broken_keeps_no_other_from_its_updates() -> None:
    labels = (Condition(kind="labels", count=1),)
    world = World(spec(when=labels), spec(endpoint="n", data=DataSpec(log="n"), when=()))
    world.answer(1, "n")
    UpdateBook(world.store, world.clock, world.specs).ask("n", "ada")
    controller = world.controller()

    def fail(log: str, since_us: int) -> int:
        raise ConflictError("Not now.")

    controller._labels = fail  # a log that cannot be read
    for _ in range(3):
        with pytest.raises(ConflictError):
            controller.tick()
    assert [process.work.endpoint for process in world.started] == ["n"]


def test_old_updates_are_forgotten() -> None:
    world = World()
    controller = world.controller()
    ticks(controller)
    old = Update(id="0", endpoint="m", causes=(), created_us=1, due_us=1, state="ended", ended_us=1)
    for number in range(UPDATES_MAX + 5):
        key = UPDATES.key("m", f"{number:04d}")
        world.store.commit(Put(UPDATES, key, old, None))
    world.clock.advance(DAY_S)
    ticks(controller)
    assert len(world.updates()) <= UPDATES_MAX + 1


YEAR_S = 365 * DAY_S


@pytest.mark.parametrize("jumps_s", [(-YEAR_S, YEAR_S), (YEAR_S, -YEAR_S), (-60, 7200, -7140)])
def test_a_clock_that_jumps_to_and_fro_during_an_update_makes_one_of_it(
    jumps_s: tuple[float, ...],
) -> None:
    world = World(spec(timing=None))
    first = world.controller()
    ticks(first)
    book(world).ask("m", "ada")
    ticks(first)
    (process,) = world.alive
    for jump_s in jumps_s:
        jump(world, jump_s)
        ticks(first)
        assert world.alive == [process]
    process.tell(Done(made(as_of_us=only(world).created_us)))
    for jump_s in jumps_s:
        jump(world, jump_s)
        ticks(first)
    world.finish("done")
    for jump_s in jumps_s:
        jump(world, jump_s)
        ticks(first)
    world.clock.advance(10 * DAY_S)
    ticks(first)
    assert only(world).outcome == "promoted"
    assert world.actions().count("release requested") == 1
    assert world.actions().count("update promoted") == 1


def test_what_a_clock_noted_that_was_far_ahead_silences_nothing() -> None:
    world = World()
    controller = world.controller()
    ticks(controller)
    jump(world, YEAR_S)
    ticks(controller)
    world.alive[0].tell(Done(made("reject", as_of_us=world.clock.now_us())))
    ticks(controller)
    jump(world, -YEAR_S)
    ticks(controller)
    assert not world.alive
    assert world.standing().known_us <= world.clock.now_us(), "labels count from now on"
    world.clock.advance(DAY_S)
    ticks(controller)
    assert len(world.alive) == 1, "and the next slot is taken as ever"


@pytest.mark.parametrize("back_s", [3 * HOUR_S, YEAR_S])
def test_an_attempt_is_tried_again_soon_whatever_the_clock_was_set_back_by(back_s: float) -> None:
    world = World()
    begun(world).tell(Broken("It raised ValueError."))
    controller = world.controllers[0][0]
    controller.tick()
    jump(world, -back_s)
    controller.tick()
    assert len(world.started) == 2


@pytest.mark.parametrize("back_s", [3 * HOUR_S, YEAR_S])
def test_a_kill_and_a_clock_that_is_set_back_leave_nobody_waiting(back_s: float) -> None:
    world = World()
    process = begun(world)
    world.alive.remove(process)  # it is gone, and its lease is not given back
    jump(world, -back_s)
    after = world.controller()
    ticks(after)
    (again,) = world.alive
    again.tell(Done(made("reject")))
    ticks(after)
    assert (only(world).outcome, only(world).interruptions) == ("rejected", 1)


def jump(world: World, seconds: float) -> None:
    """The wall clock is set; who lives holds on to its lease."""
    world.clock.set(world.clock.now_us() + round(seconds * 1e6))
    world.renew()
