"""What runs the pages finds what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs.pages import ROOT, read_page
from docs.player import Player
from docs.printed import lacks, lacks_json
from docs.test_pages import folder, page_folder, play, player

__all__ = ["folder", "player"]

FENCE = "```"


def block(info: str, *lines: str, mark: str = "") -> str:
    return "\n".join([mark, f"{FENCE}{info}", *lines, FENCE, ""])


def run(player: Player, text: str, folder: Path) -> list[str]:
    return list(play(player, ROOT / "README.md", read_page(text), folder).values())


def test_blocks_of_a_page_share_a_process_and_a_folder(player: Player, folder: Path) -> None:
    text = (
        block("python", "x = 3")
        + block("shell", "echo hello > f")
        + block("python", "print(open('f').read(), x)")
    )
    assert run(player, text, folder) == ["", "", "hello\n 3\n"]


@pytest.mark.parametrize(
    "text",
    [
        block("python", "1 / 0"),
        block("shell", "false", "true"),
        block("shell", "true", mark="<!-- fails -->"),
        block("shell", "fairlead nonsense"),
    ],
)
def test_a_block_that_does_not_end_as_it_should_fails_its_page(
    player: Player, text: str, folder: Path
) -> None:
    with pytest.raises(AssertionError, match=r"README.md:3: the block (did not fail|failed)"):
        run(player, text, folder)


def test_only_blocks_that_say_why_and_installs_are_not_run(player: Player, folder: Path) -> None:
    text = (
        block("shell", "false", mark="<!-- not run: it takes hours -->")
        + block("shell", "pip install fairlead", "false")
        + block("shell", "echo run")
    )
    assert run(player, text, folder) == ["run\n"]
    assert read_page(block("shell", "false", mark="<!-- not run: -->")).blocks[0].runs


def test_a_platform_does_not_outlive_its_page(player: Player, tmp_path: Path) -> None:
    text = block("shell", "fairlead up", "cat .fairlead/run/addresses.json", "false")
    addresses = tmp_path / "page" / ".fairlead" / "run" / "addresses.json"
    with page_folder(tmp_path) as own:
        with pytest.raises(AssertionError, match='"pid"'):
            run(player, text, own)
        assert addresses.exists()
    assert not addresses.exists()


def test_ports_on_pages_are_moved(player: Player, folder: Path) -> None:
    (printed,) = run(
        player, block("shell", "fairlead up", "curl -s http://localhost:8080/health/live"), folder
    )
    assert "8080" not in printed
    assert '{"live":true}' in printed


def test_shown_output_is_held_against_the_printed() -> None:
    printed = "a 1\nb 2.5 s\nc 0123456789abcdef\n"
    assert lacks("a 7\n\n…\nc fedcba9876543210\n", printed) is None
    assert lacks("a … \nb 1 s", printed) is None
    assert lacks("b 1 s\na 1", printed) == "a 1"
    assert lacks("b 1 ms", printed) == "b 1 ms"
    assert lacks_json('{"a": [1, "x"]}', 'noise\n{"a": [2, "y"]}') is None
    assert lacks_json('{"a": [1, "x"]}', '{"a": ["y", 2]}') is not None


def test_the_shim_finds_the_command_behind_options(player: Player, folder: Path) -> None:
    home = folder / "up"
    (printed,) = run(player, block("shell", f"fairlead --home {home} models"), folder)
    assert "no models yet" in printed
