"""The runtime that exported pages run on, which the project does not carry."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairlead.errors import ConfigError
from fairlead.export.browser import find_runtime
from fairlead.export.browser.runtime import runtime_folder


def web_runtime() -> Path:
    """The folder of the user's cache that it lies in; skips, with the reason, if it is not there.

    Nothing is fetched by tests: `fairlead export --fetch-runtime` does that, before.
    """
    try:
        find_runtime()
    except ConfigError as error:
        pytest.skip(f"{error.message} {error.hint}")
    return runtime_folder()
