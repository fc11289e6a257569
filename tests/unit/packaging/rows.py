"""Data and models that the tests of export share."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from fairlead.packaging.export import Exported, Reference, export
from fairlead.runners.onnx import OnnxRunner
from fairlead.signature import Batch, Signature, from_frame, infer_inputs


def reference(data: Any) -> Reference:
    signature = Signature(inputs=infer_inputs(data), outputs=())
    return Reference(data, from_frame(signature, data), signature)


def exported(model: Any, data: Any, *, allow_pickle: bool = False) -> Exported:
    return export(model, reference(data), allow_pickle=allow_pickle)


def onnx_runner(made: Exported) -> OnnxRunner:
    raw = made.files[made.runner.path]
    assert isinstance(raw, bytes)
    return OnnxRunner(raw, made.runner, made.outputs)


def batch_of(made: Exported, data: Any) -> Batch:
    return from_frame(Signature(inputs=made.inputs, outputs=made.outputs), data)


def asked(made: Exported, data: Any, name: str) -> Any:
    """What the ONNX form answers in one field."""
    return onnx_runner(made).predict(batch_of(made, data)).column(name)


def people(missing: object = None, rows: int = 120) -> pd.DataFrame:
    """Ages, plans of which one reads "nan" and some are missing, and whole scores."""
    draw = np.random.default_rng(3)
    plans: list[object] = draw.choice(["free", "nan", "pro"], rows).tolist()
    plans[::10] = [missing] * len(plans[::10])
    return pd.DataFrame(
        {
            "age": np.round(draw.normal(40, 12, rows), 1),
            "plan": pd.Series(plans, dtype=object),
            "score": draw.integers(0, 5, rows),
        }
    )


def labels(data: pd.DataFrame) -> Any:
    return np.where(data["age"] + 4 * data["score"] + 9 * (data["plan"] == "pro") > 50, "yes", "no")
