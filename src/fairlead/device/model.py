"""A version that answers in this process, from the package it came in."""

from __future__ import annotations

import threading
from itertools import repeat
from types import TracebackType
from typing import Any, Self

import msgspec
import numpy as np

from fairlead.bundle.receipt import decode_receipt
from fairlead.clock import Clock
from fairlead.device.keeper import Keeper, Place
from fairlead.device.memory import give_back
from fairlead.device.package import Package
from fairlead.device.types import Manifest
from fairlead.errors import BundleError, InputError, ModelError
from fairlead.predictionlog import Outcome, PredictionFrame
from fairlead.runners.onnx import OnnxRunner
from fairlead.runners.prove import prove
from fairlead.signature import Batch, RowDecoder, RowEncoder, Signature, from_frame
from fairlead.signature.envelope import Envelope, Texts, check_rows, each

REFERENCE = "reference.json.gz"  # as in `profiles`, which is imported when rows are counted
ROWS_MAX = 10_000
ARM = "device"
BEFORE = ("id", "version")

_encode = msgspec.json.Encoder().encode


class Predictions(msgspec.Struct, frozen=True):
    """What a body of rows is answered with: one object for each row.

    Args:
        predictions: id, version, and the model's fields.
    """

    predictions: list[Any]


class DeviceModel:
    """A version, proven on this device by its receipt; used from any thread, one at a time.

    Args:
        package: opened; all that is needed of it is read now.
        place: where rows are kept; None to keep nothing.
        clock: for times and ids.

    Raises:
        BundleError: the package is damaged.
        ReceiptError: the model answers here otherwise than where it was packaged.
        ConflictError: another process keeps rows in that place.
    """

    def __init__(self, package: Package, place: Place | None, clock: Clock) -> None:
        self.manifest: Manifest = package.manifest
        self.signature: Signature = package.info.signature
        self._clock = clock
        self._turn = threading.Lock()
        self._runner = open_runner(package)
        prove(self._runner, decode_receipt(package.read("receipt.json")), package.info.tolerance)
        self._envelope = Envelope(RowDecoder(self.signature), ROWS_MAX)
        self._rows = RowEncoder(BEFORE, self.signature.outputs)
        reference = package.read(REFERENCE) if package.has(REFERENCE) else None
        self.keeper = Keeper(place, self.manifest.digest, reference, clock)
        give_back()

    def predict(self, rows: Any, *, unit: Texts = None, id: Texts = None) -> list[dict[str, Any]]:  # noqa: A002
        """Answer rows.

        Args:
            rows: a list of records, or a table: a NumPy array, a pandas or Polars DataFrame.
            unit: whose they are: one text for all, or one for each; kept with the rows.
            id: the caller's own ids, likewise.

        Returns:
            A dictionary for each row: `id` of the prediction, `version`, and the model's fields.

        Raises:
            InputError: rows do not fit; names each row and field.
            ModelError: the model failed.
        """
        batch = from_frame(self.signature, rows)
        check_rows(batch.rows, ROWS_MAX)
        made = self._answer(batch, unit, id)
        return [msgspec.to_builtins(row) for row in made]

    def answer(self, body: bytes) -> bytes:
        """Answer a body of JSON, as an endpoint's native protocol takes it.

        Args:
            body: `{"rows": [...]}`, `{"columns": {...}}` or one record.

        Returns:
            JSON: `{"predictions": [{"id": …, "version": …, …}]}`.

        Raises:
            InputError: it is none, or rows do not fit; names each row and field.
            ModelError: the model failed.
        """
        batch, unit, caller_id, arm = self._envelope.decode(body)
        if arm:
            raise InputError("A device has no arms.", hint="Leave the key 'arm' out.")
        return _encode(Predictions(self._answer(batch, unit, caller_id)))

    def close(self) -> None:
        """Free the model and the folder of rows; calling it twice is harmless."""
        with self._turn:
            self._runner.close()
            self.keeper.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _answer(self, batch: Batch, unit: Texts, caller_id: Texts) -> list[Any]:
        units, caller_ids = each(unit, batch.rows, "unit"), each(caller_id, batch.rows, "id")
        with self._turn:
            asked_us, started_s = self._clock.now_us(), self._clock.monotonic_s()
            ids = self.keeper.draw(batch.rows)

            def keep(outcome: Outcome, outputs: Batch | None) -> None:
                model_us = round((self._clock.monotonic_s() - started_s) * 1e6)
                self.keeper.keep(
                    PredictionFrame(
                        endpoint=self.manifest.model, revision=0, arm=ARM,
                        version=self.manifest.version, role=ARM, assigned_by=ARM,
                        outcome=outcome, source="live", model_us=model_us,
                        time_us=np.full(batch.rows, asked_us, np.int64), ids=ids.raw(),
                        caller_ids=caller_ids, units=units,
                        slots=np.full(batch.rows, -1, np.int16), propensity=np.ones(batch.rows),
                        queue_us=np.zeros(batch.rows, np.int32), inputs=batch, outputs=outputs,
                    )
                )  # fmt: skip

            try:
                outputs = self._runner.predict(batch)
            except ModelError:
                keep("model_error", None)
                raise
            keep("ok", outputs)
        return self._rows.rows([ids.texts(), repeat(self.manifest.version)], outputs)


def open_runner(package: Package) -> OnnxRunner:
    """What runs the model of a package.

    Raises:
        BundleError: it is damaged, or none that runs on a device.
    """
    info = package.info
    if info.runner.kind != "onnx":
        raise BundleError(f"The model in {package.name} is none that runs on a device.")
    return OnnxRunner(package.read(info.runner.path), info.runner, info.signature.outputs)
