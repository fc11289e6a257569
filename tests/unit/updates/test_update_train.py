"""A user's function: how it is found, what it may give back, and the form its model takes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from fairlead.app.own_code import code_digest
from fairlead.app.progress import heard, progress
from fairlead.app.updating.memory import in_words, session_bytes
from fairlead.app.updating.rows import find_form, spread
from fairlead.app.updating.train import fit
from fairlead.errors import ConfigError, ExportError, FairleadError, ModelError
from fairlead.signature import Field, Signature

DATA = pl.DataFrame({"x0": [0.0, 1.0, 2.0, 3.0], "label": [0, 0, 1, 1]})
FUNCTIONS = """
import sys
def exits(data, previous, params):
    sys.exit(3)
def nothing(data, previous, params):
    return None
def few(data):
    return 1
def lazy(data, previous, params):
    import lazily
    return lazily.MODEL, data
def starves(data, previous, params):
    raise MemoryError
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    (tmp_path / "functions.py").write_text(FUNCTIONS)
    (tmp_path / "lazily.py").write_text("MODEL = 1.0\n")
    (tmp_path / "needy.py").write_text("import no_such_library\n")
    (tmp_path / "broken.py").write_text("def train(:\n")
    (tmp_path / "faulty.py").write_text("\n1 / 0\n")
    return str(tmp_path)


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("functions:exits", ModelError, "'functions:exits' ended its process. Its log says more."),
        ("functions:nothing", ExportError, "gave back no model but NoneType. Let it return"),
        ("functions:few", ModelError, "'functions:few' failed with TypeError."),
        ("functions:absent", ConfigError, "'functions.py' has no function 'absent'."),
        ("absent:train", ConfigError, "there is no file 'absent.py' beside fairlead.toml."),
        ("needy:train", ConfigError, "needs the module 'no_such_library', which is not there."),
        ("broken:train", ConfigError, "'broken.py' failed with SyntaxError when it was loaded."),
        ("faulty:train", ConfigError, "failed with ZeroDivisionError at faulty.py:2 when"),
    ],
)
def test_what_is_wrong_with_a_function_is_named(
    folder: str, name: str, error: type[FairleadError], words: str
) -> None:
    with pytest.raises(error) as caught:
        fit(folder, name, DATA, None, {})
    assert words in str(caught.value)
    assert folder not in str(caught.value)


def test_memory_that_is_not_there_is_no_fault_of_the_model(folder: str) -> None:
    with pytest.raises(MemoryError):
        fit(folder, "functions:starves", DATA, None, {})


def test_the_code_is_that_of_all_modules_it_came_to_use(folder: str) -> None:
    fitted = fit(folder, "functions:lazy", DATA, None, {})
    assert fitted.model == 1.0
    assert fitted.rows.equals(DATA)
    assert fitted.code == code_digest(folder)
    (Path(folder) / "needy.py").write_text("unused = True\n")
    assert fitted.code == code_digest(folder)
    (Path(folder) / "lazily.py").write_text("MODEL = 2.0\n")
    assert fitted.code != code_digest(folder)


def test_progress_is_heard_within_bounds_and_not_too_often() -> None:
    told: list[float] = []
    progress(0.1)
    with heard(told.append):
        progress(7)
        progress(0.5)
    progress(0.9)
    assert told == [1.0]


def numbers(*names: str) -> Signature:
    return Signature(inputs=tuple(Field(name=name, kind="number") for name in names), outputs=())


def test_the_form_of_rows_is_the_one_that_the_model_answers() -> None:
    from sklearn.linear_model import LinearRegression

    X, y = DATA[["x0"]], DATA["label"].to_numpy()
    of_matrix = LinearRegression().fit(X.to_numpy(), y)
    assert find_form(of_matrix, "numpy", numbers("x0"), X) == "numpy"
    named = X.rename({"x0": "age"})  # callers know it by this name, which no matrix has
    assert find_form(of_matrix, "numpy", numbers("age"), named) == "pandas"
    of_frame = LinearRegression().fit(named.to_pandas(), y)
    assert find_form(of_frame, "numpy", numbers("age"), named) == "pandas"
    with pytest.raises(ExportError, match=r"does not answer the rows it was given \(NotFitted"):
        find_form(LinearRegression(), "numpy", numbers("x0"), X)


def test_rows_are_spread_over_all() -> None:
    frame = pl.DataFrame({"x": range(10)})
    assert spread(frame, 4)["x"].to_list() == [0, 3, 6, 9]
    assert spread(frame, 10).equals(frame)


def test_sizes() -> None:
    import os

    assert in_words(8 << 30) == "8 GiB"
    held = session_bytes(os.getsid(0), 0)
    assert 10 << 20 < held <= session_bytes(os.getsid(0), 1 << 60) < 1 << 40


def test_the_process_of_an_attempt_loads_nothing_of_the_control_planes_doors(
    run_python: Callable[[str, str], str],
) -> None:
    code = (
        "import sys, fairlead.app.updating.child\n"
        "print([name for name in ('fastapi', 'jinja2', 'plotly') if name in sys.modules])"
    )
    assert run_python(code, "") == "[]\n"
