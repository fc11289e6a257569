"""Reading a skops file loads what its model needs, and no library beside it."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

import pytest

RunPython = Callable[[str, str], str]
READ = """
import sys
from fairlead.runners.sklearn import import_skops, load_skops
raw = import_skops().dumps({"a": 1})
assert load_skops(raw) == {"a": 1}
print("torch" in sys.modules, [name for name, module in sys.modules.items() if module is None])
"""


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed")
def test_pytorch_is_not_loaded_and_stays_to_be_had(run_python: RunPython) -> None:
    import_torch = "import sklearn.externals.array_api_compat.torch as it; print(it.__name__)"
    loaded, name = run_python(READ + import_torch, "").splitlines()
    assert loaded == "False []"
    assert name == "sklearn.externals.array_api_compat.torch"
