"""Whether a model that was loaded answers as its receipt says."""

from __future__ import annotations

from fairlead.bundle.receipt import Receipt, compare
from fairlead.bundle.types import Tolerance
from fairlead.errors import ReceiptError
from fairlead.runners.types import Runner


def prove(runner: Runner, receipt: Receipt, tolerance: Tolerance) -> None:
    """Prove that a runner reproduces a receipt: all rows together, and the first one alone.

    Args:
        runner: loaded from the receipt's bundle.
        receipt: of the bundle.
        tolerance: how exactly.

    Raises:
        ReceiptError: it answers otherwise; says where.
        ModelError: the model failed.
    """
    first = slice(0, 1)
    alone = receipt.inputs.take(first), receipt.outputs.take(first)
    for inputs, outputs in ((receipt.inputs, receipt.outputs), alone):
        differences = compare(outputs, runner.predict(inputs), tolerance)
        if differences:
            raise ReceiptError(
                f"The model does not reproduce its receipt: {'; '.join(differences)}.",
                hint="Its libraries may differ from those it was packaged with; package it again.",
            )
