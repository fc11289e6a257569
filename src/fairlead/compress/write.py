"""The bundle of a smaller form: the original's, with another graph and a receipt of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import onnx

from fairlead.bundle import (
    Bundle,
    BundleInfo,
    Compression,
    DataFacts,
    KeyRing,
    Receipt,
    RunnerSpec,
    Tolerance,
    decode_receipt,
    described,
    encode_receipt,
    measure,
    read_file,
    write_bundle,
)
from fairlead.bundle.receipt import differing_rows
from fairlead.clock import Clock
from fairlead.compress.refuse import drop_of, in_words
from fairlead.compress.run import Line, Outcome
from fairlead.compress.types import Limits
from fairlead.errors import ModelError
from fairlead.monitoring.estimate import ESTIMATOR, encode_estimator, fit_estimator
from fairlead.monitoring.evaluate import metrics_of
from fairlead.packaging.environment import data_digest
from fairlead.profiles import REFERENCE
from fairlead.runners.load import answer_in_chunks
from fairlead.runners.onnx import OnnxRunner
from fairlead.signature import Batch, Signature

PAYLOAD = "model.onnx"
SINGLE = 1e-5
"""How far answers of single precision lie from each other on several machines."""
REFUSED_MAX = 40
KEPT = ("examples.json", REFERENCE)


@dataclass(frozen=True, slots=True)
class Smaller:
    """What a bundle is made of.

    Args:
        original: the bundle of the model that was made smaller.
        outcome: of the search; one of its forms is chosen.
        rows: that were given, all of them.
        limits: of what might be lost.
        seed: of what was drawn.
    """

    original: Bundle
    outcome: Outcome
    rows: Batch
    limits: Limits
    seed: int

    @property
    def line(self) -> Line:
        """The form that was chosen."""
        assert self.outcome.chosen is not None
        return self.outcome.lines[self.outcome.chosen]


@contextmanager
def write_smaller(made: Smaller, *, keys: KeyRing, clock: Clock, folder: Path) -> Iterator[Bundle]:
    """Make a signed bundle of the form that was chosen.

    Args:
        made: the original and what was found.
        keys: that sign.
        clock: for the time of packaging.
        folder: where the bundle is made.

    Yields:
        The bundle, which is gone afterwards.

    Raises:
        ModelError: its answers depend on the rows beside them.
    """
    original, raw = made.original.info, made.line.form.raw
    spec = msgspec.structs.replace(made.outcome.spec, path=PAYLOAD)
    runner = OnnxRunner(raw, spec, original.signature.outputs)
    receipt, tolerance = _receipt(made.original, runner, raw)
    report = made.outcome.parts.report
    answers = answer_in_chunks(runner, report.rows)
    files: dict[str, bytes | Path] = {
        PAYLOAD: raw,
        "receipt.json": encode_receipt(receipt),
        **{path: read_file(made.original, path) for path in KEPT},
    }
    metrics = {}
    if report.truth is not None:
        metrics = metrics_of(answers, original.signature, report.truth)
        estimator = fit_estimator(original.signature, report.rows, answers, report.truth)
        if estimator is not None:
            files[ESTIMATOR] = encode_estimator(estimator)
    proof = measure(receipt.outputs, runner.predict(receipt.inputs), tolerance)
    info = msgspec.structs.replace(
        _info(made, spec, clock), tolerance=tolerance, proof=proof, metrics=metrics
    )
    with tempfile.TemporaryDirectory(dir=folder, prefix="compress-") as temporary:
        yield write_bundle(Path(temporary) / "bundle", info, files, keys)


def _info(made: Smaller, spec: RunnerSpec, clock: Clock) -> BundleInfo:
    info = made.original.info
    compression = compression_of(made)
    lost = "It was made smaller: " + described(made.line.form.steps) + "."
    return msgspec.structs.replace(
        info,
        created_us=clock.now_us(),
        runner=spec,
        trainable=None,
        parent=made.original.digest,
        update=None,
        compression=compression,
        notes=(*info.notes, lost, *loss_notes(made.line, made.limits), *made.outcome.notes),
    )


def compression_of(made: Smaller) -> Compression:
    """What a bundle says of how it was made."""
    outcome, told = made.outcome, made.line.reported
    refused = [f"{described(one.steps)}: {one.reason}" for one in outcome.refused]
    return Compression(
        original=made.original.digest,
        steps=made.line.form.steps,
        target=made.limits.target,
        max_drop=drop_of(made.limits, told.original),
        agreement_min=made.limits.agreement_min,
        metric=told.metric,
        evidence=made.line.evidence(),
        refused=tuple(refused[:REFUSED_MAX]),
        rows=told.rows,
        data=DataFacts(rows=made.rows.rows, digest=data_digest(made.rows)),
        seed=made.seed,
        measured_on=dict(outcome.measured_on),
    )


def loss_notes(line: Line, limits: Limits) -> tuple[str, ...]:
    """What a form loses on rows that it was not chosen by, in words."""
    told = line.reported
    agreed = (
        f"It answers {told.agreement.value:.2%} of {told.rows} rows as the original does "
        f"({told.agreement.low:.2%} to {told.agreement.high:.2%})."
    )
    found = [agreed]
    if told.change is not None:
        value, low, high = (
            in_words(told.metric, end)
            for end in (told.change.value, told.change.low, told.change.high)
        )
        found.append(f"Its {told.metric} changes by {value} ({low} to {high}) there.")
        if told.change.value < -drop_of(limits, told.original):
            found.append("That is more than was allowed: by chance, or it was chosen by luck.")
    if any(step.method == "static-int8" for step in line.form.steps):
        found.append(
            "Its whole numbers are rounded by the processor's own rules: another kind of processor "
            "may not reproduce the receipt, and will refuse it."
        )
    return tuple(found)


def _receipt(original: Bundle, runner: OnnxRunner, raw: bytes) -> tuple[Receipt, Tolerance]:
    """The original's rows with this form's answers, without those that stand on an edge."""
    asked = decode_receipt(read_file(original, "receipt.json")).inputs
    answers = runner.predict(asked)
    tolerance = _tolerance(original.info.tolerance, answers, raw)
    alone = [runner.predict(asked.take(slice(row, row + 1))) for row in range(asked.rows)]
    differs = np.array([
        differing_rows(answers.take(slice(row, row + 1)), one, tolerance)[0]
        for row, one in enumerate(alone)
    ])  # fmt: skip
    steady = np.flatnonzero(~differs & ~_close(original.info.signature, answers))
    if len(steady) < asked.rows / 2:
        raise ModelError(
            "The chosen form answers most rows otherwise when they are alone.",
            hint="Leave out the method that it ends with: --methods.",
        )
    return Receipt(asked.take(steady), answers.take(steady)), tolerance


def _tolerance(before: Tolerance, answers: Batch, raw: bytes) -> Tolerance:
    """The original's, but no closer than single precision where it is used."""
    if not _is_single(onnx.load_model_from_string(raw)):
        return before
    columns = [answers.column(name) for name in (*answers.names, *answers.columns)]
    largest = [
        float(np.max(np.abs(column[np.isfinite(column)]), initial=0.0))
        for column in columns if column.dtype.kind == "f"
    ]  # fmt: skip
    return Tolerance(
        absolute=max(before.absolute, SINGLE * max(largest, default=0.0)),
        relative=max(before.relative, SINGLE),
    )


def _is_single(model: onnx.ModelProto) -> bool:
    """Whether any number in a graph is of single precision, or less."""
    rough = {onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.INT8,
             onnx.TensorProto.UINT8}  # fmt: skip
    kept = {tensor.data_type for tensor in model.graph.initializer}
    cast = {a.i for node in model.graph.node for a in node.attribute if a.name == "to"}
    return bool(rough & (kept | cast))


def _close(signature: Signature, answers: Batch) -> npt.NDArray[np.bool_]:
    """Rows whose two likeliest classes are so close that rounding may exchange them."""
    shares = answers.columns.get("probabilities")
    if signature.task != "classification" or shares is None or shares.shape[1] < 2:
        return np.zeros(answers.rows, dtype=np.bool_)
    ordered = np.sort(shares.astype(np.float64), axis=1)
    return np.asarray(ordered[:, -1] - ordered[:, -2] < 10 * SINGLE)
