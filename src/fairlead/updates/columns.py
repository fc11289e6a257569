"""Columns as a training function gets them: of the types that the signature says."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import polars as pl

from fairlead.errors import ConfigError
from fairlead.monitoring.answer import answer_of
from fairlead.monitoring.labels import NUMBER_MAX
from fairlead.monitoring.measure import classes_of
from fairlead.nearest import nearest
from fairlead.signature import Field, Signature

WHOLE_MAX = 2**53
"""Beyond it a float, as the log keeps a label's number, is no integer for certain."""


def check_names(signature: Signature, label: str, time: str, slices: Sequence[str]) -> None:
    """Check that the columns of a training function can be told apart.

    Raises:
        ConfigError: the columns of labels and times are called alike or as a field, or a slice
            is none.
    """
    names = [field.name for field in signature.inputs]
    for what, name in (("label", label), ("time", time)):
        if name in names:
            raise ConfigError(
                f"'{name}' is a field of the model, so that the column of its {what}s cannot be.",
                hint=f"Give that column another name: '{what}' of the update's data.",
            )
    if label == time:
        raise ConfigError(f"Labels and times cannot both be called '{label}'.")
    for one in slices:
        if one not in names:
            close = nearest(one, names)
            meant = f"Did you mean '{close}'?" if close else f"It has: {', '.join(names)}."
            raise ConfigError(f"The slice '{one}' is no field of the model.", hint=meant)


def check_kept(endpoint: str, signature: Signature, kept: Collection[str]) -> None:
    """Check that the log keeps what there is to learn from.

    Args:
        endpoint: whose log it is.
        signature: of the model.
        kept: the columns of the log.

    Raises:
        ConfigError: it does not keep a field.
    """
    for field in signature.inputs:
        if field.kind in ("image", "audio"):
            what = f"only a digest of field '{field.name}'"
        elif f"in.{field.name}" not in kept and field.missing == "error":
            what = f"no field '{field.name}'"
        else:
            continue
        raise ConfigError(
            f"The log of '{endpoint}' keeps {what}, so that nothing can be learnt from it.",
            hint="Train the model by hand, or package it without that field.",
        )


def dtype_of(field: Field) -> pl.DataType:
    """The type of an input's column.

    Example:
        >>> dtype_of(Field(name="visits", kind="integer"))
        Int64
    """
    match field.kind:
        case "number":
            return pl.Float64()
        case "integer":
            return pl.Int64()
        case "boolean":
            return pl.Boolean()
        case "timestamp":
            return pl.Datetime("us", "UTC")
        case "tensor":
            return _nested(field)
        case "category":
            return _of_values(field.categories or ())
        case _:
            return pl.String()


def _nested(field: Field) -> pl.DataType:
    kinds: dict[str, pl.DataType] = {"i": pl.Int64(), "u": pl.Int64(), "b": pl.Boolean()}
    found = kinds.get(field.dtype[:1], pl.Float64())
    for _ in field.shape:
        found = pl.List(found)
    return found


def _of_values(values: Sequence[object]) -> pl.DataType:
    """The type that holds all of some scalars."""
    kinds = {type(value) for value in values}
    if kinds == {bool}:
        return pl.Boolean()
    if kinds == {int}:
        return pl.Int64()
    return pl.Float64() if kinds and kinds <= {int, float} else pl.String()


def label_dtype(signature: Signature) -> pl.DataType:
    """The type of the labels: that of the model's classes, or numbers.

    Example:
        >>> label = Field(name="label", kind="category", categories=(0, 1))
        >>> label_dtype(Signature(inputs=(), outputs=(label,), task="classification"))
        Int64
    """
    field = answer_of(signature)
    if signature.task == "regression":
        return pl.Float64()
    if field is None:
        return pl.String()
    classes = classes_of(signature, field)
    return _of_values(classes) if classes else dtype_of(field)


def label_of(signature: Signature, text: pl.Expr, number: pl.Expr) -> pl.Expr:
    """The labels, typed; null where one is none of that type.

    A class that the model does not know yet is a label as any other.

    Args:
        signature: of the model.
        text: the label as text, as on the log.
        number: the label as a number, if it is one.
    """
    dtype = label_dtype(signature)
    if dtype == pl.String():
        return text
    if dtype == pl.Boolean():
        said = text.str.to_lowercase()
        of_text = pl.when(said == "true").then(True).when(said == "false").then(False)
        return of_text.when(number == 1.0).then(True).when(number == 0.0).then(False)
    parsed = pl.coalesce(number, text.cast(pl.Float64, strict=False))
    if dtype == pl.Int64():
        whole = (parsed.round() == parsed) & (parsed.abs() < WHOLE_MAX)
        rounded = pl.when(whole).then(parsed).cast(pl.Int64, strict=False)
        return pl.coalesce(text.cast(pl.Int64, strict=False), rounded)
    return pl.when(parsed.abs() < NUMBER_MAX).then(parsed)


def as_logged(dtype: pl.DataType, column: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """A column of labels in a file as the log would keep them: as text, and as a number."""
    if dtype == pl.Boolean():
        texts = pl.when(column).then(pl.lit("True")).when(~column).then(pl.lit("False"))
        return texts, column.cast(pl.Float64)
    if not dtype.is_numeric():
        return column.cast(pl.String), pl.lit(None, pl.Float64)
    number = column.cast(pl.Float64)
    whole = (number.round() == number) & (number.abs() < WHOLE_MAX)
    written = pl.when(whole).then(number.cast(pl.Int64, strict=False).cast(pl.String))
    finite = number.is_finite()
    return pl.when(finite).then(pl.coalesce(written, column.cast(pl.String))), (
        pl.when(finite).then(number)
    )
