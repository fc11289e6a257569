"""Runs a LightGBM model itself, from LightGBM's own text: numbers and names, no code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fairlead.errors import BundleError
from fairlead.runners.extras import not_installed
from fairlead.runners.nodes import check_nodes
from fairlead.signature import Field

Array = npt.NDArray[Any]
Section = dict[str, str]

CLASSIFIES = ("binary", "multiclass", "multiclassova")
CATEGORICAL = 1  # the bit of a split's type
OF_LEAVES = ("leaf_value", "leaf_weight", "leaf_count")
OF_SPLITS = (
    "split_feature", "split_gain", "threshold", "decision_type", "left_child", "right_child",
    "internal_value", "internal_weight", "internal_count",
)  # fmt: skip


class LightgbmModel:
    """A booster behind scikit-learn's interface, of which LightGBM's text holds nothing.

    Args:
        booster: trained.
        classes: that it chooses from, in order; None if it does not classify.
    """

    def __init__(self, booster: Any, classes: Array | None) -> None:
        self.booster_ = booster
        self.n_features_in_: int = booster.num_feature()
        self.classes_ = classes

    def predict(self, rows: Any) -> Array:
        """Values (rows,), or the first of the most probable classes."""
        if self.classes_ is None:
            values: Array = self.booster_.predict(rows, num_threads=1)
            return values
        chosen: Array = self.classes_[self.predict_proba(rows).argmax(axis=1)]
        return chosen

    def predict_proba(self, rows: Any) -> Array:
        """Probabilities (rows, classes)."""
        shares: Array = self.booster_.predict(rows, num_threads=1)
        return np.column_stack((1.0 - shares, shares)) if shares.ndim == 1 else shares

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn asks to tell classifiers from regressors."""
        from sklearn.utils import Tags, TargetTags

        kind = "regressor" if self.classes_ is None else "classifier"
        return Tags(estimator_type=kind, target_tags=TargetTags(required=True))


def of_booster(booster: Any) -> LightgbmModel:
    """A model that answers as `Booster.predict` does; its classes are numbers from 0."""
    header, _ = read_text(booster.model_to_string().encode())
    if header.get("objective", "").split(" ")[0] not in CLASSIFIES:
        return LightgbmModel(booster, None)
    return LightgbmModel(booster, np.arange(max(2, int(header["num_class"]))))


def dump_lightgbm(model: Any) -> bytes:
    """A model as LightGBM's text, up to its best iteration."""
    raw: bytes = model.booster_.model_to_string().encode()
    return raw


def load_lightgbm(raw: bytes, outputs: Sequence[Field]) -> LightgbmModel:
    """Load a model.

    Args:
        raw: LightGBM's text.
        outputs: the signature's; the categories of a label are the classes.

    Raises:
        BundleError: it is damaged.
        ModelError: LightGBM is not installed.
    """
    lightgbm = _library()
    try:
        read_text(raw)
        booster = lightgbm.Booster(model_str=raw.decode())
    except (ValueError, KeyError, lightgbm.basic.LightGBMError) as error:
        raise BundleError(f"The LightGBM model cannot be read ({type(error).__name__}).") from None
    labels = [field for field in outputs if field.name == "label"]
    if not labels:
        return LightgbmModel(booster, None)
    classes = np.empty(len(labels[0].categories or ()), dtype=object)
    classes[:] = labels[0].categories
    return LightgbmModel(booster, classes)


def read_text(raw: bytes) -> tuple[Section, list[Section]]:
    """What LightGBM's text says: of all, and of each tree, each checked.

    Raises:
        ValueError, KeyError: it is damaged.
    """
    text, _, rest = raw.partition(b"\nend of trees\n")
    *_, last = rest.rpartition(b"\nend of parameters\n")
    if not last.strip().startswith(b"pandas_categorical:"):
        raise ValueError("the text has no end")
    head, *parts = text.split(b"\nTree=")
    header, trees = _section(head), [_section(part) for part in parts]
    sizes = [len(b"Tree=" + part) + 1 for part in parts]
    if [int(size) for size in header["tree_sizes"].split()] != sizes:
        raise ValueError("the trees are of other sizes")
    for tree in trees:
        _check(tree, int(header["max_feature_idx"]) + 1)
    return header, trees


def numbers(tree: Section, name: str, dtype: Any = np.float64) -> Array:
    """The values of one line."""
    return np.array(tree[name].split(), dtype=dtype)


def children(tree: Section) -> tuple[Array, Array]:
    """Left and right child of each node, splits first and then leaves, which have -1."""
    splits = int(tree["num_leaves"]) - 1
    ends = np.full(splits + 1, -1)
    if not splits:
        return ends, ends
    sides = (numbers(tree, name, np.int64) for name in ("left_child", "right_child"))
    left, right = (np.where(side < 0, splits - 1 - side, side) for side in sides)
    return np.concatenate([left, ends]), np.concatenate([right, ends])


def _section(raw: bytes) -> Section:
    lines = (line.partition("=") for line in raw.decode().splitlines())
    return {name: value for name, _, value in lines}


def _check(tree: Section, features: int) -> None:
    """Check that a tree's lines fit each other.

    Raises:
        ValueError, KeyError: they do not.
    """
    leaves, sets = int(tree["num_leaves"]), int(tree["num_cat"])
    splits = leaves - 1
    if not splits:
        _check_length(tree, ("leaf_value",), 1)
        return
    _check_length(tree, OF_LEAVES, leaves)
    _check_length(tree, OF_SPLITS, splits)
    feature = np.append(numbers(tree, "split_feature", np.int64), np.zeros(leaves, np.int64))
    check_nodes(*children(tree), feature, features)
    chosen = numbers(tree, "decision_type", np.int64) & CATEGORICAL > 0
    _check_sets(tree, sets, numbers(tree, "threshold")[chosen])


def _check_length(tree: Section, names: Sequence[str], length: int) -> None:
    for name in names:
        if len(numbers(tree, name)) != length:
            raise ValueError(f"the line {name} of a tree is of another length")


def _check_sets(tree: Section, sets: int, chosen: Array) -> None:
    """Check that the sets of categories are there that splits choose from."""
    if bool(((chosen < 0) | (chosen >= sets)).any()):
        raise ValueError("a split of a tree has no set of categories")
    if not sets:
        return
    bounds = numbers(tree, "cat_boundaries", np.int64)
    _check_length(tree, ("cat_boundaries",), sets + 1)
    _check_length(tree, ("cat_threshold",), bounds[-1])
    if bounds[0] != 0 or bool((np.diff(bounds) < 0).any()):
        raise ValueError("the sets of categories of a tree are not in order")


def _library() -> Any:
    try:
        import lightgbm
    except ModuleNotFoundError:
        raise not_installed("lightgbm") from None
    return lightgbm
