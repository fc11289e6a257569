"""A model in its library's own safe form: what serves it where ONNX does not, and trains on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fairlead.bundle import Receipt, RunnerSpec, Tolerance, Trainable
from fairlead.bundle.receipt import compare
from fairlead.errors import ExportError
from fairlead.packaging.export.original import Original
from fairlead.runners.frame import make_frame
from fairlead.runners.libraries import SUFFIXES, Library, dump_own, library_of, load_own
from fairlead.runners.sklearn import answer, import_skops, load_skops, untrusted_types

ROUNDED = Tolerance(absolute=1e-9, relative=1e-9)
"""For river, which sums over sets of names: their order is no part of what they are."""


@dataclass(frozen=True, slots=True)
class Own:
    """A model as a file that is proven to load and to answer alike.

    Args:
        raw: the file.
        library: whose form it is; None for skops.
    """

    raw: bytes
    library: Library | None

    @property
    def suffix(self) -> str:
        """Of the file's name."""
        return SUFFIXES[self.library] if self.library else "skops"

    @property
    def trainable(self) -> Trainable:
        """The file as one that training can go on from."""
        return Trainable(format=self.library or "skops", path=f"trainable.{self.suffix}")

    def served(self, original: Original) -> RunnerSpec:
        """The file as one that is served."""
        kind = self.library or "sklearn"
        return RunnerSpec(kind=kind, path=f"model.{self.suffix}", frame=original.form)


def own_form(original: Original, receipt: Receipt) -> Own:
    """Write a model in its library's own form, of vetted types only, and ask it when loaded.

    Raises:
        ExportError: there is no such form that answers alike; says why.
    """
    library = library_of(original.model)
    name = library or "skops"
    try:
        raw = dump_own(library, original.model) if library else _skops(original.model)
    except ExportError:
        raise
    except Exception as error:  # whatever a model's own state raises
        raise ExportError(f"{name} does not write it ({type(error).__name__}).") from None
    try:
        loaded: Any = load_own(library, raw, original.outputs) if library else load_skops(raw)
        frame = make_frame(original.inputs, receipt.inputs, original.form)
        exactly = ROUNDED if library == "river" else Tolerance()
        differs = compare(receipt.outputs, answer(loaded, original.outputs, frame), exactly)
    except Exception as error:
        raise ExportError(
            f"It does not run when {name} has loaded it ({type(error).__name__})."
        ) from None
    if differs:
        raise ExportError(f"It answers differently when {name} has loaded it: {differs[0]}.")
    return Own(raw, library)


def _skops(model: object) -> bytes:
    raw: bytes = import_skops().dumps(model)
    refused = untrusted_types(raw)
    if refused:
        raise ExportError(f"It holds types that are not vetted: {', '.join(refused[:5])}.")
    return raw
