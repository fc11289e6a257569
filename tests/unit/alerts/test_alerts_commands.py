"""`fairlead alerts` as people type it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from fairlead.alerts import ALERTS, NOTIFICATIONS, Notification
from fairlead.alerts.compose import compose
from fairlead.app.workspace import Workspace
from fairlead.cli.main import cli
from fairlead.errors import FairleadError
from fairlead.routing import ROUTES, Route
from fairlead.signature import Signature
from fairlead.store import ABSENT, Put
from support.alerts import START_US, alert
from support.receivers import HttpReceiver


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / ".fairlead").mkdir(mode=0o700)
    return tmp_path / ".fairlead"


def run(home: Path, *arguments: str) -> str:
    """What a command prints; its error is raised."""
    done = CliRunner().invoke(
        cli, ["--home", str(home), "alerts", *arguments], catch_exceptions=False,
        standalone_mode=False,
    )  # fmt: skip
    return done.output


def fill(home: Path) -> None:
    """Two alerts, and a notification that does not get through."""
    workspace = Workspace(home)
    fired = alert("pending", "firing", subject="age", look_at="Ask the CRM.")
    over = alert("firing", "resolved", rule="slow")
    stuck = Notification(
        id="n1", channel="ops", message=compose("crm", [fired], ()), created_us=START_US,
        next_us=START_US, attempts=3, problem="'hooks.example.com' answered with status 500.",
    )  # fmt: skip
    workspace.store.commit(
        *[Put(ALERTS, a.key, a, ABSENT) for a in (fired, over)],
        Put(NOTIFICATIONS, NOTIFICATIONS.key("n1"), stuck, ABSENT),
    )
    workspace.close()


def test_without_alerts_the_list_says_so(home: Path) -> None:
    assert run(home, "list") == "Nothing is wrong that an alert tells of.\n"
    assert run(home, "list", "--all") == "There are no alerts.\n"


def test_the_list_shows_what_is_wrong_and_what_was_not_delivered(home: Path) -> None:
    fill(home)
    printed = run(home, "list")
    assert "churn/errors/age  page" in printed
    assert "churn/slow" not in printed
    assert "answered with status 500" in printed
    assert "churn/slow" in run(home, "list", "--all", "churn")
    assert "churn/errors" not in run(home, "list", "other").partition("channel")[0]


def test_one_alert_is_shown_with_each_state_and_what_to_look_at(home: Path) -> None:
    fill(home)
    printed = run(home, "show", "churn/errors/age")
    assert "Look at: Ask the CRM." in printed
    assert [line.split()[0] for line in printed.splitlines()[-2:]] == ["pending", "firing"]
    with pytest.raises(FairleadError, match="churn/errors/age"):
        run(home, "show", "churn/error/age")


def test_a_silence_is_made_listed_and_ended(home: Path) -> None:
    signature = Signature(inputs=(), outputs=())
    route = Route("churn", 1, signature, (), salt="s")
    workspace = Workspace(home)
    workspace.store.commit(Put(ROUTES, ROUTES.key("churn"), route, ABSENT))
    workspace.close()
    made = run(home, "silence", "churn", "--for", "2h", "--rule", "err*", "--reason", "known")
    silence_id = made.split()[1]
    assert silence_id in run(home, "list")
    assert "known" in run(home, "list", "churn")
    fill(home)
    assert "firing, silenced" in run(home, "list")
    run(home, "unsilence", silence_id)
    assert silence_id not in run(home, "list")
    with pytest.raises(FairleadError, match="not a duration"):
        run(home, "silence", "churn", "--for", "ever")
    assert "Did you mean 'churn'" in run(home, "silence", "chrun", "--for", "2h")


def test_a_channel_is_tried(home: Path) -> None:
    with HttpReceiver(200, 500) as receiver:
        table = f'[alerts.channel.ops]\nurl = "{receiver.url}"\nallow_private = true\n'
        (home.parent / "fairlead.toml").write_text(table)
        printed = run(home, "test", "ops")
        assert receiver.received[0].headers["webhook-id"] in printed
        assert "nothing is wrong" in receiver.received[0].json["text"]
        with pytest.raises(FairleadError, match=r"did not deliver: .* status 500"):
            run(home, "test", "ops")
        with pytest.raises(FairleadError, match="Did you mean 'ops'"):
            run(home, "test", "opps")


def test_who_is_on_an_alert_is_listed_and_its_rule_is_shown(home: Path) -> None:
    fill(home)
    assert "is on it" in run(home, "ack", "churn/errors/age", "--note", "I look.")
    assert "is on it" in run(home, "list")
    shown = run(home, "show", "churn/errors/age")
    assert "I look." in shown
    assert "Rule: Alerts when failed requests use up their budget" in shown
    with pytest.raises(FairleadError, match="is resolved"):
        run(home, "ack", "churn/slow")
