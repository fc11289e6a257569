"""From a package to a version that answers."""

from __future__ import annotations

from pathlib import Path

from fairlead.clock import Clock, SystemClock
from fairlead.device.keeper import Place
from fairlead.device.model import DeviceModel
from fairlead.device.package import Package
from fairlead.errors import ConfigError

LIMIT_MB, LIMIT_MB_MIN = 64, 1


def load(
    path: Path | str | None = None,
    *,
    state: Path | str | None = None,
    keep: bool = True,
    limit_mb: int = LIMIT_MB,
    disk: bool = False,
    clock: Clock | None = None,
) -> DeviceModel:
    """Load the version in a package, ready to answer.

    The bundle's signature, and the digest of every file that is used, are verified; the model is
    proven by its receipt. Rows and their answers are kept in a folder that one process at a time
    writes to.

    Args:
        path: of the package; the one that this code was imported from, if not given.
        state: the folder; named after the package and beside it, if not given.
        keep: whether rows are kept at all.
        limit_mb: of the folder, in millions of bytes; what is oldest goes first.
        disk: whether each row is to survive a power cut, not the death of the process alone.
        clock: for times and ids; the machine's, if not given.

    Raises:
        BundleError: the package is damaged or forged.
        ReceiptError: the model answers here otherwise than where it was packaged.
        ConflictError: another process keeps rows in that folder.
        ConfigError: there is no package, or the limit is too small.
    """
    given = own_package() if path is None else Path(path)
    if limit_mb < LIMIT_MB_MIN:
        raise ConfigError(f"The limit of the state must be {LIMIT_MB_MIN} MB or more.")
    folder = state_folder(given) if state is None else Path(state)
    place = Place(folder, limit_mb * 1_000_000, disk) if keep else None
    return DeviceModel(Package(given), place, clock or SystemClock())


def own_package() -> Path:
    """The package that this code was imported from.

    Raises:
        ConfigError: it was imported from elsewhere.
    """
    archive = getattr(getattr(__spec__, "loader", None), "archive", None)
    if archive is None:
        raise ConfigError(
            "This code was not imported from a package.", hint="Say which: load('churn.pyz')."
        )
    return Path(archive)


def state_folder(package: Path) -> Path:
    """Where rows are kept unless it is said: beside the package.

    Example:
        >>> state_folder(Path("models/churn.pyz")).name
        'churn-state'
    """
    return package.absolute().with_name(f"{package.stem}-state")
