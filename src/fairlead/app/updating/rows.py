"""Rows of a frame in the form that a fitted model takes them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from fairlead.errors import ExportError
from fairlead.runners.frame import Form, make_frame
from fairlead.signature import NUMERIC, Field, Signature, from_frame

if TYPE_CHECKING:
    import polars as pl

ROWS_MAX = 50_000
"""That a version is packaged with: more tell nothing more of what they look like."""
TRIED = 5


def spread(frame: pl.DataFrame, most: int = ROWS_MAX) -> pl.DataFrame:
    """So many rows of a frame at most, evenly from all of it."""
    return frame.gather_every(-(-frame.height // most)) if frame.height > most else frame


def find_form(model: Any, preferred: Form, signature: Signature, frame: pl.DataFrame) -> Form:
    """The form of data in which a model answers rows, under the names that callers know.

    Args:
        model: as a function gave it back.
        preferred: that the version before took.
        signature: of the version before.
        frame: rows of its inputs.

    Raises:
        ExportError: it answers in none.
    """
    if not callable(getattr(model, "predict", None)):  # a torch module takes what all of them make
        return next(_forms(model, preferred, signature.inputs))
    few = from_frame(signature, frame.head(TRIED))
    trouble = ""
    for form in _forms(model, preferred, signature.inputs):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model.predict(make_frame(signature.inputs, few, form))
        except Exception as error:  # of someone else's code: it takes another form, or none
            trouble = trouble or type(error).__name__
            continue
        return form
    raise ExportError(
        f"The model that the function gave back does not answer the rows it was given ({trouble}).",
        hint="Let it return the fitted model, or the model and rows as it takes them.",
    )


def _forms(model: Any, preferred: Form, fields: Sequence[Field]) -> Iterator[Form]:
    """In the order of how likely they are; a matrix only where it has the same names and types."""
    plain = all(field.kind in NUMERIC or field.kind == "tensor" for field in fields)
    placed = [field.name for field in fields] == [f"x{place}" for place in range(len(fields))]
    named = hasattr(model, "feature_names_in_")
    first: tuple[Form, ...] = (preferred, "pandas", "polars")
    if plain and placed:
        first = ("numpy", *first) if not named else (*first, "numpy")
    yield from dict.fromkeys(form for form in first if form != "numpy" or (plain and placed))
