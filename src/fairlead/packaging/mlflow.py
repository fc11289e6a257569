"""Taking the model out of a folder that MLflow wrote, without MLflow."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from fairlead.errors import BundleError, ExportError
from fairlead.packaging.export.onnx_file import load_onnx
from fairlead.runners.sklearn import load_skops

ENTRY = "MLmodel"
ENTRY_BYTES_MAX = 1 << 20
PAYLOAD_BYTES_MAX = 1 << 30
XGBOOST_CLASSES = frozenset(
    {"XGBClassifier", "XGBModel", "XGBRFClassifier", "XGBRFRegressor", "XGBRanker", "XGBRegressor"}
)

Config = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Opened:
    """What was in a folder.

    Args:
        model: an `onnx.ModelProto`, a fitted estimator, a booster or a torch module.
        notes: what a reader should know of where it comes from.
    """

    model: object
    notes: tuple[str, ...] = ()


def is_mlflow(folder: Path) -> bool:
    """Whether a folder is one that MLflow wrote a model to."""
    return (folder / ENTRY).is_file()


def open_mlflow(folder: Path, *, allow_pickle: bool) -> Opened:
    """Open the model in a folder, by the first of its flavors that Fairlead knows.

    What `MLmodel` says of types to trust, code to import and the signature is not used.

    Args:
        folder: with a file `MLmodel`.
        allow_pickle: whether a pickle may be loaded.

    Raises:
        ExportError: it has no such flavor, a file it names is missing, a link or elsewhere, or
            does not load, or is a pickle and that is not allowed.
    """
    flavors = _flavors(folder)
    for name, read in READERS.items():
        if name in flavors:
            payload = read(folder, flavors[name], allow_pickle)
            kind = ", a pickle" if payload.pickle else ""
            return Opened(payload.model, (f"From an MLflow model of flavor {name}{kind}.",))
    raise ExportError(
        f"{folder} has no flavor that is read here, only {', '.join(sorted(flavors)) or 'none'}.",
        hint=f"Log the model itself, with one of the flavors {', '.join(READERS)}.",
    )


@dataclass(frozen=True, slots=True)
class _Payload:
    model: object
    pickle: bool = False


def _flavors(folder: Path) -> dict[str, Config]:
    """What `MLmodel` says of each flavor."""
    entry = _inside(folder, ENTRY)
    try:
        import yaml
    except ModuleNotFoundError:
        raise _missing("PyYAML", "mlflow") from None
    if entry.stat().st_size > ENTRY_BYTES_MAX:
        raise ExportError(f"{entry} is larger than {ENTRY_BYTES_MAX >> 20} MiB.")
    try:
        content = yaml.safe_load(entry.read_bytes())
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ExportError(f"{entry} is no valid YAML ({type(error).__name__}).") from None
    flavors = content.get("flavors") if isinstance(content, dict) else None
    if not isinstance(flavors, dict) or not all(isinstance(c, dict) for c in flavors.values()):
        raise ExportError(f"{entry} names no flavors.", hint="Give a folder that MLflow wrote.")
    return {str(name): config for name, config in flavors.items()}


def _inside(folder: Path, name: object) -> Path:
    """A plain file of the folder, by the name that `MLmodel` has for it."""
    pure = PurePosixPath(name) if isinstance(name, str) and name else PurePosixPath("/")
    if pure.is_absolute() or ".." in pure.parts or "\\" in str(pure) or "\0" in str(pure):
        raise ExportError(
            f"{folder / ENTRY} names a file that is not in its folder.",
            hint="Give a folder that MLflow wrote.",
        )
    path = folder
    for part in pure.parts:
        path = path / part
        if path.is_symlink():
            raise ExportError(f"{path} is a link.", hint="Copy what it points to.")
    if not path.is_file():
        raise ExportError(f"{path}, which {ENTRY} names, is no file.")
    if path.stat().st_size > PAYLOAD_BYTES_MAX:
        raise ExportError(f"{path} is larger than {PAYLOAD_BYTES_MAX >> 20} MiB.")
    return path


def _onnx(folder: Path, config: Config, _: bool) -> _Payload:
    path = _inside(folder, config.get("data"))
    return _Payload(load_onnx(path, lambda name: _inside(path.parent, name)))


def _sklearn(folder: Path, config: Config, allow_pickle: bool) -> _Payload:
    path = _inside(folder, config.get("pickled_model"))
    return _estimator(path, config, allow_pickle)


def _estimator(path: Path, config: Config, allow_pickle: bool) -> _Payload:
    """An estimator of scikit-learn or after its fashion."""
    if config.get("serialization_format") == "skops":
        try:
            return _Payload(load_skops(path.read_bytes()))
        except BundleError as error:
            raise ExportError(f"{path}: {error.message}", hint=error.hint) from None
    _check_pickle(path, allow_pickle)
    return _Payload(_loaded(path, lambda: pickle.loads(path.read_bytes())), pickle=True)  # noqa: S301  # allowed


def _xgboost(folder: Path, config: Config, _: bool) -> _Payload:
    path = _inside(folder, config.get("data"))
    named = str(config.get("model_class", "Booster")).rpartition(".")[2]
    try:
        import xgboost
    except ModuleNotFoundError:
        raise _missing("xgboost", "xgboost") from None
    made = getattr(xgboost, named)() if named in XGBOOST_CLASSES else xgboost.Booster()
    _loaded(path, lambda: made.load_model(path))
    return _Payload(made)


def _lightgbm(folder: Path, config: Config, allow_pickle: bool) -> _Payload:
    path = _inside(folder, config.get("data"))
    try:
        import lightgbm
    except ModuleNotFoundError:
        raise _missing("lightgbm", "lightgbm") from None
    named = str(config.get("model_class", "Booster")).rpartition(".")[2]
    if named == "Booster":
        return _Payload(_loaded(path, lambda: lightgbm.Booster(model_file=path)))
    return _estimator(path, config, allow_pickle)


def _pytorch(folder: Path, config: Config, allow_pickle: bool) -> _Payload:
    """A pickled module, or a program of torch.export, which torch loads as a pickle, too."""
    name = str(config.get("model_data", "data"))
    program = (folder / name / "model.pt2").exists()
    path = _inside(folder, f"{name}/model.{'pt2' if program else 'pth'}")
    _check_pickle(path, allow_pickle)
    try:
        import torch
    except ModuleNotFoundError:
        raise _missing("torch", "torch") from None
    if program:
        return _Payload(_loaded(path, lambda: torch.export.load(path).module()), pickle=True)
    return _Payload(
        _loaded(path, lambda: torch.load(path, map_location="cpu", weights_only=False)),
        pickle=True,
    )


READERS: dict[str, Callable[[Path, Config, bool], _Payload]] = {
    "onnx": _onnx,
    "sklearn": _sklearn,
    "xgboost": _xgboost,
    "lightgbm": _lightgbm,
    "pytorch": _pytorch,
}
"""By flavor, in the order of preference."""


def _check_pickle(path: Path, allow_pickle: bool) -> None:
    if not allow_pickle:
        raise ExportError(
            f"{path} is a pickle: loading it runs whatever code is in it.",
            hint="If you trust where it came from, say --allow-pickle.",
        )


def _loaded(path: Path, load: Callable[[], Any]) -> Any:
    try:
        return load()
    except Exception as error:  # whatever a library or a pickle raises
        raise ExportError(
            f"{path} does not load: {type(error).__name__}: {str(error)[:200]}",
            hint="Install the packages that it was made with.",
        ) from None


def _missing(package: str, extra: str) -> ExportError:
    return ExportError(
        f"Reading this MLflow model needs {package}, which is not installed.",
        hint=f"pip install 'fairlead[{extra}]'",
    )
