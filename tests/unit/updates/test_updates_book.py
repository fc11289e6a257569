"""What people may say of updates, and what becomes of it."""

from __future__ import annotations

from typing import Any

import pytest

from fairlead.errors import ConflictError, ForbiddenError, NotFoundError
from fairlead.updates import Done, Word
from support.updates import EVERY_SCOPE, World, begun, book, made, only, spec, ticks


def test_a_person_of_the_role_lets_it_out_or_not() -> None:
    world = World(spec(approve="admin"))
    begun(world).tell(Done(made()))
    (controller, _) = world.controllers[0]
    ticks(controller)
    assert only(world).state == "asking"
    people = book(world)
    assert people.asking("m") == "m:2"
    with pytest.raises(ForbiddenError, match="admin"):
        people.tell("m", "", Word(name="approve", actor="bo"), ("view", "operate"))
    people.tell("m", "", Word(name="approve", actor="ada"), EVERY_SCOPE)
    with pytest.raises(ConflictError):
        people.tell("m", "", Word(name="decline", actor="bo"), EVERY_SCOPE)
    ticks(controller)
    assert (only(world).state, only(world).approved_by) == ("releasing", "ada")
    with pytest.raises(ConflictError, match="cancel"):
        people.tell("m", "", Word(name="cancel", actor="bo"), EVERY_SCOPE)
    assert [e.actor for e in world.store.events() if e.action == "update approve"] == ["ada"]


@pytest.mark.parametrize(("name", "outcome"), [("decline", "declined"), ("cancel", "cancelled")])
def test_what_is_refused_leaves_everything_as_it_was(name: Any, outcome: str) -> None:
    world = World(spec(approve="operate"))
    begun(world).tell(Done(made()))
    (controller, _) = world.controllers[0]
    ticks(controller)
    book(world).tell("m", "", Word(name=name, actor="ada", reason="No."), EVERY_SCOPE)
    ticks(controller)
    assert only(world).outcome == outcome
    assert "No." in only(world).error
    assert "release requested" not in world.actions()


def test_a_running_attempt_is_ended_by_a_word() -> None:
    world = World()
    begun(world)
    book(world).tell("m", "", Word(name="cancel", actor="ada"), EVERY_SCOPE)
    ticks(world.controllers[0][0])
    assert not world.alive
    assert only(world).outcome == "cancelled"


def test_one_that_is_asked_for_begins_at_once_and_only_once() -> None:
    world = World(spec(timing=None))
    people = book(world)
    with pytest.raises(NotFoundError, match="no updates"):
        people.ask("n", "ada")
    people.ask("m", "ada", "The campaign began.")
    with pytest.raises(ConflictError):
        people.ask("m", "bo")
    controller = world.controller()
    ticks(controller)
    assert len(world.started) == 1
    (event,) = (e for e in world.store.events() if e.action == "update opened")
    assert event.actor == "ada"
    with pytest.raises(ConflictError):
        people.ask("m", "bo")
    overview = people.overview("m")
    assert overview.update is not None
    assert overview.when == ("drift", "labels >= 100")
