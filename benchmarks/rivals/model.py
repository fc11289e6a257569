"""The model that all rivals serve, as `benchmarks/serving.py` left it in a folder."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Answer = Callable[[Any], tuple[Any, Any]]
"""Takes rows as a matrix of doubles; gives their labels and probabilities."""


def names(folder: Path) -> list[str]:
    """The fields, in the model's order."""
    found: list[str] = pickle.loads((folder / "names.pickle").read_bytes())
    return found


def with_onnx(folder: Path) -> Answer:
    """By onnxruntime on one thread, as fits one core and rows that come one at a time."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        (folder / "model.onnx").read_bytes(), options, providers=["CPUExecutionProvider"]
    )
    given = session.get_inputs()[0]
    dtype = np.float64 if "double" in given.type else np.float32
    return lambda matrix: session.run(None, {given.name: np.asarray(matrix, dtype)})


def with_sklearn(folder: Path) -> Answer:
    """By scikit-learn as it was fitted, on tables, run once a request."""
    import pandas as pd

    model, fields = pickle.loads((folder / "model.pickle").read_bytes()), names(folder)
    return _by(model, lambda matrix: pd.DataFrame(np.asarray(matrix), columns=fields))


def with_bare_sklearn(folder: Path) -> Answer:
    """By scikit-learn fitted on bare arrays: nobody checks that columns stand where they must."""
    return _by(pickle.loads((folder / "bare.pickle").read_bytes()), np.asarray)


def _by(model: Any, rows: Callable[[Any], Any]) -> Answer:
    def answer(matrix: Any) -> tuple[Any, Any]:
        probabilities = model.predict_proba(rows(matrix))
        return model.classes_[probabilities.argmax(axis=1)], probabilities

    return answer


def predictions(labels: Any, probabilities: Any) -> list[dict[str, Any]]:
    """Answers as plain values."""
    pairs = zip(labels.tolist(), probabilities.tolist(), strict=True)
    return [{"label": label, "probabilities": shares} for label, shares in pairs]
