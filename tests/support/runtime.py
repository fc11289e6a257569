"""The runtime that exported pages run on, which the project does not carry."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fairlead.errors import FairleadError
from fairlead.export.browser import fetch_runtime


def web_runtime() -> Path:
    """The folder that it lies in: in the user's cache, into which it is fetched once.

    Skips, with the reason, where the npm registry does not give it.
    """
    try:
        return fetch_runtime(os.environ.get("NPM_CONFIG_REGISTRY"))
    except FairleadError as error:
        pytest.skip(f"the runtime of browsers is not here: {error.message}")
