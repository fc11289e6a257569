"""Runs a CatBoost model itself, from CatBoost's own binary form, which CatBoost verifies."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fairlead.errors import BundleError
from fairlead.runners.extras import not_installed
from fairlead.signature import Field

MAGIC, SIZE_BYTES = b"CBM1", 4


def dump_catboost(model: Any) -> bytes:
    """A model in CatBoost's binary form."""
    return dump_as(model, "cbm")


def dump_as(model: Any, form: str) -> bytes:
    """A model in one of the forms that CatBoost writes to files."""
    with tempfile.TemporaryDirectory(prefix="fairlead-") as folder:
        path = Path(folder) / f"model.{form}"
        model.save_model(str(path), format=form)
        return path.read_bytes()


def load_catboost(raw: bytes, outputs: Sequence[Field]) -> Any:
    """Load a model.

    Args:
        raw: in CatBoost's binary form.
        outputs: the signature's; a label is a classifier's.

    Raises:
        BundleError: it is damaged.
        ModelError: CatBoost is not installed.
    """
    try:
        import catboost
    except ModuleNotFoundError:
        raise not_installed("catboost") from None
    try:
        _check_whole(raw)
        model = catboost.CatBoostClassifier()
        model.load_model(blob=raw)
        if any(field.name == "label" for field in outputs):
            return model
        # A regressor answers through the link of the loss that it was told of, not of its own.
        regressor = catboost.CatBoostRegressor(
            loss_function=model.get_all_params()["loss_function"]
        )
        regressor.load_model(blob=raw)
    except (ValueError, KeyError, catboost.CatBoostError) as error:
        raise BundleError(f"The CatBoost model cannot be read ({type(error).__name__}).") from None
    return regressor


def _check_whole(raw: bytes) -> None:
    """Check that the trees are there to the last byte, which CatBoost does not.

    Raises:
        ValueError: they are not.
    """
    if raw[: len(MAGIC)] != MAGIC:
        raise ValueError("no model of CatBoost")
    start = len(MAGIC) + SIZE_BYTES
    if len(raw) < start + int.from_bytes(raw[len(MAGIC) : start], "little"):
        raise ValueError("the model is cut")
