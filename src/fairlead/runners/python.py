"""Models that are Python code of the user: a folder with a class, in a process of its own.

    class Model:
        def load(self): ...
        def predict(self, batch): ...

in `model.py`. `batch` maps each field's name to a NumPy array, one value for each row; the answer
is an array, or a dict of arrays, of the same length. This guards a worker against faults of that
code, not against malice: it runs as the same user.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fairlead.errors import ModelError
from fairlead.runners.process import ModelProcess
from fairlead.signature import NUMERIC, Batch, Column, Field, Signature

CHILD = "fairlead.runners.python_child"


class PythonRunner:
    """Asks the class of a folder, in a process of its own.

    Args:
        folder: with `model.py`.
        signature: of the version.
        timeout_s: for one batch.

    Raises:
        ModelError: the model cannot be loaded.
    """

    blocking = True

    def __init__(self, folder: Path, signature: Signature, *, timeout_s: float) -> None:
        self._signature = signature
        self._process = ModelProcess(CHILD, folder, timeout_s=timeout_s)

    def predict(self, batch: Batch) -> Batch:
        """Answer rows.

        Raises:
            ModelError: the code failed, its process died, the answer has another form, or the
                runner is closed.
            DeadlineError: it took too long, and was ended.
        """
        return as_batch(self.columns(batch), self._signature.outputs, batch.rows)

    def columns(self, batch: Batch) -> dict[str, Column]:
        """The code's answer as it gave it, by name.

        Raises:
            ModelError: the code failed, or its process died.
            DeadlineError: it took too long, and was ended.
        """
        return self._process.ask({f.name: batch.column(f.name) for f in self._signature.inputs})

    def process_id(self) -> int:
        """The number of its process, as it is now."""
        return self._process.pid

    def close(self) -> None:
        """End the process, and all that it started."""
        self._process.close()


def as_batch(columns: dict[str, Column], fields: tuple[Field, ...], rows: int) -> Batch:
    """Columns of an answer in the form of a batch.

    Raises:
        ModelError: a field is missing, or has another length, shape or type.
    """
    fitting = {field.name: _fitting(field, columns.get(field.name), rows) for field in fields}
    names = tuple(field.name for field in fields if field.kind in NUMERIC)
    numbers = np.empty((rows, len(names)))
    for place, name in enumerate(names):
        numbers[:, place] = fitting.pop(name)
    return Batch(rows, names, numbers, fitting)


def _fitting(field: Field, column: Column | None, rows: int) -> Column:
    """A column as its field's kind has it in a batch."""
    wanted = (rows, *field.shape)
    if column is None or not _has_shape(column, wanted):
        raise ModelError(f"The model's code did not answer '{field.name}' with shape {wanted}.")
    try:
        match field.kind:
            case "number" | "integer" | "boolean":
                return column.astype(np.float64)
            case "timestamp":
                return column.astype("datetime64[us]")
            case "tensor":
                return column if column.dtype.kind in "biuf" else column.astype(np.float64)
            case "category" | "text":
                return _of_types(column, (str, bool, int, float))
            case "image" | "audio":
                return _of_types(column, (bytes,))
    except (ValueError, TypeError):
        raise ModelError(
            f"The model's code answered '{field.name}' with values that are no {field.kind}."
        ) from None


def _has_shape(column: Column, wanted: tuple[int, ...]) -> bool:
    return len(column.shape) == len(wanted) and all(
        size in (have, -1) for have, size in zip(column.shape, wanted, strict=True)
    )


def _of_types(column: Column, types: tuple[type, ...]) -> Column:
    values = column.astype(object)
    if not all(value is None or isinstance(value, types) for value in values):
        raise TypeError
    return values
