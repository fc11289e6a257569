"""The process that plays pages, and what it says of each."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any


class Player:
    """Plays pages, one after the other.

    Args:
        environment: of the process; each page brings its own.
    """

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self._process = self._started()

    def _started(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("play.py"))],
            env=self._environment, start_new_session=True, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def play(self, page: dict[str, Any], limit_s: float) -> int:
        """Play a page to its end; gives the status of its process.

        Raises:
            TimeoutError: it took too long, and was ended.
        """
        asked, told = self._process.stdin, self._process.stdout
        assert asked is not None
        assert told is not None
        asked.write(json.dumps(page) + "\n")
        asked.flush()
        if not select.select([told], [], [], limit_s)[0]:
            os.killpg(self._process.pid, signal.SIGKILL)
            self.close()
            self._process = self._started()
            raise TimeoutError(f"{page['name']} is not done after {limit_s} s.")
        return int(told.readline())

    def close(self) -> None:
        """End the process."""
        self._process.communicate()
