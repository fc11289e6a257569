"""Runs the blocks of one page in order, in this process and folder; started by the tests.

The blocks come as JSON on standard input. Python blocks share one module, as cells of a notebook
do. What each block prints goes to standard output, as one JSON text a line.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import traceback
import types
from pathlib import Path
from typing import Any


def main() -> int:
    """Run all blocks; the status is 1 if one did not end as it should."""
    page, blocks = sys.argv[1], json.load(sys.stdin)
    sys.path[0] = str(Path.cwd())
    _move_ports()
    shared = sys.modules["__main__"] = types.ModuleType("__main__")
    for block in blocks:
        play = _python if block["language"] == "python" else _shell
        printed, failed = play(page, block, shared)
        print(json.dumps({"line": block["line"], "printed": printed}), flush=True)
        if failed != block["fails"]:
            verb = "did not fail" if block["fails"] else "failed"
            print(f"{page}:{block['line']}: the block {verb}.\n{printed}", file=sys.stderr)
            return 1
    return 0


def _move_ports() -> None:
    """Let `fairlead.serve` start a platform on free ports, as the shim does for commands."""
    from fairlead.app.public import serve

    port, control_port = map(int, os.environ["DOCS_PORTS"].split())
    defaults = serve.__kwdefaults__
    assert defaults is not None
    defaults.update(port=port, control_port=control_port)


def _python(page: str, block: dict[str, Any], shared: types.ModuleType) -> tuple[str, bool]:
    printed = io.StringIO()
    code = "\n" * (block["line"] - 1) + block["code"]  # tracebacks name the line of the page
    failed = False
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            exec(compile(code, page, "exec"), shared.__dict__)
        except Exception:
            traceback.print_exc()
            failed = True
    return printed.getvalue(), failed


def _shell(page: str, block: dict[str, Any], shared: types.ModuleType) -> tuple[str, bool]:
    finished = subprocess.run(
        ["bash", "-eu", "-c", block["code"]],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, check=False,
    )  # fmt: skip
    return finished.stdout, finished.returncode != 0


if __name__ == "__main__":
    sys.exit(main())
