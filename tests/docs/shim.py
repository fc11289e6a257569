"""Stands in for the `fairlead` command on pages: does not stay in front, takes free ports."""

from __future__ import annotations

import os
import sys

VALUED = ("--home",)


def main() -> None:
    """Become the real command, with `--detach`, `--once` and ports put in where a page has none."""
    given = sys.argv[1:]
    command = _command(given)
    if command in ("up", "demo") and not {"-h", "--help"} & set(given):
        ports = os.environ["DOCS_PORTS"].split()
        stay = "--detach" if command == "up" else "--once"
        for option, value in (("--port", ports[0]), ("--control-port", ports[1]), (stay, "")):
            if not any(argument.split("=")[0] == option for argument in given):
                given += [option, value] if value else [option]
    os.execv(sys.executable, [sys.executable, "-m", "fairlead", *given])


def _command(given: list[str]) -> str:
    """The first argument that is neither an option nor an option's value."""
    before = ["", *given]
    for last, argument in zip(before, given, strict=False):
        if not argument.startswith("-") and last not in VALUED:
            return argument
    return ""


if __name__ == "__main__":
    main()
