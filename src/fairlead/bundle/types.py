"""What `bundle.json` says: every fact about a version that is not the model itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from fairlead.signature import Signature

FORMAT = 1

RunnerKind = Literal[
    "onnx", "sklearn", "python", "torch", "xgboost", "lightgbm", "catboost", "river"
]

Mode = Literal["scratch", "fine-tune"]
"""How a model is trained: anew, or on from the version before."""

MISSING_TEXT = "\x00missing"
"""What a string tensor holds where a category or text is missing; no text of a caller is it."""


class _Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True,
            forbid_unknown_fields=True):  # fmt: skip
    """Settings that every part of bundle.json shares."""


class TensorInput(_Part, frozen=True, kw_only=True):
    """One input of an ONNX graph or a program of torch, and the fields that fill it.

    Args:
        name: the graph's name of it.
        fields: names of the signature's fields; several numeric ones are laid side by side as
            columns of a matrix (rows, len(fields)); one field alone is a column (rows, 1), or
            (rows, *shape) for a tensor.
        dtype: NumPy's name of the element type; `object` for strings.
    """

    name: str
    fields: tuple[str, ...]
    dtype: str = "float64"


class TensorOutput(_Part, frozen=True, kw_only=True):
    """One output of an ONNX graph or a program of torch, and the field that it becomes.

    Args:
        name: the graph's name of it, or its place among a program's outputs.
        field: of the signature.
    """

    name: str
    field: str


class RunnerSpec(_Part, frozen=True, kw_only=True):
    """How the payload is executed.

    Args:
        kind: which runner.
        path: the payload inside the bundle: a file, or a folder for `python`.
        inputs: for `onnx` and `torch`, what feeds it, in its own order.
        outputs: for `onnx` and `torch`, what is read from it.
        frame: where the model runs itself, the form of data it was fitted on and gets again.
        pickle: whether loading executes a pickle; allowed only where the operator says so.
    """

    kind: RunnerKind
    path: str
    inputs: tuple[TensorInput, ...] = ()
    outputs: tuple[TensorOutput, ...] = ()
    frame: Literal["numpy", "pandas", "polars", "rows"] = "numpy"
    pickle: bool = False


class Trainable(_Part, frozen=True, kw_only=True):
    """A safe form of the model that training can go on from."""

    format: Literal["skops", "safetensors", "xgboost", "lightgbm", "catboost", "river"]
    path: str


class Tolerance(_Part, frozen=True, kw_only=True):
    """How far an answer may lie from the original's: |a - b| <= absolute + relative * |b|.

    Labels, categories and text must always be equal.
    """

    absolute: float = 0.0
    relative: float = 0.0


class Proof(_Part, frozen=True, kw_only=True):
    """How its answers to the receipt's rows compared with the original's when it was packaged.

    Args:
        rows: of the receipt.
        differing: rows whose answers were further off than the tolerance.
        worst: largest absolute difference, of each output of numbers.
    """

    rows: int
    differing: int
    worst: dict[str, float] = {}


class DataFacts(_Part, frozen=True, kw_only=True):
    """The rows a version was checked on."""

    rows: int
    digest: str


class CodeFacts(_Part, frozen=True, kw_only=True):
    """The code revision a version was made from, if it was in git."""

    revision: str
    changed: bool


class RowRange(_Part, frozen=True, kw_only=True):
    """Rows of the log, from one prediction to another, in the order of their time.

    Args:
        rows: how many.
        first: id of the first prediction; empty if there is none.
        last: id of the last one.
        from_us: time of the first, microseconds since 1970.
        to_us: time of the last.
        digest: SHA-256 of ids, inputs and labels, in order.
    """

    rows: int
    first: str = ""
    last: str = ""
    from_us: int = 0
    to_us: int = 0
    digest: str = ""


class Learnt(_Part, frozen=True, kw_only=True):
    """Exactly which data an update was made of.

    Args:
        log: endpoint whose log it is.
        as_of_us: nothing that came later than this was known; microseconds since 1970.
        train: rows that were trained on.
        holdout: rows that it was judged on.
        plus_rows: of the file.
        plus_digest: SHA-256 of that file; empty without one.
        dropped: rows that were left out, by the reason.
    """

    log: str
    as_of_us: int
    train: RowRange
    holdout: RowRange
    plus_rows: int = 0
    plus_digest: str = ""
    dropped: dict[str, int] = {}


class UpdateFacts(_Part, frozen=True, kw_only=True):
    """The update that made a version: from what, why, by which code.

    Args:
        name: of the update: `churn/2026-11-22T030000Z`.
        mode: how it was trained; `scratch` also where there was nothing to go on from.
        causes: why, in words.
        learnt: the data.
        code: SHA-256 of the source of the function's module and of those beside it that it uses.
        params: SHA-256 of what the function was given beside the data.
        engine: where it ran.
        train_us: how long the function took, microseconds.
    """

    name: str
    mode: Mode
    causes: tuple[str, ...]
    learnt: Learnt
    code: str
    params: str
    engine: str
    train_us: int


class Learned(_Part, frozen=True, kw_only=True):
    """Where a learner was when it became a version, and what it learnt since the version before.

    Args:
        log: endpoint whose labels it learns.
        base: the version that it began with.
        labels: learnt since then.
        since: the labels learnt since the version before, in the order in which they were
            received: the ids of the first and of the last one's prediction, when these two
            labels were received, and SHA-256 of ids and labels.
    """

    log: str
    base: str
    labels: int
    since: RowRange


class Step(_Part, frozen=True, kw_only=True):
    """One thing that was done to make a model smaller.

    Args:
        method: by its name: `prune`, `int8`.
        settings: it was done with.
    """

    method: str
    settings: dict[str, int | float | str] = {}


def described(steps: Sequence[Step]) -> str:
    """Steps in one line.

    Example:
        >>> described([Step(method="prune", settings={"keep": 0.25}), Step(method="int8")])
        'prune keep=0.25, int8'
    """
    return ", ".join(
        " ".join([step.method, *(f"{key}={value}" for key, value in step.settings.items())])
        for step in steps
    )


class Ends(_Part, frozen=True, kw_only=True):
    """A value as measured, and the ends of its interval."""

    value: float
    low: float
    high: float


class Compression(_Part, frozen=True, kw_only=True):
    """How a version was made smaller from another, and what it was found to have lost by that.

    Args:
        original: digest of the bundle it was made from.
        steps: what was done, in order.
        target: what it was to be: `size`, `latency` or `both`.
        max_drop: of the metric, in its own unit, that was allowed for.
        agreement_min: share of rows that it had to answer as the original does.
        metric: that was held against labels; empty where there were none.
        evidence: with intervals of 95 %, on rows that nothing was fitted to and nothing chosen by:
            `metric` and its `change` (below 0 is worse), `agreement`; and how many times smaller
            and faster than the original it is: `size`, `cpu_1` of one row, `cpu_64` of 64.
        refused: reasons why something else was not done, in words.
        rows: on which the evidence is.
        data: the rows that were given.
        seed: of what was drawn.
        measured_on: the processor, and versions of what ran there.
    """

    original: str
    steps: tuple[Step, ...]
    target: str
    max_drop: float
    agreement_min: float
    metric: str = ""
    evidence: dict[str, Ends] = {}
    refused: tuple[str, ...] = ()
    rows: int = 0
    data: DataFacts | None = None
    seed: int = 0
    measured_on: dict[str, str] = {}


def described_gains(made: Compression | None) -> dict[str, str]:
    """What was done to make a version smaller and what that gained, by what it is about.

    Example:
        >>> described_gains(None)
        {}
        >>> gains = {"size": Ends(value=9.0, low=9.0, high=9.0)}
        >>> described_gains(Compression(original="", steps=(Step(method="int8"),), target="size",
        ...                             max_drop=0.0, agreement_min=1.0, evidence=gains))
        {'form': 'int8', 'gained': '9x smaller'}
    """
    if made is None:
        return {}
    times = {"size": "smaller", "cpu_1": "faster for one row", "cpu_64": "faster for 64"}
    gained = [f"{made.evidence[n].value:.3g}x {w}" for n, w in times.items() if n in made.evidence]
    return {"form": described(made.steps), "gained": ", ".join(gained)}


class BundleInfo(_Part, frozen=True, kw_only=True):
    """The whole of `bundle.json`.

    Args:
        name: the model's name: letters, digits, `.`, `_`, `-`.
        created_us: when it was packaged, microseconds since 1970.
        framework: what it was fitted with, e.g. `scikit-learn 1.9.1 RandomForestClassifier`.
        signature: what it takes and answers.
        runner: how it is executed.
        tolerance: how exactly the receipt must be reproduced.
        trainable: the form an update can start from; without one it can only be retrained from
            scratch.
        data: the reference rows it was packaged with.
        metrics: measured on the reference rows, if labels were given.
        environment: package name to version, of what was imported when it was packaged.
        code: the code revision.
        parent: digest of the bundle it was updated from.
        update: that made it; None where somebody packaged it, or a learner did.
        learned: where the learner was that made it; None where none did.
        compression: that made it; None where it is no smaller form of another.
        notes: what a reader should know: why a conversion fell back, rows that are exceptions.
        proof: how exactly it answered as the original did; None where that was not measured.
        format: of this file.
    """

    name: str
    created_us: int
    framework: str
    signature: Signature
    runner: RunnerSpec
    tolerance: Tolerance = Tolerance()
    trainable: Trainable | None = None
    data: DataFacts | None = None
    metrics: dict[str, float] = {}
    environment: dict[str, str] = {}
    code: CodeFacts | None = None
    parent: str | None = None
    update: UpdateFacts | None = None
    learned: Learned | None = None
    compression: Compression | None = None
    notes: tuple[str, ...] = ()
    proof: Proof | None = None
    format: int = FORMAT


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle on disk whose every byte was verified.

    Args:
        path: the folder.
        digest: SHA-256 of its manifest, hex: its name everywhere.
        info: what `bundle.json` says.
        signer: the public key that signed it, hex.
    """

    path: Path
    digest: str
    info: BundleInfo
    signer: str
