"""The whole of packaging, in order."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from fairlead.bundle import (
    Bundle,
    BundleInfo,
    CodeFacts,
    DataFacts,
    KeyRing,
    Learned,
    UpdateFacts,
    encode_receipt,
    measure,
    write_bundle,
)
from fairlead.clock import Clock
from fairlead.errors import ConfigError, InputError
from fairlead.monitoring.estimate import ESTIMATOR, encode_estimator, fit_estimator
from fairlead.monitoring.evaluate import metrics_of
from fairlead.packaging.environment import code_facts, data_digest, environment
from fairlead.packaging.export import (
    Exported,
    Reference,
    export,
    export_onnx,
    export_python,
    export_torch,
)
from fairlead.packaging.export.network import is_module
from fairlead.packaging.export.onnx_file import is_onnx
from fairlead.packaging.fields import Changes, describe_fields, set_policies
from fairlead.packaging.mlflow import Opened, is_mlflow, open_mlflow
from fairlead.profiles import REFERENCE, encode, make_reference
from fairlead.runners.load import answer_each
from fairlead.signature import Batch, Signature, from_frame, infer_inputs, to_records

EXAMPLES = 10
EXAMPLE_ELEMENTS_MAX = 100_000


@contextmanager
def make_bundle(
    model: object,
    X: object,
    y: object = None,
    *,
    name: str,
    keys: KeyRing,
    clock: Clock,
    folder: Path,
    fields: Changes,
    extra: Literal["error", "ignore"] = "error",
    parent: str | None = None,
    allow_pickle: bool = False,
    held_out: tuple[object, object] | None = None,
    update: UpdateFacts | None = None,
    learned: Learned | None = None,
    notes: tuple[str, ...] = (),
) -> Iterator[Bundle]:
    """Make a signed bundle of a model.

    Args:
        model: a fitted estimator, a torch module, an ONNX model, or the path of an ONNX file, of
            a folder with a Python class or of one that MLflow wrote.
        X: reference rows as the model takes them.
        y: their labels, shape (rows,).
        name: of the model.
        keys: that sign.
        clock: for the time of packaging.
        folder: where the bundle is made.
        fields: what is said of fields, over what is inferred.
        extra: what happens to fields of a request that the model does not know.
        parent: digest of the bundle it was updated from.
        allow_pickle: whether a pickle may be made where there is no safe form.
        held_out: rows like X, maybe with more columns, and their labels, that the model did not
            learn from; metrics and what estimates accuracy without labels are of these, if given.
        update: that made the model.
        learned: where the learner was that made it.
        notes: what a reader should know beside what was found.

    Yields:
        The bundle, which is gone afterwards.

    Raises:
        ExportError: no form of the model is both safe and equal to it.
        InputError: the rows cannot be used.
    """
    reference = _reference(X, y, fields)
    opened = _open(model, allow_pickle=allow_pickle)
    exported = _export(opened.model, reference, allow_pickle=allow_pickle)
    signature = set_policies(
        Signature(
            inputs=exported.inputs, outputs=exported.outputs, task=exported.task, extra=extra
        ),
        fields,
    )
    batch = _checked(signature, X)
    info = BundleInfo(
        name=name,
        created_us=clock.now_us(),
        framework=exported.framework,
        signature=signature,
        runner=exported.runner,
        tolerance=exported.tolerance,
        trainable=exported.trainable,
        data=DataFacts(rows=batch.rows, digest=data_digest(batch)),
        environment=environment(opened.model),
        code=_code(model),
        parent=parent,
        update=update,
        learned=learned,
        notes=notes + exported.notes + opened.notes,
    )
    files: dict[str, bytes | Path] = dict(exported.files)
    files["receipt.json"] = encode_receipt(exported.receipt)
    examples = _examples(batch)
    files["examples.json"] = msgspec.json.encode(to_records(signature.inputs, examples))
    with tempfile.TemporaryDirectory(dir=folder, prefix="package-") as temporary:
        draft = write_bundle(Path(temporary) / "draft", info, files, keys)
        known, labels = _labelled(signature, batch, reference.labels, held_out)
        asked = (batch, exported.receipt.inputs, *(() if known is batch else (known,)))
        answers, again, *others = answer_each(draft, asked, allow_pickle=allow_pickle)
        proof = measure(exported.receipt.outputs, again, exported.tolerance)
        info = msgspec.structs.replace(info, proof=proof)
        files[REFERENCE] = encode(make_reference(signature, batch, answers))
        if labels is not None:
            told = others[0] if others else answers
            info = msgspec.structs.replace(info, metrics=metrics_of(told, signature, labels))
            estimator = fit_estimator(signature, known, told, labels)
            if estimator is not None:
                files[ESTIMATOR] = encode_estimator(estimator)
        yield write_bundle(Path(temporary) / "bundle", info, files, keys)


def _examples(batch: Batch) -> Batch:
    """The first rows; fewer where one holds very many numbers."""
    elements = sum(column[:1].size for column in (batch.numbers, *batch.columns.values()))
    return batch.take(slice(0, max(1, min(EXAMPLES, EXAMPLE_ELEMENTS_MAX // max(1, elements)))))


def _checked(signature: Signature, X: object) -> Batch:
    """The reference rows, under the policies that the model was found to have."""
    try:
        return from_frame(signature, X)
    except InputError as error:
        raise InputError(
            f"The model cannot be asked about all of the reference rows. {error.message}",
            error.problems,
            hint="Leave these rows out, or let the model handle such values.",
        ) from None


def _labelled(
    signature: Signature, batch: Batch, labels: npt.NDArray[Any] | None,
    held_out: tuple[object, object] | None,
) -> tuple[Batch, npt.NDArray[Any] | None]:  # fmt: skip
    """The rows that it is measured on, and their labels."""
    if held_out is None:
        return batch, labels
    lenient = msgspec.structs.replace(signature, extra="ignore")
    return _checked(lenient, held_out[0]), np.asarray(held_out[1])


def _reference(X: object, y: object, fields: Changes) -> Reference:
    signature = describe_fields(Signature(inputs=infer_inputs(X), outputs=()), fields)
    batch = from_frame(signature, X)
    labels = None if y is None else np.asarray(y)
    if labels is not None and len(labels) != batch.rows:
        raise InputError(
            f"There are {batch.rows} reference rows and {len(labels)} labels.",
            hint="Give one label for each row.",
        )
    return Reference(data=X, batch=batch, signature=signature, labels=labels)


def _open(model: object, *, allow_pickle: bool) -> Opened:
    """What an MLflow folder holds; any other model itself."""
    if isinstance(model, str | Path) and is_mlflow(Path(model)):
        return open_mlflow(Path(model), allow_pickle=allow_pickle)
    return Opened(model)


def _export(model: object, reference: Reference, *, allow_pickle: bool) -> Exported:
    if is_module(model):
        return export_torch(model, reference, allow_pickle=allow_pickle)
    if is_onnx(model):
        return export_onnx(model, reference)
    if not isinstance(model, str | Path):
        return export(model, reference, allow_pickle=allow_pickle)
    path = Path(model)
    if path.is_dir():
        return export_python(path, reference)
    if path.suffix == ".onnx":
        return export_onnx(path, reference)
    raise ConfigError(
        f"{path} is neither an .onnx file nor a folder with a Python class or of MLflow.",
        hint="Give the fitted model itself, or one of these.",
    )


def _code(model: object) -> CodeFacts | None:
    return code_facts(Path(model) if isinstance(model, str | Path) else Path.cwd())
