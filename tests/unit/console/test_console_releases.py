"""The page of releases: what it shows in each state, what each button does, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from fairlead.api.release import ReleaseReport
from fairlead.app.services import WorkspaceServices
from fairlead.app.workspace import Workspace
from fairlead.releases import RELEASES, Evidence, OrderName, Release, State, Step
from fairlead.releases.outcomes.metrics import Outcomes
from fairlead.releases.permit import offered
from fairlead.routing import SLOTS
from fairlead.stats import Split, SplitStep
from support.control import Control
from support.html import Page
from support.releases import (
    AB,
    CANARY,
    HOSTILE,
    SHADOW,
    begin,
    evidence,
    put_release,
    put_route,
    put_version,
    release_of,
    revenues,
    shadowed,
)
from support.routes import route, version

PAGE = "/endpoints/churn/releases"
ONE = release_of()
OWN = f"{PAGE}/{ONE.id}"
OPEN_STATES: dict[str, tuple[State, int]] = {
    "requested": ("requested", 0), "preparing": ("preparing", 0), "switching": ("switching", 1),
    "holding": ("holding", 1), "asking": ("asking", 2), "baking": ("baking", 4),
}  # fmt: skip


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    made = begin(tmp_path / ".fairlead")
    yield made
    made.close()


@pytest.fixture
def control(workspace: Workspace) -> Control:
    return Control(workspace, keys=False)


def shown(control: Control, path: str = PAGE, status: int = 200) -> Page:
    reply = control.ask(path)
    assert reply.status == status
    page = Page(reply.body.decode())
    assert page.inline() == []
    return page


def orders(page: Page) -> list[str]:
    """What the page's buttons say to the release."""
    return [one["value"] for one in page.all("input") if one.get("name") == "order"]


def text(page: Page, name: str) -> str:
    return " ".join(page.by_id(name)[2].split())


def state(name: str, **more: Any) -> Release:
    at, step = OPEN_STATES[name]
    begun = name not in ("requested", "preparing")
    return release_of(state=at, step=step, **({"shares": ONE.shares if begun else {}} | more))


@pytest.mark.parametrize(
    ("release", "there"),
    [
        (state("requested"), ["pause", "abort"]),
        (state("preparing"), ["pause", "abort"]),
        (state("switching"), ["pause", "promote", "rollback"]),
        (state("holding"), ["pause", "promote", "rollback"]),
        (state("holding", paused=True), ["resume", "promote", "rollback"]),
        (state("asking"), ["approve", "promote", "rollback"]),
        (state("asking", paused=True), ["approve", "resume", "promote", "rollback"]),
        (state("baking"), ["pause", "rollback"]),
        (release_of(SHADOW), ["pause", "promote", "abort"]),
        (release_of(state="rolled back"), []),
        (release_of(state="failed"), []),
        (release_of(state="done", step=4), ["rollback"]),
        (release_of(state="done", step=4, before=None), []),
    ],
)
def test_only_buttons_that_make_sense_are_there(
    control: Control, release: Release, there: list[OrderName]
) -> None:
    put_release(control.workspace, release)
    assert orders(shown(control, OWN)) == there
    assert list(offered(release)) == (there if release.state != "done" else [])


@pytest.mark.parametrize("name", OPEN_STATES)
def test_each_button_tells_the_release_what_it_says(tmp_path: Path, name: str) -> None:
    for place, order in enumerate(offered(state(name))):
        workspace = begin(tmp_path / str(place))
        put_release(workspace, state(name))
        reply = Control(workspace, keys=False).ask(OWN, form={"order": order, "reason": " why "})
        assert reply.status == 303
        assert reply.headers["location"] == OWN
        told = stored(workspace).order
        assert told is not None
        assert (told.name, told.actor, told.reason) == (order, "local", "why")
        newest = workspace.store.events()[-1]
        assert (newest.action, newest.detail["reason"]) == (f"release {order}", "why")
        workspace.close()


def stored(workspace: Workspace) -> Release:
    found = workspace.store.get(RELEASES, RELEASES.key("churn", ONE.id))
    assert found is not None
    return found.value


@pytest.mark.parametrize("name", OPEN_STATES)
def test_an_order_that_makes_no_sense_is_refused_and_changes_nothing(
    control: Control, name: str
) -> None:
    put_release(control.workspace, state(name))
    every: tuple[str, ...] = ("approve", "pause", "resume", "promote", "abort", "rollback", "x", "")
    for order in set(every) - set(offered(state(name))):
        page = control.ask(OWN, form={"order": order})
        assert page.status == 409
        assert b"makes no sense any more" in page.body
        assert b"The buttons below are those that do." in page.body
    assert stored(control.workspace).order is None


def test_rolling_back_after_the_end_asks_for_what_answered_before(control: Control) -> None:
    put_release(control.workspace, release_of(state="done", step=4))
    reply = control.ask(OWN, form={"order": "rollback", "reason": "odd answers"})
    assert (reply.status, reply.headers["location"]) == (303, PAGE)
    newest = control.workspace.releases.releases("churn")[-1]
    assert (newest.version.name, newest.state) == ("churn:1", "requested")


def test_a_release_that_ended_meanwhile_is_not_told_and_neither_is_the_next(
    control: Control,
) -> None:
    put_release(control.workspace, release_of(state="aborted"))
    put_release(control.workspace, release_of(id=ONE.id[:-1] + "2"))
    reply = control.ask(OWN, form={"order": "rollback"})
    assert reply.status == 409
    assert "taken back" in reply.body.decode()
    newest = control.workspace.releases.under_way("churn")
    assert newest is not None
    assert newest.order is None


def test_what_waits_for_somebody_elses_word_says_whose(control: Control) -> None:
    steps = (*CANARY.steps[:2], Step("approve", who="risk"), Step("share", SLOTS))
    plan = replace(CANARY, steps=steps)
    put_release(control.workspace, release_of(plan, state="asking", step=2))
    page = shown(control)
    assert orders(page) == ["rollback"]
    assert "Approve: churn:2 waits for the word of 'risk'" in text(page, "release")
    assert "Approval by risk" in text(page, "release")
    refused = control.ask(OWN, form={"order": "approve"})
    assert refused.status == 403
    assert "Their key has that name" in refused.body.decode()
    assert stored(control.workspace).order is None


def test_an_order_that_was_not_obeyed_yet_leaves_no_other_button(control: Control) -> None:
    put_release(control.workspace, ONE)
    control.ask(OWN, form={"order": "pause"})
    page = shown(control)
    assert orders(page) == []
    assert "It was told: pause. It obeys in a moment." in text(page, "release")


def test_a_viewer_sees_all_of_it_and_no_button(workspace: Workspace) -> None:
    put_release(workspace, ONE, evidence())
    _, secret = workspace.key_book.create("eve", ["view"])
    control = Control(workspace, keys=True)
    page = Page(control.ask(PAGE, secret=secret).body.decode())
    assert orders(page) == []
    assert "churn:2" in text(page, "release")
    assert control.ask(OWN, form={"order": "rollback"}, secret=secret).status == 403
    assert control.ask(PAGE, form={"version": "churn:3"}, secret=secret).status == 403
    assert control.ask(f"{PAGE}/new", secret=secret).status == 403
    assert stored(workspace).order is None


def test_the_plan_says_what_is_done_where_it_is_and_what_is_to_come(control: Control) -> None:
    put_release(control.workspace, ONE, evidence())
    page = shown(control)
    lines = [attributes["class"] for attributes in page.all("li") if "class" in attributes]
    assert lines[:6] == ["done", "present", "to-come", "to-come", "to-come", "to-come"]
    said = text(page, "release")
    assert "1 % in 33 min done 5 % 1 h 30 min of 2 h now Approval to come" in said
    assert "Watched for 30 min to come" in said
    assert "asked for by ann 2 h 5 min ago" in said
    assert "It waits for proof that nothing is worse: Failures." in said


def test_evidence_is_told_with_both_sides_ends_and_what_is_missing(control: Control) -> None:
    put_release(control.workspace, ONE, evidence(), looks=5)
    said = text(shown(control), "guards")
    assert "1 % 1 % 1.00 times" in said
    assert "0.57 to 1.63 times" in said
    assert "Not yet known" in said
    assert "About 20,000 more requests to the candidate." in said
    assert "42.9 ms 41.2 ms 1.04 times" in said
    assert "Proven no worse" in said


def test_proven_harm_is_said_so(control: Control) -> None:
    put_release(control.workspace, ONE, evidence(worse=4.0))
    said = text(shown(control), "guards")
    assert "Proven worse" in said
    assert "4 % 1 % 4.00 times" in said


def test_what_happened_tells_who_said_what_and_why(control: Control) -> None:
    put_release(control.workspace, release_of(reason=HOSTILE), evidence())
    said = text(shown(control), "words")
    assert "bob let it go on looks well" in said
    assert "ann asked for it" in said
    assert said.index("bob let it go on") < said.index("ann asked for it")
    assert HOSTILE in said


def test_a_shadow_tells_agreement_by_slice_and_the_rows_that_differ(control: Control) -> None:
    put_release(control.workspace, release_of(SHADOW), shadowed())
    page = shown(control)
    said = text(page, "shadow")
    assert "Beside what callers were given" in said
    assert "1,200 rows compared" in said
    assert "96.7 % agree" in said
    assert "x yes 600 93.3 %" in said
    assert "what was given yes 600 93.3 %" in said
    assert "01890a5d-ac96-774b-bcce-b302099a0007" in said


def test_a_person_who_decides_is_named(control: Control) -> None:
    plan = replace(SHADOW, decided_by="human:risk")
    put_release(control.workspace, release_of(plan), shadowed(rows=0, apart=0))
    said = text(shown(control), "shadow")
    assert said.startswith("Beside what people decide in risk")
    assert "no decision came for a row that it saw" in said


def test_an_experiment_tells_its_arms_its_split_and_its_power(control: Control) -> None:
    put_release(control.workspace, release_of(AB), evidence(), revenues())
    said = text(shown(control), "experiment")
    assert "mean:revenue, higher is better" in said
    assert "Not yet known" in said
    assert "churn:1 stable 50 % 76,000 1,500" in said
    assert "Split of units As the route says" in said
    assert "to prove a change of 3 % with the units so far; planned are 80 %" in said
    assert "3,000 of 4,000 units" in said


def test_of_one_planned_look_nothing_is_told_before(control: Control) -> None:
    goal = AB.goal
    assert goal is not None
    plan = replace(AB, goal=replace(goal, peek=False))
    put_release(control.workspace, release_of(plan), evidence(), revenues())
    said = text(shown(control), "experiment")
    assert said.count("not told yet") == 3
    assert "It is decided at the planned units alone." in said


def test_arms_that_hold_different_people_cannot_be_approved(control: Control) -> None:
    split = Split((SplitStep((0.5, 0.5), (3_000, 1_500)),))
    outcomes = replace(revenues(), split=split)
    put_release(control.workspace, release_of(AB, state="asking"), evidence(), outcomes)
    page = shown(control)
    assert orders(page) == ["promote", "rollback"]
    assert "Not as the route says" in text(page, "experiment")
    assert "cannot be approved" in text(page, "release")
    assert "It takes a reason." in text(page, "release")
    assert control.ask(OWN, form={"order": "promote"}).status == 409
    assert control.ask(OWN, form={"order": "promote", "reason": "all the same"}).status == 303


@pytest.mark.parametrize(
    ("release", "seen", "outcomes"),
    [
        (release_of(), evidence(), None),
        (release_of(SHADOW), shadowed(text=HOSTILE), None),
        (release_of(AB), evidence(), revenues()),
    ],
)
def test_hostile_names_are_text(
    control: Control, release: Release, seen: Evidence, outcomes: Outcomes | None
) -> None:
    named = replace(
        release, version=version(2, HOSTILE), actor=HOSTILE, reason=HOSTILE,
        before=route("churn", 1, version(1, HOSTILE)),
    )  # fmt: skip
    put_release(control.workspace, named, seen, outcomes)
    for path in (PAGE, OWN):
        page = shown(control, path)
        assert page.all("img") == []
        assert HOSTILE in text(page, "release")


def test_an_endpoint_without_a_release_says_how_to_start_one(control: Control) -> None:
    page = shown(control)
    assert {"class": "button primary", "href": f"{PAGE}/new"} in page.all("a")
    put_route(control.workspace, replace(route("a/b", 1), endpoint="plain"))
    assert control.ask("/endpoints/none/releases").status == 404
    assert control.ask(f"{PAGE}/none").status == 404


def test_the_history_is_paged(control: Control) -> None:
    for number in range(45):
        done = release_of(id=f"{number:04d}", state="done", step=4, reason=f"number {number}")
        put_release(control.workspace, done)
    first, last = shown(control), shown(control, f"{PAGE}?page=3")
    assert "number 44" in text(first, "history")
    assert "1 of 3" in text(first, "history")
    assert "number 4 " in text(last, "history") + " "
    assert "number 5" not in text(last, "history")
    assert shown(control, f"{PAGE}?page=99").by_id("history") == last.by_id("history")


def test_a_release_is_foretold_and_then_begun(control: Control) -> None:
    path = f"{PAGE}/new"
    choices = [one["value"] for one in shown(control, path).all("option")]
    assert choices[:3] == ["", "churn:3", "churn:2"]
    asked = "version=churn:3&strategy=canary&steps=5%25 for 1h, 100%25"
    page = shown(control, f"{path}?{asked}")
    assert "What it would do" in page.by_id("planned-title")[2]
    assert len([one for one in page.all("li") if one.get("class") == "to-come"]) == 3
    form = {"version": "churn:3", "strategy": "canary", "steps": "5% for 1h, 100%"}
    hidden = {one["name"]: one["value"] for one in page.all("input") if one.get("type") == "hidden"}
    assert {name: hidden[name] for name in form} == form
    reply = control.ask(PAGE, form=form)
    (begun,) = control.workspace.releases.releases("churn")
    assert (reply.status, reply.headers["location"]) == (303, f"{PAGE}/{begun.id}")
    assert (begun.version.name, begun.actor) == ("churn:3", "local")
    assert [step.slots for step in begun.plan.steps] == [500, SLOTS]


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"version": "churn:9"}, "churn:9"),
        ({"version": "churn:3", "strategy": "canary", "steps": HOSTILE}, "is no step of a release"),
        ({"version": "churn:3", "strategy": "ab"}, "needs a 'goal'"),
        ({"version": "churn:4"}, "pickle"),
        ({}, "version"),
    ],
)
def test_what_cannot_be_begun_is_said_on_the_form(
    control: Control, form: dict[str, str], says: str
) -> None:
    put_version(control.workspace, "churn", 4, pickle=True)
    reply = control.ask(PAGE, form=form or {"strategy": ""})
    assert reply.status in (400, 404)
    page = Page(reply.body.decode())
    assert says in reply.body.decode().replace("&#39;", "'")
    assert page.all("img") == []
    assert control.workspace.releases.releases("churn") == []


def test_a_second_release_is_refused_while_one_is_under_way(control: Control) -> None:
    put_release(control.workspace, ONE)
    reply = control.ask(PAGE, form={"version": "churn:3", "strategy": "now"})
    assert reply.status == 409
    assert "is under way" in reply.body.decode()


def test_a_program_gets_what_the_page_shows(control: Control) -> None:
    put_release(control.workspace, ONE, evidence(), looks=5)
    reply = control.ask(f"/v1{OWN}")
    report = msgspec.json.decode(reply.body, type=ReleaseReport)
    assert [step.standing for step in report.steps[:3]] == ["done", "present", "to come"]
    assert [offer.order for offer in report.offers] == ["pause", "promote", "rollback"]
    assert report.guards[0].found.value == 1.0
    planned = control.ask(f"/v1{PAGE}/plan", {"version": "churn:3", "strategy": "now"}).json
    assert (planned["strategy"], len(planned["steps"])) == ("now", 1)


def test_the_course_of_a_guard_is_a_figure(control: Control) -> None:
    put_release(control.workspace, ONE, evidence(), looks=5)
    path = f"/v1/endpoints/churn/figures/evidence?release={ONE.id}&guard="
    drawn = control.ask(f"{path}failures").json
    assert [len(one["x"]) for one in drawn["data"][:3]] == [5, 5, 5]
    rows = control.ask(f"{path}latency_p95&form=csv").body.decode().splitlines()
    assert len(rows) == 6
    assert rows[0] == "time,requests,candidate,beside,value,low,high"
    wrong = control.ask(f"{path}latncy_p95")
    assert (wrong.status, wrong.error["hint"]) == (404, "Did you mean 'latency_p95'?")


def test_the_list_reads_the_evidence_of_what_is_under_way_alone(
    control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(10, 50):
        put_release(control.workspace, release_of(id=f"{ONE.id[:-2]}{number}", state="done"))
    now = release_of(id=f"{ONE.id[:-2]}99")
    put_release(control.workspace, now)
    read: list[str] = []
    evidence_of = control.workspace.witness.evidence

    def noted(release: Release) -> Evidence:
        read.append(release.id)
        return evidence_of(release)

    monkeypatch.setattr(control.workspace.witness, "evidence", noted)
    assert "churn:2" in text(shown(control), "history")
    assert set(read) == {now.id}
    read.clear()
    told = control.ask(f"/v1{PAGE}").json["releases"]
    assert [len(told), told[-1]["id"], len(read)] == [41, now.id, 20]


@pytest.mark.parametrize("ended", ["aborted", "done"])
def test_a_release_that_begins_after_the_page_was_looked_at_is_not_told(
    control: Control, monkeypatch: pytest.MonkeyPatch, ended: State
) -> None:
    put_release(control.workspace, state("holding"))
    other = release_of(id=ONE.id[:-1] + "2")
    look = WorkspaceServices.release_report

    def late(services: WorkspaceServices, *asked: str) -> ReleaseReport:
        report = look(services, *asked)
        put_release(control.workspace, release_of(state=ended))
        put_release(control.workspace, other)
        return report

    for order in ("rollback", "pause"):
        put_release(control.workspace, replace(other, state="aborted"))
        put_release(control.workspace, state("holding"))
        with monkeypatch.context() as patched:
            patched.setattr(WorkspaceServices, "release_report", late)
            refused = control.ask(OWN, form={"order": order})
        assert refused.status == 409
        assert b"Another release is under way by now" in refused.body
        newest = control.workspace.releases.under_way("churn")
        assert newest is not None
        assert (newest.id, newest.order) == (other.id, None)


def test_an_order_over_rest_may_say_which_release_it_means(control: Control) -> None:
    put_release(control.workspace, state("holding"))
    path = f"/v1{PAGE}/order"
    refused = control.ask(path, {"order": "pause", "release": "another"})
    assert (refused.status, stored(control.workspace).order) == (409, None)
    assert control.ask(path, {"order": "pause", "release": ONE.id}).status == 202
    assert stored(control.workspace).order is not None
    put_release(control.workspace, release_of(state="done", step=4))
    assert control.ask(path, {"order": "rollback", "release": "another"}).status == 409
    assert control.workspace.releases.under_way("churn") is None
    assert control.ask(path, {"order": "rollback", "release": ONE.id}).status == 202
