"""A user's function fits its model on a Ray cluster: rows go there, the model comes back.

The model comes as Ray carries it, which is a pickle: of a cluster of one's own, as its code is.
"""

from __future__ import annotations

import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairlead.app.progress import PACE_S, progress
from fairlead.app.updating.train import Fitted
from fairlead.batch.connect import connect
from fairlead.errors import ConfigError, FairleadError, ModelError
from fairlead.logs import relay
from fairlead.updates.types import UpdateSpec

if TYPE_CHECKING:
    import polars as pl

CPUS = 0.9
"""Where all cores are taken whole, nothing else of Ray finds room."""
SAME = ("fairlead", "numpy", "polars")
"""Libraries that what goes there and what comes back are of."""
SOURCES_MAX = 1000
Files = dict[str, bytes]


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong on a node.

    Args:
        error: as it is raised.
        told: where it came from. It comes with the error, as what a node prints may come when
            nobody listens any more.
    """

    error: FairleadError | MemoryError
    told: str


def fit_on_ray(spec: UpdateSpec, data: pl.DataFrame, previous: Any) -> Fitted:
    """Let a function fit a model on a node of a cluster.

    What it prints is printed here, and what it says of its progress is said here. It is cancelled
    when this process ends.

    Args:
        spec: of the update.
        data: rows to learn from.
        previous: what training goes on from; None to begin anew.

    Raises:
        FairleadError: as of `train.fit`; or there is no cluster, or its process died.
        MemoryError: there was not enough.
    """
    files = dict(_sources(Path(spec.folder)))
    versions = {name: metadata.version(name) for name in SAME}
    with ExitStack() as end:
        ray = connect(spec.ray_address, end, cores=0, prints=True)
        options: dict[str, Any] = {"num_cpus": CPUS, "max_retries": 0, "max_calls": 1}
        if spec.limits.memory_bytes and spec.ray_address:
            options["memory"] = spec.limits.memory_bytes  # on a node that has it
        task = ray.remote(**options)(_task())
        given = ray.put((files, data.to_arrow(), previous))
        asked = (spec.train, dict(spec.params), spec.limits.memory_bytes)
        listener = ray.remote(num_cpus=0)(_listener()).remote()
        making = task.remote(versions, given, listener, *asked)
        try:
            while not ray.wait([making], timeout=PACE_S)[0]:
                _pass_on(ray, listener)
            made = ray.get(making)
        except ray.exceptions.RayError as error:
            raise ModelError(
                f"Ray did not run '{spec.train}' to its end ({type(error).__name__}).",
                hint="See whether its nodes live and have memory.",
            ) from error
    if isinstance(made, str):
        raise ConfigError(made, hint="Install the same on all nodes: pip install 'fairlead[ray]'.")
    if isinstance(made, Failure):
        relay(made.told)
        raise made.error
    return Fitted(*made)


def _pass_on(ray: Any, listener: Any) -> None:
    """Say here how far the function is; where nothing can be heard of it, it goes on."""
    with suppress(ray.exceptions.RayError):
        share = ray.get(listener.last.remote(), timeout=PACE_S)
        if share is not None:
            progress(share)


def _listener() -> type:
    """What hears on the cluster how far the function is; it goes there whole."""

    class Listener:
        def __init__(self) -> None:
            self._last: float | None = None

        def hear(self, share: float) -> None:
            self._last = share

        def last(self) -> float | None:
            return self._last

    return Listener


def _task() -> Any:
    """What runs there; it goes there whole, so that it can tell what is not there."""

    def train(
        versions: dict[str, str], given: tuple[Files, Any, Any], listener: Any, name: str,
        params: dict[str, Any], memory_bytes: int,
    ) -> Any:  # fmt: skip
        from importlib import metadata

        for library, wanted in versions.items():
            try:
                found = metadata.version(library)
            except metadata.PackageNotFoundError:
                found = "none"
            if found != wanted:
                return f"A node of the Ray cluster has {library} {found} instead of {wanted}."
        from fairlead.app.updating.ray import fit_there

        return fit_there(given, name, params, memory_bytes, listener.hear.remote)

    return train


def fit_there(
    given: tuple[Files, Any, Any], name: str, params: dict[str, Any], memory_bytes: int,
    hear: Callable[[float], object],
) -> Any:  # fmt: skip
    """On a node: what `Fitted` is made of, or what went wrong.

    Args:
        given: sources of the folder, by name; rows; what training goes on from.
        name: of the module and the function.
        params: of the function.
        memory_bytes: that it may take; 0 for all there is.
        hear: is told how far it is.
    """
    import polars as pl

    from fairlead.app.progress import heard
    from fairlead.app.updating.memory import limit_memory
    from fairlead.app.updating.train import fit

    files, table, previous = given
    if memory_bytes:
        limit_memory(memory_bytes)
    with tempfile.TemporaryDirectory(prefix="fairlead-train-") as folder:
        for path, raw in files.items():
            file = Path(folder) / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(raw)
        data = pl.DataFrame(pl.from_arrow(table))
        told: list[str] = []

        def keep(_: str, error: BaseException) -> None:
            told.extend(traceback.format_exception(error))

        try:
            with heard(hear):
                fitted = fit(folder, name, data, previous, params, keep)
        except (FairleadError, MemoryError) as error:
            return Failure(error, "".join(told))
        return fitted.model, fitted.rows, fitted.code, fitted.train_us


def _sources(folder: Path) -> Iterator[tuple[str, bytes]]:
    """The modules beside the settings, and the packages there, by their place.

    Raises:
        ConfigError: there are too many to be some.
    """
    packages = [init.parent for init in folder.glob("*/__init__.py")]
    found = [*folder.glob("*.py"), *(path for each in packages for path in each.rglob("*.py"))]
    if len(found) > SOURCES_MAX:
        raise ConfigError(
            f"There are {len(found):,} files of Python beside fairlead.toml, of which Ray would "
            f"get all; {SOURCES_MAX:,} is the most.",
            hint="Install what is a library, and keep beside it what the function needs.",
        )
    for path in found:
        yield path.relative_to(folder).as_posix(), path.read_bytes()
