"""One model made smaller: what ours and onnxruntime's own forms take, and what they lose."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Mapping, Sequence
from math import exp, log
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import polars as pl
from support.edge_models import Subject, Trained

import fairlead
from fairlead.app.compressing import Compressed, compress_version
from fairlead.app.workspace import Workspace
from fairlead.bundle import Bundle, described, read_file
from fairlead.clock import SystemClock
from fairlead.compress.divide import Part
from fairlead.compress.measure import ratio, timed_graph, times
from fairlead.compress.types import Limits
from fairlead.runners.feed import make_feed
from fairlead.runners.load import answer_all, answer_in_chunks
from fairlead.runners.onnx import OnnxRunner
from fairlead.stats import Contrast, t_interval

CALIBRATED = 300
STORAGE = ("strip", "int8")


class CpuClock(SystemClock):
    """Lets a search take CPU time, whatever else the machine does."""

    def monotonic_s(self) -> float:
        return time.process_time()


def forms_of(subject: Subject, seed: int, *, seconds: float) -> dict[str, dict[str, Any]]:
    """What each form takes and loses: ours, ours of storage alone, and onnxruntime's own two.

    Args:
        subject: what is made smaller.
        seed: of its training, of what is drawn of the rows, and of the search.
        seconds: of CPU time that a search may take, about.

    Returns:
        By form: `size`, `one`, `many` (how many times smaller, or faster), `change` of the
        accuracy in percentage points, `agreement`, `steps`, and how many `rows` that is of.
    """
    with tempfile.TemporaryDirectory(prefix="edge-") as folder:
        home = Path(folder) / ".fairlead"
        home.mkdir(mode=0o700)
        trained = subject.train(seed)
        workspace = Workspace(home, CpuClock())
        try:
            return _forms(workspace, subject, trained, seed, seconds)
        finally:
            workspace.close()


def _forms(
    workspace: Workspace, subject: Subject, trained: Trained, seed: int, seconds: float
) -> dict[str, dict[str, Any]]:
    names = [f"x{place}" for place in range(trained.learnt.shape[1])]
    learnt, held = (pl.DataFrame(each, names) for each in (trained.learnt, trained.held))
    version = fairlead.package(
        trained.model, learnt, trained.learnt_labels, name="edge", home=workspace.home.path
    )
    rows = held.with_columns(pl.Series("label", trained.held_labels))

    def searched(methods: Sequence[str], target: Any) -> Compressed:
        limits = Limits(
            max_drop=subject.max_drop,
            metric="accuracy",
            target=target,
            seconds=seconds,
            sureness=subject.sureness,
            agreement_min=subject.agreement,
        )
        return compress_version(workspace, version.name, rows, fit=learnt, methods=methods,
                                limits=limits, seed=seed, register=False)  # fmt: skip

    ours = searched((), "both")
    found = {"ours": _ours(ours)}
    if subject.net:
        found["storage alone"] = _ours(searched(STORAGE, "size"))
        found |= _theirs(workspace.bundle(version), ours, learnt)
    return found


def _ours(found: Compressed) -> dict[str, Any]:
    outcome = found.outcome
    rows = outcome.parts.report.rows.rows
    if outcome.chosen is None:
        return {"size": 1.0, "one": 1.0, "many": 1.0, "change": 0.0, "agreement": 1.0,
                "steps": "none", "rows": rows}  # fmt: skip
    line = outcome.lines[outcome.chosen]
    assert line.reported.change is not None
    return {
        "size": line.smaller,
        "one": line.faster_one.value,
        "many": line.faster_many.value,
        "change": 100.0 * line.reported.change.value,
        "agreement": line.reported.agreement.value,
        "steps": described(line.form.steps),
        "rows": rows,
    }


def _theirs(bundle: Bundle, found: Compressed, learnt: pl.DataFrame) -> dict[str, dict[str, Any]]:
    """Onnxruntime's dynamic and static int8, on the same rows."""
    raw = read_file(bundle, bundle.info.runner.path)
    part = found.outcome.parts.report
    made = quantised(raw, bundle, found.outcome.parts.fit)
    original = answer_all(bundle, part.rows).column("label")
    return {name: _against(raw, form, bundle, part, original) for name, form in made.items()}


def quantised(raw: bytes, bundle: Bundle, fit: Any) -> dict[str, bytes]:
    """A graph quantised by onnxruntime, with weights of less range so that none saturates."""
    from onnxruntime.quantization import (
        CalibrationDataReader,
        QuantType,
        quantize_dynamic,
        quantize_static,
    )

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self, feeds: Mapping[str, Any]) -> None:
            self._parts = iter(
                {name: values[start : start + 50] for name, values in feeds.items()}
                for start in range(0, CALIBRATED, 50)
            )

        def get_next(self) -> dict[str, Any] | None:
            return next(self._parts, None)

    logging.disable(logging.WARNING)
    some = fit.take(slice(0, CALIBRATED))
    feeds = {given.name: make_feed(given)(some) for given in bundle.info.runner.inputs}
    with tempfile.TemporaryDirectory(prefix="int8-") as folder:
        whole, end = (Path(folder) / f"{name}.onnx" for name in ("whole", "end"))
        model = onnx.load_model_from_string(raw)
        del model.graph.value_info[:]  # torch says shapes there that the quantiser then changes
        onnx.save(model, whole)
        quantize_dynamic(whole, end, weight_type=QuantType.QInt8)
        dynamic = end.read_bytes()
        quantize_static(whole, end, Reader(feeds), per_channel=True, reduce_range=True,
                        weight_type=QuantType.QInt8)  # fmt: skip
        return {"onnxruntime dynamic int8": dynamic, "onnxruntime static int8": end.read_bytes()}


def _against(raw: bytes, form: bytes, bundle: Bundle, part: Part, original: Any) -> dict[str, Any]:
    spec, outputs = bundle.info.runner, bundle.info.signature.outputs
    feeds = {given.name: make_feed(given)(part.rows) for given in spec.inputs}
    said = answer_in_chunks(OnnxRunner(form, spec, outputs), part.rows).column("label")
    timed = [timed_graph(each, feeds) for each in (raw, form)]
    one, many = (times(timed, many=each) for each in (False, True))
    truth = np.asarray(part.truth)
    return {
        "size": len(raw) / len(form),
        "one": ratio(one[0], one[1]).value,
        "many": ratio(many[0], many[1]).value,
        "change": 100.0 * float(np.mean(said == truth) - np.mean(original == truth)),
        "agreement": float(np.mean(said == original)),
        "steps": "",
        "rows": part.rows.rows,
    }


def over_seeds(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Means over seeds with intervals of 95 %: of times as logarithms, of changes as they are."""
    told: dict[str, Any] = {"seeds": len(found), "rows": sum(each["rows"] for each in found)}
    for name in ("size", "one", "many"):
        ends = _mean([log(each[name]) for each in found])
        told[name] = [exp(each) for each in ends]
    for name in ("change", "agreement"):
        told[name] = _mean([float(each[name]) for each in found])
    told["steps"] = [each["steps"] for each in found]
    return told


def _mean(values: Sequence[float]) -> list[float]:
    """The mean, and the ends of Student's interval of it; the same three of one value."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return [mean, mean, mean]
    error = float(np.std(values, ddof=1)) / len(values) ** 0.5
    rows = len(values)
    found = t_interval(Contrast(mean, error, rows - 1.0, rows, rows))
    return [mean, found.low, found.high]
