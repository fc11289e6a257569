"""Which types and functions a state of river may name, and how they are found again.

A name leads to a type that river itself defines in the packages below, to one of the functions that
its learners keep, or to a plain type of Python's. Of functions no others are found: river has such
as give any attribute of anything, and from there it is one step to all that Python can do.
Nothing is imported by a name that a file holds: only these packages are, and then it is looked up.
Left out are river's packages that read files or the network (`datasets`, `stream`, `compat`), and
those that run others' programs over a model (`evaluate`, `checks`, `bandit`).
"""

from __future__ import annotations

import collections
import copy
import importlib
import sys
from types import BuiltinFunctionType, FunctionType
from typing import Any

PACKAGES = (
    "active", "anomaly", "base", "cluster", "compose", "covariance", "drift", "dummy", "ensemble",
    "facto", "feature_extraction", "feature_selection", "forest", "imblearn", "linear_model",
    "metrics", "model_selection", "multiclass", "naive_bayes", "neighbors", "optim",
    "preprocessing", "proba", "rules", "sketch", "stats", "tree", "utils",
)  # fmt: skip
FUNCTIONS = frozenset({
    "river.ensemble.bagging:LeveragingBaggingClassifier._leveraging_bag",
    "river.ensemble.bagging:LeveragingBaggingClassifier._leveraging_bag_half",
    "river.ensemble.bagging:LeveragingBaggingClassifier._leveraging_bag_me",
    "river.ensemble.bagging:LeveragingBaggingClassifier._leveraging_bag_wt",
    "river.ensemble.bagging:LeveragingBaggingClassifier._leveraging_subag",
    "river.feature_extraction.kernel_approx:RBFSampler._random_weights",
    "river.feature_extraction.vectorize:find_all_ngrams",
    "river.feature_extraction.vectorize:find_ngrams",
    "river.feature_extraction.vectorize:remove_stop_words",
    "river.feature_extraction.vectorize:strip_accents_unicode",
    "river.feature_extraction.vectorize:tokenize_using_regex_pattern",
    "river.forest.online_extra_trees:ExtraTrees._detection_mode_all",
    "river.forest.online_extra_trees:ExtraTrees._detection_mode_drop",
    "river.forest.online_extra_trees:ExtraTrees._detection_mode_off",
    "river.linear_model.pa:BasePA._calc_tau_1",
    "river.linear_model.pa:BasePA._calc_tau_2",
    "river.naive_bayes.gaussian:GaussianNB._make_gaussian",
    "river.preprocessing.random_projection:GaussianRandomProjector._rand_gauss",
    "river.preprocessing.random_projection:SparseRandomProjector._rand_weights_for_feature",
    "river.preprocessing.scale_target:TargetMinMaxScaler._scale",
    "river.preprocessing.scale_target:TargetMinMaxScaler._unscale",
    "river.preprocessing.scale_target:TargetStandardScaler._scale",
    "river.preprocessing.scale_target:TargetStandardScaler._unscale",
    "river.tree.splitter.ebst_splitter:EBSTNode._update_estimator_multivariate",
    "river.tree.splitter.ebst_splitter:EBSTNode._update_estimator_univariate",
    "river.utils.math:_manhattan_distance",
    "river.utils.math:minkowski_distance",
})  # fmt: skip
"""What learners keep as a value, themselves or bound to an object: they count, and do no more."""

NATIVE = "river._river_rust"
"""Types that river has compiled: they read and write their state as bytes."""

_PLAIN: dict[str, Any] = {
    f"{kind.__module__}.{kind.__qualname__}": kind
    for kind in (
        bool, int, float, str, list, tuple, set, frozenset, dict, collections.Counter,
        collections.OrderedDict, collections.defaultdict, collections.deque,
    )
} | {"copy.deepcopy": copy.deepcopy, "str.lower": str.lower}  # fmt: skip
_NAMES = {id(thing): name for name, thing in _PLAIN.items()}


def name_of(thing: Any) -> str | None:
    """What a type or a function is found again by; None if it is not vetted."""
    plain = _NAMES.get(id(thing))
    if plain is not None:
        return plain
    name = f"{getattr(thing, '__module__', '')}:{getattr(thing, '__qualname__', '')}"
    try:
        return name if find(name) is thing else None
    except LookupError:
        return None


def find(name: str) -> Any:
    """The type or function of a name.

    Raises:
        LookupError: it is not vetted, or this version of river has no such one.
    """
    if name in _PLAIN:
        return _PLAIN[name]
    module, _, path = name.partition(":")
    package = module.split(".")[1:2]
    if not (module == NATIVE or module.startswith((f"{NATIVE}.", "river."))):
        raise LookupError(name)
    if package[0] == "_river_rust":
        importlib.import_module(NATIVE)
    elif package[0] in PACKAGES:
        importlib.import_module(f"river.{package[0]}")
    else:
        raise LookupError(name)
    found: Any = sys.modules.get(module)
    for part in path.split("."):
        found = None if found is None else vars(found).get(part)
        if isinstance(found, staticmethod):
            found = found.__func__
    is_own = isinstance(found, type) or name in FUNCTIONS or package[0] == "_river_rust"
    is_own = is_own and isinstance(found, type | FunctionType | BuiltinFunctionType)
    if not is_own or (found.__module__, found.__qualname__) != (module, path):
        raise LookupError(name)
    return found
