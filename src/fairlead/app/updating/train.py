"""A user's function is loaded, given the rows, and what it gives back is looked at."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairlead.app.own_code import code_digest, load_function
from fairlead.errors import ConfigError, ExportError, FairleadError, ModelError
from fairlead.logs import tell_error

if TYPE_CHECKING:
    import polars as pl

Params = Mapping[str, str | int | float | bool]
Tell = Callable[[str, BaseException], None]


@dataclass(frozen=True, slots=True)
class Fitted:
    """What a function made.

    Args:
        model: fitted.
        rows: in the form that it takes, if the function gave them; None otherwise.
        code: digest of the function's source.
        train_us: how long it took, microseconds.
    """

    model: Any
    rows: Any
    code: str
    train_us: int


def fit(
    folder: str, name: str, data: pl.DataFrame, previous: Any, params: Params,
    tell: Tell = tell_error,
) -> Fitted:  # fmt: skip
    """Load a function and let it fit a model.

    What it prints and what it fails with goes to standard error, and nowhere else.

    Args:
        folder: of the file that it is in.
        name: of the module and the function: `churn_model:train`.
        data: rows to learn from.
        previous: what training goes on from; None to begin anew.
        params: its own.
        tell: tells what it fails with.

    Raises:
        ConfigError: it cannot be loaded.
        ModelError: it failed.
        ExportError: it gave back no model.
        MemoryError: there was not enough.
    """
    function = _loaded(folder, name, tell)
    begun = time.monotonic()
    try:
        made = function(data, previous, dict(params))
    except MemoryError:
        raise
    except BaseException as error:  # of someone else's code: anything, an exit among it
        tell("training_failed", error)
        what = "ended its process" if isinstance(error, SystemExit) else _failed(error, folder)
        raise ModelError(f"'{name}' {what}.", hint="Its log says more.") from None
    train_us = int((time.monotonic() - begun) * 1e6)
    model, rows = made if isinstance(made, tuple) and len(made) == 2 else (made, None)
    if model is None or isinstance(model, str | bytes | Path):
        raise ExportError(
            f"'{name}' gave back no model but {type(model).__name__}.",
            hint="Let it return the fitted model, or the model and rows as it takes them.",
        )
    return Fitted(model, rows, code_digest(folder), train_us)


def _loaded(folder: str, name: str, tell: Tell) -> Callable[..., Any]:
    file = f"{name.partition(':')[0]}.py"
    try:
        return load_function(folder, name)
    except FairleadError as error:
        raise ConfigError(f"'{name}' cannot be used: {str(error).rstrip('.')}.") from None
    except ModuleNotFoundError as error:
        tell("training_failed", error)
        raise ConfigError(
            f"'{name}' cannot be used: it needs the module '{error.name}', which is not there.",
            hint="Install it where the platform runs, or put its file beside fairlead.toml.",
        ) from None
    except MemoryError:
        raise
    except BaseException as error:
        tell("training_failed", error)
        raise ConfigError(
            f"'{name}' cannot be used: '{file}' {_failed(error, folder)} when it was loaded.",
            hint="The log of the update says more.",
        ) from None


def _failed(error: BaseException, folder: str) -> str:
    """What was raised and where in the user's own files; its words may hold values of rows."""
    own = [
        f"{Path(frame.filename).name}:{frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).resolve().parent.is_relative_to(Path(folder).resolve())
    ]
    where = f" at {own[-1]}" if own else ""
    return f"failed with {type(error).__name__}{where}"
