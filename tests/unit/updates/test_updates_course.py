"""Whatever happens in whatever order, there is one update at a time and each ends once."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.errors import ConflictError, NotFoundError
from fairlead.updates import Broken, Done, Word
from fairlead.updates.types import Limits
from support.updates import EVERY_SCOPE, HOUR_S, World, book, made, spec

STEPS = st.sampled_from(
    ["tick", "hour", "day", "back", "year", "year back", "kill", "fire", "labels", "ask",
     "promote", "reject", "break", "released", "rolled", "cancel"]
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(STEPS, max_size=60))
def test_whatever_happens_there_is_one_at_a_time_and_each_ends_once(steps: list[str]) -> None:
    world = World(spec(limits=Limits(retries=1)))
    world.controller().tick()
    for step in steps:
        take(world, step)
        world.renew()
        controller = world.controllers[-1][0]
        with suppress(ConflictError):
            controller.tick()
        open_now = [update for update in world.updates() if update.state != "ended"]
        assert len(open_now) <= 1
        assert len(world.alive) <= 1
        assert world.standing().update == (open_now[0].id if open_now else "")
    ends = [a for a in world.actions() if a in ENDS]
    assert len(ends) == sum(update.state == "ended" for update in world.updates())
    released = [update.release for update in world.updates() if update.release]
    assert len(released) == len(set(released)) == world.actions().count("release requested")


ENDS = {
    f"update {outcome}"
    for outcome in ("promoted", "rejected", "failed", "rolled back", "cancelled", "declined")
}


def take(world: World, step: str) -> None:
    """Let something happen."""
    hours, jumps = {"hour": 1, "day": 24}, {"back": -3, "year": 8760, "year back": -8760}
    if step in hours:
        world.clock.advance(hours[step] * HOUR_S)
    elif step in jumps:
        world.clock.set(world.clock.now_us() + round(jumps[step] * HOUR_S * 1e6))
    elif step == "kill":
        world.kill(world.controllers[-1][0])
        world.controller()
    elif step == "fire":
        world.fire()
    elif step == "labels":
        world.new_labels = 100 - world.new_labels
    elif step in ("ask", "cancel"):
        with suppress(ConflictError, NotFoundError):
            if step == "ask":
                book(world).ask("m", "ada")
            else:
                book(world).tell("m", "", Word(name="cancel", actor="ada"), EVERY_SCOPE)
    elif step in ("released", "rolled"):
        if world.releases.all_under_way():
            world.finish("done" if step == "released" else "rolled back")
            world.answer(1)
    elif world.alive:
        words = {
            "promote": Done(made()), "reject": Done(made("reject")), "break": Broken("It broke.")
        }  # fmt: skip
        if step in words:
            world.alive[0].tell(words[step])
