"""`fairlead users`: who signs in, as the command line says it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from fairlead.app.user import user
from fairlead.app.workspace import Workspace
from fairlead.cli.main import cli
from fairlead.errors import FairleadError

PASSWORD = "four words in a row"


def run(home: Path, *arguments: str, typed: str = "") -> str:
    result = CliRunner().invoke(cli, ["--home", str(home), "users", *arguments], input=typed)
    if isinstance(result.exception, FairleadError):
        raise result.exception
    return result.output


def test_users_are_added_listed_changed_and_removed(tmp_path: Path) -> None:
    assert "no users yet" in run(tmp_path, "list")
    line = f"{PASSWORD}\n"
    said = run(tmp_path, "add", "ann", "--role=operator", "--password-stdin", typed=line)
    assert said == "User ann is an operator.\n"
    workspace = Workspace(tmp_path)
    assert workspace.user_book.signed_in("ann", PASSWORD).role == "operator"
    assert "operator" in run(tmp_path, "list")
    assert run(tmp_path, "role", "ann", "viewer") == "User ann is a viewer.\n"
    other = "other words in a row\n"
    run(tmp_path, "password", "ann", "--password-stdin", typed=other)
    assert workspace.user_book.signed_in("ann", other.strip()).role == "viewer"
    assert run(tmp_path, "remove", "ann") == "User ann is removed.\n"
    events = workspace.store.events(subject="user/")
    assert [event.action for event in events] == [
        "add_user", "change_role", "change_password", "remove_user",
    ]  # fmt: skip
    assert {event.actor for event in events} == {user()}
    assert PASSWORD not in repr(events)
    workspace.close()


def test_a_password_is_asked_for_twice_and_not_shown(tmp_path: Path) -> None:
    said = run(tmp_path, "add", "ann", "--role=viewer", typed=f"{PASSWORD}\n{PASSWORD}\n")
    assert PASSWORD not in said
    assert "User ann is a viewer." in said
    said = run(tmp_path, "add", "bob", "--role=viewer", typed=f"{PASSWORD}\nother\n")
    assert "do not match" in said
    workspace = Workspace(tmp_path)
    assert [one.name for one in workspace.user_book.all_users()] == ["ann"]
    workspace.close()


@pytest.mark.parametrize(
    ("name", "password", "told"),
    [("ann", "short", "12 to 200"), ("Ann", PASSWORD, "cannot be called"),
     ("cli", PASSWORD, "meaning of its own"), ("ann", "x" * 201, "12 to 200")],
)  # fmt: skip
def test_what_cannot_be_is_told(tmp_path: Path, name: str, password: str, told: str) -> None:
    with pytest.raises(FairleadError, match=told):
        run(tmp_path, "add", name, "--role=admin", "--password-stdin", typed=f"{password}\n")
    with pytest.raises(FairleadError, match="no user"):
        run(tmp_path, "remove", name)


def test_one_name_is_one_subject(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.key_book.create("risk", ["operate"])
    with pytest.raises(FairleadError, match="key 'risk' already"):
        workspace.user_book.add("risk", "operator", PASSWORD)
    workspace.user_book.add("ann", "operator", PASSWORD)
    with pytest.raises(FairleadError, match="user 'ann' already"):
        workspace.key_book.create("ann", ["operate"])
    workspace.close()
