"""The process of one attempt at an update; it ends when the controller does.

Started as `python -m fairlead.app.updating.child SOCKET`.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from fairlead.app.attempt_child import Watch, attend
from fairlead.app.progress import heard
from fairlead.app.updating.memory import in_words, watch_memory
from fairlead.app.updating.ray import fit_on_ray
from fairlead.app.updating.run import Attempt
from fairlead.app.updating.start import AskedUpdate
from fairlead.app.updating.train import Fitted, fit
from fairlead.app.workspace import Workspace
from fairlead.errors import (
    BundleError,
    ConfigError,
    ExportError,
    FairleadError,
    InputError,
    NotFoundError,
    TooLargeError,
)
from fairlead.logs import tell_error
from fairlead.updates.types import Broken, Doing, Done, UpdateSpec

if TYPE_CHECKING:
    import polars as pl

LASTING = (BundleError, ConfigError, ExportError, InputError, NotFoundError, TooLargeError)
"""What another attempt would fail with as well."""
STDOUT, STDERR = 1, 2


def main() -> None:
    """Entry of the process."""
    os.dup2(STDERR, STDOUT)  # what the function prints goes to the log
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    attend("update", AskedUpdate, _do)


def _do(workspace: Workspace, asked: AskedUpdate, watch: Watch) -> Done | Broken:
    limit_bytes = asked.spec.limits.memory_bytes

    def end() -> None:
        watch.tell(_too_much(limit_bytes))
        watch.leave()

    def fit_here(data: pl.DataFrame, previous: Any) -> Fitted:
        with heard(lambda share: watch.tell(Doing("train", share))):
            return _fit(asked.spec, data, previous)

    if limit_bytes and asked.spec.engine == "local":  # or else where the function runs
        watch_memory(limit_bytes, end)
    try:
        return Done(Attempt(workspace, asked.spec, asked.update, fit_here, watch.tell).run())
    except MemoryError:
        return _too_much(limit_bytes)
    except FairleadError as error:
        return Broken(str(error), again=not isinstance(error, LASTING))
    except Exception as error:  # a fault of ours is told of as one
        tell_error("update_failed", error)
        return Broken(f"It failed with {type(error).__name__}; the log of the platform says where.")


def _fit(spec: UpdateSpec, data: pl.DataFrame, previous: Any) -> Fitted:
    if spec.engine == "ray":
        return fit_on_ray(spec, data, previous)
    return fit(spec.folder, spec.train, data, previous, spec.params)


def _too_much(limit_bytes: int) -> Broken:
    if not limit_bytes:
        return Broken("There was not enough memory for it.")
    most = in_words(limit_bytes)
    said = f"It took more memory than {most}, which 'limits.memory' of the update allows."
    return Broken(said, again=False)


if __name__ == "__main__":
    main()
