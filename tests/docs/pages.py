"""Pages of the documentation, and the blocks in them.

A fence's first word is its language. `python` and `shell` are run, `json` and `toml` must parse.
A second word `output` says that the block shows what the block before it printed. An HTML comment
on the line before a fence changes that: `<!-- not run: why -->`, or `<!-- fails -->` for commands
that are meant to.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

RUN = ("python", "shell")
LANGUAGES = (*RUN, "json", "toml", "text")

_FENCE = re.compile(r"(?P<indent> *)```(?P<info>[^`]*)$")
_NOT_RUN = re.compile(r"<!-- not run: \S.* -->")
_FAILS = "<!-- fails -->"
_SPAN = re.compile(r"`([^`]+)`")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block.

    Args:
        language: the first word of its fence.
        output: whether it shows what the block before it printed.
        code: its lines, without their common indent.
        line: where its first line stands on the page, from 1.
        runs: whether it is meant to be run.
        fails: whether it is meant to fail.
    """

    language: str
    output: bool
    code: str
    line: int
    runs: bool
    fails: bool


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its blocks, and its text without them."""

    blocks: tuple[Block, ...]
    prose: str

    @property
    def spans(self) -> list[str]:
        """What stands between backticks in the text."""
        return _SPAN.findall(self.prose)


def name_of(path: Path) -> str:
    """A page's name for people: `docs/concepts.md`."""
    return path.relative_to(ROOT).as_posix()


def read_page(text: str) -> Page:
    """Take a page apart."""
    blocks: list[Block] = []
    prose: list[str] = []
    lines = iter(enumerate(text.splitlines(), 1))
    for number, line in lines:
        fence = _FENCE.match(line)
        if fence is None:
            prose.append(line)
            continue
        indent = fence["indent"]
        code: list[str] = []
        for _, inner in lines:
            if inner.strip() == "```":
                break
            code.append(inner.removeprefix(indent))
        else:
            raise AssertionError(f"The block of line {number} does not end.")
        mark = next((before for before in reversed(prose) if before.strip()), "").strip()
        blocks.append(_block(fence["info"].split(), "\n".join(code) + "\n", number + 1, mark))
        prose.append("")
        if mark.startswith("<!--"):
            prose.append("(block)")  # a comment speaks of one block only
    return Page(tuple(blocks), "\n".join(prose))


def _block(info: list[str], code: str, line: int, mark: str) -> Block:
    language = info[0] if info else ""
    installs = language == "shell" and "pip install" in code
    return Block(
        language=language,
        output=info[1:] == ["output"],
        code=code,
        line=line,
        runs=language in RUN and not _NOT_RUN.fullmatch(mark) and not installs,
        fails=mark == _FAILS,
    )
