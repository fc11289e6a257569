"""What a model did not learn from is what it is measured on."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from fairlead.bundle import KeyRing
from fairlead.clock import ManualClock
from fairlead.packaging import make_bundle
from fairlead.profiles import REFERENCE, decode


def test_metrics_are_of_rows_held_out_and_the_profile_of_those_learnt_from(tmp_path: Path) -> None:
    from sklearn.tree import DecisionTreeClassifier

    X = pd.DataFrame({"x": [float(n) for n in range(40)]})
    y = [n % 2 for n in range(40)]  # which the tree learns by heart
    held = pd.DataFrame({"x": [n + 0.1 for n in range(20)], "beside": "it"})
    with make_bundle(
        DecisionTreeClassifier(random_state=1).fit(X, y), X, y, name="m",
        keys=KeyRing(tmp_path / "keys"), clock=ManualClock(), folder=tmp_path, fields={},
        held_out=(held, [0] * 10 + [n % 2 for n in range(10, 20)]),
    ) as bundle:  # fmt: skip
        assert bundle.info.metrics["accuracy"] == 0.75
        assert bundle.info.data is not None
        assert bundle.info.data.rows == 40
        assert decode((bundle.path / REFERENCE).read_bytes()).rows == 40
