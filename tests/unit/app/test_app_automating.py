"""Who decides is said in the route: by command or over REST, checked, and on the audit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from fairlead.app.automating import automate
from fairlead.cli.main import cli
from fairlead.errors import ConfigError, ConflictError, FairleadError, NotFoundError
from fairlead.releases import PlanSettings, plan_of
from fairlead.routing import ROUTES, Automation
from fairlead.store import Put, Store
from support.control import Control, control_of
from support.routes import SIGNATURE, route, version

PATH = "/v1/endpoints/loans/automation"
PARTIAL = {"mode": "partial", "auto_if": "prediction >= 0.5", "queue": "risk", "audit": 0.02}
FULL = {"mode": "full", "auto_if": "", "queue": "loans", "audit": 0.0}


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Control]:
    with control_of(tmp_path / "home", keys=False) as control:
        made = route("loans", 3, version(1, "loans"))
        control.workspace.store.commit(Put(ROUTES, ROUTES.key("loans"), made, None))
        yield control


def told(control: Control, *arguments: str) -> str:
    home = str(control.workspace.home.path)
    result = CliRunner().invoke(cli, ["--home", home, "automation", *arguments])
    if isinstance(result.exception, FairleadError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def test_it_is_shown_and_said_over_rest_and_holds_with_the_route(control: Control) -> None:
    assert control.ask(PATH).json == FULL
    said = control.ask(PATH, {**PARTIAL, "reason": "the week was good"}, method="PUT")
    assert (said.status, said.json) == (200, PARTIAL), said.body
    assert control.ask(PATH).json == PARTIAL
    changed = control.workspace.route("loans")
    assert changed.automation == Automation(**PARTIAL)  # type: ignore[arg-type]
    assert replace(changed, automation=Automation()) == route("loans", 3, version(1, "loans"))
    assert control.ask(PATH, {"mode": "full"}, method="PUT").json == FULL


def test_who_said_it_and_why_is_on_the_audit(control: Control) -> None:
    control.ask(PATH, {**PARTIAL, "reason": "the week was good"}, method="PUT")
    control.ask(PATH, PARTIAL, method="PUT")
    (event,) = control.workspace.store.events(subject=ROUTES.key("loans"))
    assert (event.actor, event.action) == ("local", "automation partial")
    assert event.detail == {**PARTIAL, "before": "full", "reason": "the week was good"}


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"mode": "partial"}, 400, "needs a condition"),
        ({"mode": "partial", "auto_if": "confidence > 0.9"}, 400, "answers no probabilities"),
        ({"mode": "human", "audit": 0.5}, 400, "has no audit"),
        ({"mode": "full", "audit": 2}, 422, "audit"),
        ({"mode": "half"}, 422, "mode"),
        ({}, 422, "mode"),
        ({"mode": "full", "auto": "x"}, 422, "auto"),
        ({"mode": "human", "queue": "../x"}, 400, "queue cannot be called"),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(
    control: Control, body: dict[str, object], status: int, says: str
) -> None:
    refused = control.ask(PATH, body, method="PUT")
    assert refused.status == status
    assert says in refused.json["error"]["message"]
    assert control.ask(PATH).json == FULL


def test_an_endpoint_that_is_not_there_is_not_found(control: Control) -> None:
    assert control.ask("/v1/endpoints/loan/automation").status == 404
    refused = control.ask("/v1/endpoints/loan/automation", {"mode": "full"}, method="PUT")
    assert (refused.status, "loans" in refused.json["error"]["hint"]) == (404, True)


def test_the_command_shows_and_says_the_same(control: Control) -> None:
    assert told(control, "loans") == "loans, full: the model decides every row.\n"
    partial = (
        "loans, partial: the model decides where prediction >= 0.5, people of the queue 'risk' "
        "the others; people look at 2.00% of the model's rows too.\n"
    )
    condition = ("--auto-if", "prediction >= 0.5")
    assert (
        told(control, "loans", "partial", *condition, "--queue", "risk", "--audit", "2%") == partial
    )
    assert told(control, "loans") == partial
    assert control.ask(PATH).json == PARTIAL
    assert "is not asked" in told(control, "loans", "human", "--reason", "a doubt")
    assert control.workspace.store.events(subject=ROUTES.key("loans"))[-1].detail["reason"]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("nobody",), NotFoundError),
        (("loans", "partial"), ConfigError),
        (("loans", "full", "--audit", "often"), ConfigError),
        (("loans", "full", "--audit", "101%"), ConfigError),
    ],
)
def test_the_command_refuses_what_rest_refuses(
    control: Control, arguments: tuple[str, ...], error: type[FairleadError]
) -> None:
    with pytest.raises(error):
        told(control, *arguments)
    assert control.ask(PATH).json == FULL


def test_what_is_said_without_a_mode_is_not_taken_for_a_question(control: Control) -> None:
    home = str(control.workspace.home.path)
    result = CliRunner().invoke(cli, ["--home", home, "automation", "loans", "--audit", "2%"])
    assert (result.exit_code, "Say the mode too" in result.output) == (2, True)


def test_while_a_release_lets_people_decide_nothing_else_is_taken(control: Control) -> None:
    plan = plan_of(PlanSettings(strategy="shadow", stable="human:risk", duration="1h"))
    control.workspace.releases.request("loans", version(2, "loans"), SIGNATURE, "ann", plan)
    refused = control.ask(PATH, {"mode": "human"}, method="PUT")
    assert refused.status == 409
    assert "human:risk decides" in refused.json["error"]["message"]


def test_a_route_that_changes_at_the_same_moment_is_not_lost(
    control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = control.workspace
    store: Store = workspace.store
    commit, left = store.commit, [3]

    def racing(*changes: object, **more: object) -> int:
        if left[0]:
            left[0] -= 1
            before = workspace.route("loans")
            commit(Put(ROUTES, ROUTES.key("loans"),
                       replace(before, revision=before.revision + 1), None))  # fmt: skip
        return commit(*changes, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "commit", racing)
    automate(workspace, "loans", Automation("human"), "ann")
    assert workspace.route("loans").automation == Automation("human")
    assert workspace.route("loans").revision == 6
    left[0] = 100
    with pytest.raises(ConflictError):
        automate(workspace, "loans", Automation("full"), "ann")


def test_a_release_that_lets_people_decide_and_begins_meanwhile_is_not_overruled(
    control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = control.workspace
    store: Store = workspace.store
    commit, begun = store.commit, [False]
    plan = plan_of(PlanSettings(strategy="shadow", stable="human:risk", duration="1h"))

    def racing(*changes: object, **more: object) -> int:
        if not begun[0]:
            begun[0] = True
            workspace.releases.request("loans", version(2, "loans"), SIGNATURE, "ann", plan)
            before = workspace.route("loans")
            moved = replace(before, automation=Automation("human", queue="risk"))
            commit(Put(ROUTES, ROUTES.key("loans"), moved, None))
        return commit(*changes, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "commit", racing)
    with pytest.raises(ConflictError, match="human:risk decides"):
        automate(workspace, "loans", Automation("full", queue="other"), "ann")
    assert workspace.route("loans").automation == Automation("human", queue="risk")
