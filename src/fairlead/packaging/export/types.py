"""The values of this package: what an export starts from and what it makes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fairlead.bundle import Receipt, RunnerSpec, Tolerance, Trainable
from fairlead.signature import Batch, Field, Signature, Task


@dataclass(frozen=True, slots=True)
class Reference:
    """Rows like those that a model was fitted on.

    Args:
        data: as given: a pandas or Polars DataFrame, a NumPy array or records.
        batch: the same under the signature's inputs.
        signature: the inputs that were inferred.
        labels: the rows' own, shape (rows,), if known.
    """

    data: object
    batch: Batch
    signature: Signature
    labels: npt.NDArray[np.generic] | None = None


@dataclass(frozen=True, slots=True)
class Exported:
    """A model in the form it is served in, and what it must reproduce.

    Args:
        inputs: the fields it takes, with the policies that the original was found to have.
        outputs: the fields it answers.
        task: what kind of answer it is.
        framework: what it was fitted with, e.g. `scikit-learn 1.9.1 RandomForestClassifier`.
        runner: how it is executed.
        files: of the bundle, by path: bytes, or a file to copy.
        tolerance: how exactly the receipt must be reproduced.
        trainable: the form that training can go on from.
        receipt: rows and the original's answers.
        notes: what a reader should know, such as why it is not served as ONNX.
    """

    inputs: tuple[Field, ...]
    outputs: tuple[Field, ...]
    task: Task
    framework: str
    runner: RunnerSpec
    files: dict[str, bytes | Path]
    tolerance: Tolerance
    trainable: Trainable | None
    receipt: Receipt
    notes: tuple[str, ...] = ()
