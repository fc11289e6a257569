"""The libraries' own safe forms: which functions write and read which."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, get_args

from fairlead.runners.catboost import dump_catboost, load_catboost
from fairlead.runners.lightgbm import LightgbmModel, dump_lightgbm, load_lightgbm, of_booster
from fairlead.runners.river import RiverModel, dump_river, load_river
from fairlead.runners.xgboost import dump_xgboost, load_xgboost, of_all_trees
from fairlead.signature import Field

Library = Literal["xgboost", "lightgbm", "catboost", "river"]
LIBRARIES: tuple[Library, ...] = get_args(Library)
BOOSTERS: tuple[Library, ...] = ("xgboost", "lightgbm", "catboost")

SUFFIXES: dict[Library, str] = {
    "xgboost": "json",
    "lightgbm": "txt",
    "catboost": "cbm",
    "river": "msgpack",
}

_DUMPS: dict[Library, Callable[[Any], bytes]] = {
    "xgboost": dump_xgboost,
    "lightgbm": dump_lightgbm,
    "catboost": dump_catboost,
    "river": dump_river,
}
_LOADS: dict[Library, Callable[[bytes, Sequence[Field]], Any]] = {
    "xgboost": load_xgboost,
    "lightgbm": load_lightgbm,
    "catboost": load_catboost,
    "river": load_river,
}


def library_of(model: object) -> Library | None:
    """The library with a form of its own that a model is of, without its pipeline; else None."""
    if isinstance(model, LightgbmModel):
        return "lightgbm"
    if isinstance(model, RiverModel):
        return "river"
    top = type(model).__module__.partition(".")[0]
    return next((library for library in LIBRARIES if library == top), None)


def as_model(model: Any) -> Any:
    """A raw booster behind scikit-learn's interface; any other model itself.

    Args:
        model: one that answers as its `predict` does, with all trees; where its objective tells
            classes apart, it is asked for labels, too, which are numbers from 0.
    """
    if type(model).__name__ != "Booster":
        return model
    match library_of(model):
        case "xgboost":
            return of_all_trees(model)
        case "lightgbm":
            return of_booster(model)
        case _:
            return model


def dump_own(library: Library, model: Any) -> bytes:
    """A model in its library's own form."""
    return _DUMPS[library](model)


def load_own(library: Library, raw: bytes, outputs: Sequence[Field]) -> Any:
    """Load a model behind scikit-learn's interface.

    Args:
        library: whose form it is.
        raw: the form.
        outputs: the signature's: what it is asked.

    Raises:
        BundleError: it is damaged.
        ModelError: the library is not installed.
    """
    return _LOADS[library](raw, outputs)
