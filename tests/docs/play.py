"""Runs the blocks of pages in order, each page in a fork of this process; started by the tests.

A page comes as JSON, one a line, on standard input; what its status was goes to standard output.
Python blocks share one module, as cells of a notebook do. What each block prints goes to the file
`printed` of the page, as one JSON text a line. The libraries that most pages need are imported
once, before: each page then has them at once, and nothing of another page.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import traceback
import types
from pathlib import Path
from typing import Any


def main() -> int:
    """Play every page that comes; gives a status, in a fork that of its page."""
    _warm()
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            return _played(json.loads(line))
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
    return 0


def _warm() -> None:
    """Import what has no threads of its own, but for those of OpenBLAS, which minds forks."""
    import pandas as pd  # noqa: F401
    import skl2onnx  # noqa: F401
    import sklearn.compose
    import sklearn.ensemble
    import sklearn.pipeline  # noqa: F401

    import fairlead.app.public  # noqa: F401
    from fairlead.runners.sklearn import import_skops

    import_skops()


def _played(page: dict[str, Any]) -> int:
    """Be the process of one page; gives its status."""
    folder = Path(page["folder"])
    for stream, name in ((1, "printed"), (2, "errors")):
        os.dup2(os.open(folder.parent / name, os.O_WRONLY | os.O_CREAT), stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.chdir(folder)
    os.environ.clear()
    os.environ |= page["environment"]
    tempfile.tempdir = None
    try:
        return _play(page["name"], page["blocks"])
    except BaseException:
        traceback.print_exc()
        return 1


def _play(page: str, blocks: list[dict[str, Any]]) -> int:
    """Run all blocks; the status is 1 if one did not end as it should."""
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
