"""`fairlead review`: one at a time in the terminal, and files out and in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from fairlead.app.workspace import Workspace
from fairlead.cli.main import cli
from fairlead.errors import FairleadError, InputError, NotFoundError
from fairlead.review import Task
from support.review import enter, name, put_route, route


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    workspace = Workspace(folder)
    put_route(workspace.store, route(mode="shadow", queue="team"))
    enter(workspace.store, 1, 2, 3, queue="team")
    workspace.close()
    return folder


def told(home: Path, *arguments: str, typed: str = "") -> str:
    command = ["--home", str(home), "review", "churn", *arguments]
    result = CliRunner().invoke(cli, command, input=typed)
    if result.exception is not None:
        raise result.exception
    return result.output


def tasks(home: Path) -> dict[str, Task]:
    workspace = Workspace(home)
    found = [*workspace.review_book.queues.decided("team")]
    found += workspace.review_book.queues.waiting("team")
    workspace.close()
    return {task.id: task for task in found}


def test_keys_choose_skip_and_take_back(home: Path) -> None:
    output = told(home, "--as", "ada", typed="1\ns\n2\nu\n1\nx\nq\n")
    found = tasks(home)
    assert {task: one.decision for task, one in found.items()} == {
        name(1): "left", name(2): None, name(3): "left"
    }  # fmt: skip
    assert found[name(1)].decided_by == "ada"
    assert "[1 left  2 stayed]" in output
    assert f"{name(3)} is open again." in output
    assert "Type a number from 1 to 2." in output
    assert "The model says" not in output
    assert "2 decided." in output


def test_what_was_before_who_ends_is_free_for_others(home: Path) -> None:
    told(home, "--as", "ada", typed="q\n")
    assert name(1) in told(home, "--as", "bob", typed="q\n")


def test_the_guess_is_shown_where_people_are_assisted(home: Path) -> None:
    workspace = Workspace(home)
    enter(workspace.store, 0, queue="team", mode="assist")
    workspace.close()
    assert "The model says left." in told(home, typed="q\n")


def test_what_a_terminal_would_obey_is_not_printed(home: Path) -> None:
    workspace = Workspace(home)
    enter(workspace.store, 0, queue="team", inputs={"\x1b[2J": "\x1b]0;x\x07 ‮gnp"})
    workspace.close()
    output = told(home, typed="q\n")
    assert "\x1b" not in output
    assert "\x07" not in output
    assert "‮" not in output


def test_an_empty_queue_says_so(home: Path) -> None:
    assert "Nothing waits for you." in told(home, "--as", "ada", typed="1\n1\n1\n")


def test_status_tells_what_waits_and_how_the_rungs_stand(home: Path) -> None:
    told(home, "--as", "ada", typed="1\nq\n")
    assert "2 wait in 'team', the oldest since" in told(home, "--status")
    shown = json.loads(told(home, "--status", "--json"))
    assert shown["queue"]["waiting"] == 2
    assert shown["queue"]["decided"] == 1
    assert shown["rungs"] == {"churn": []}


def test_a_file_goes_out_and_comes_back(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "tasks.jsonl"
    assert "3 tasks written" in told(home, "--export", str(file))
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    lines[1]["decision"] = "stayed"
    file.write_text("\n".join(map(json.dumps, lines)))
    assert "1 decided, 2 left out." in told(home, "--import", str(file), "--as", "ada")
    assert tasks(home)[name(2)].decision == "stayed"
    told(home, "--export", str(file), "--label-studio", "--decided")
    (line,) = [json.loads(line) for line in file.read_text().splitlines()]
    assert line["annotations"][0]["result"][0]["value"] == {"choices": ["stayed"]}


def test_a_bad_line_is_named(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text('{"id": "' + name(1) + '", "decision": "left"}\nnonsense\n')
    with pytest.raises(InputError, match="One line cannot be taken") as refused:
        told(home, "--import", str(file))
    assert refused.value.problems[0].row == 2
    assert all(task.decision is None for task in tasks(home).values())


def test_a_name_that_is_none_is_refused(home: Path) -> None:
    with pytest.raises(NotFoundError, match="no queue"):
        told(home.parent / "other")
    with pytest.raises(FairleadError, match="no name"):
        told(home, "--as", "\x1b[2J", typed="1\n")
