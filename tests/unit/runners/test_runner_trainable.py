"""What training goes on from is loaded as the library has it, and nothing else is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fairlead.bundle import Bundle, KeyRing
from fairlead.clock import ManualClock
from fairlead.errors import BundleError
from fairlead.packaging import make_bundle
from fairlead.runners.trainable import load_trainable

X = np.random.default_rng(1).normal(size=(120, 2))
Y = (X[:, 0] > 0).astype(int)


def loaded(model: Any, folder: Path, rows: Any = X) -> Any:
    with make_bundle(
        model, rows, name="m", keys=KeyRing(folder / "keys"), clock=ManualClock(), folder=folder,
        fields={},
    ) as bundle:  # fmt: skip
        return load_trainable(bundle)


def test_xgboost_grows_further_trees(tmp_path: Path) -> None:
    xgboost = pytest.importorskip("xgboost")
    previous = loaded(xgboost.XGBClassifier(n_estimators=3, max_depth=2).fit(X, Y), tmp_path)
    further = xgboost.XGBClassifier(n_estimators=2, max_depth=2).fit(X, Y, xgb_model=previous)
    assert further.get_booster().num_boosted_rounds() == 5


def test_lightgbm_grows_further_trees(tmp_path: Path) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    first = lightgbm.LGBMClassifier(n_estimators=3, verbose=-1).fit(X, Y)
    previous = loaded(first, tmp_path)
    further = lightgbm.LGBMClassifier(n_estimators=2, verbose=-1)
    further.fit(X, Y, init_model=previous.booster_)
    assert further.booster_.current_iteration() == 5


def test_torch_gives_weights(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    module = torch.nn.Linear(2, 1)
    weights = loaded(module, tmp_path, X.astype(np.float32))
    assert {name: tuple(value.shape) for name, value in weights.items()} == {
        "weight": (1, 2), "bias": (1,),
    }  # fmt: skip
    torch.nn.Linear(2, 1).load_state_dict(weights)


def test_a_bundle_without_such_a_form_gives_nothing(tmp_path: Path) -> None:
    from sklearn.linear_model import LinearRegression

    with make_bundle(
        LinearRegression().fit(X, Y), X, name="m", keys=KeyRing(tmp_path / "keys"),
        clock=ManualClock(), folder=tmp_path, fields={},
    ) as bundle:  # fmt: skip
        assert load_trainable(bundle).coef_.shape == (2,)
        import msgspec

        info = msgspec.structs.replace(bundle.info, trainable=None)
        assert load_trainable(Bundle(bundle.path, bundle.digest, info, bundle.signer)) is None
        assert bundle.info.trainable is not None
        (bundle.path / bundle.info.trainable.path).write_bytes(b"no model")
        with pytest.raises(BundleError):
            load_trainable(bundle)
