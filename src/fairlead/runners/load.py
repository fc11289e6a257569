"""From a verified bundle to a runner that is proven to answer as the original did."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from contextlib import suppress

from fairlead.bundle import Bundle, decode_receipt, read_file
from fairlead.clock import Clock
from fairlead.errors import BundleError
from fairlead.runners.device import CPU, Device, check_cpu
from fairlead.runners.prove import prove
from fairlead.runners.types import Runner
from fairlead.signature import Batch, concat

PYTHON_TIMEOUT_S = 10.0
CHUNK_ROWS = 4096
REHEARSE_S = 2.0


def load_runner(
    bundle: Bundle,
    *,
    allow_pickle: bool = False,
    python_timeout_s: float = PYTHON_TIMEOUT_S,
    device: Device = CPU,
) -> Runner:
    """Load the model of a bundle.

    Args:
        bundle: verified.
        allow_pickle: whether the operator allows its payload to be a pickle.
        python_timeout_s: for one batch, where the model runs in a process of its own.
        device: where it shall run.

    Raises:
        ConfigError: it cannot run on that device here.
        BundleError: the payload is damaged, or is a pickle and that is not allowed.
        ModelError: it cannot be loaded.
    """
    info = bundle.info
    spec, signature = info.runner, info.signature
    if spec.pickle and not allow_pickle:
        raise BundleError(
            "The bundle's model is a pickle: loading it runs whatever code is in it.",
            hint="If you trust where it came from, say --allow-pickle.",
        )
    if spec.kind not in ("onnx", "torch"):
        check_cpu(device, spec.kind)
    match spec.kind:
        case "onnx":
            from fairlead.runners.onnx import OnnxRunner

            return OnnxRunner(read_file(bundle, spec.path), spec, signature.outputs, device)
        case "sklearn":
            from fairlead.runners.sklearn import SklearnRunner, load_skops

            raw = read_file(bundle, spec.path)
            model = pickle.loads(raw) if spec.pickle else load_skops(raw)  # noqa: S301  # allowed
            return SklearnRunner(model, spec, signature)
        case "xgboost" | "lightgbm" | "catboost" | "river":
            from fairlead.runners.libraries import load_own
            from fairlead.runners.sklearn import SklearnRunner

            raw = read_file(bundle, spec.path)
            return SklearnRunner(load_own(spec.kind, raw, signature.outputs), spec, signature)
        case "python":
            from fairlead.runners.python import PythonRunner

            folder = bundle.path / spec.path
            return PythonRunner(folder, signature, timeout_s=python_timeout_s)
        case "torch":
            from fairlead.runners.torch import TorchRunner

            path = bundle.path / spec.path
            return TorchRunner(path, spec, signature, timeout_s=python_timeout_s, device=device)


def payload_bytes(bundle: Bundle) -> int:
    """The size of a bundle's payload, of all its files."""
    path = bundle.path / bundle.info.runner.path
    files = path.rglob("*") if path.is_dir() else (path,)
    return sum(file.stat().st_size for file in files)


def answer_all(bundle: Bundle, batch: Batch, *, allow_pickle: bool = False) -> Batch:
    """A bundle's answers to many rows, some thousand at a time.

    Raises:
        BundleError: it cannot be loaded.
        ModelError: the model failed.
    """
    return answer_each(bundle, (batch,), allow_pickle=allow_pickle)[0]


def answer_each(
    bundle: Bundle, batches: Sequence[Batch], *, allow_pickle: bool = False
) -> list[Batch]:
    """A bundle's answers to several batches; errors as of `answer_all`."""
    runner = load_runner(bundle, allow_pickle=allow_pickle)
    try:
        return [answer_in_chunks(runner, batch) for batch in batches]
    finally:
        runner.close()


def answer_in_chunks(runner: Runner, batch: Batch) -> Batch:
    """A runner's answers to many rows, some thousand at a time.

    Raises:
        ModelError: the model failed.
    """
    starts = range(0, batch.rows, CHUNK_ROWS)
    parts = [batch.take(slice(start, start + CHUNK_ROWS)) for start in starts]
    return concat([runner.predict(part) for part in parts])


def rehearse(runner: Runner, asked: Sequence[Batch], clock: Clock) -> int:
    """Warm a runner by what callers asked lately, for as long as that may take.

    What it fails at here it is not blamed for: guards tell, once it answers.

    Args:
        runner: proven.
        asked: rows of requests.
        clock: for the duration.

    Returns:
        How many of them it answered.
    """
    until_s, answered = clock.monotonic_s() + REHEARSE_S, 0
    for batch in asked:
        if clock.monotonic_s() > until_s:
            break
        with suppress(Exception):  # of someone else's code
            runner.predict(batch)
            answered += 1
    return answered


def replay(runner: Runner, bundle: Bundle) -> Batch:
    """Prove that a runner reproduces its bundle's receipt.

    Args:
        runner: loaded from the bundle.
        bundle: with the receipt.

    Returns:
        The receipt's rows.

    Raises:
        ReceiptError: it answers otherwise; says where.
    """
    receipt = decode_receipt(read_file(bundle, "receipt.json"))
    prove(runner, receipt, bundle.info.tolerance)
    return receipt.inputs
