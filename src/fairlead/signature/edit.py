"""Editing a signature: one field at a time, and only into something that can be served."""

from __future__ import annotations

from typing import Any

import msgspec

from fairlead.errors import ConfigError
from fairlead.nearest import nearest
from fairlead.signature.columns import imputed
from fairlead.signature.kinds import RULES
from fairlead.signature.read import Refused
from fairlead.signature.types import Field, Signature


def with_field(signature: Signature, name: str, /, **changes: Any) -> Signature:
    """The signature with one input field changed.

    Args:
        signature: what to start from; it stays as it is.
        name: of the input field.
        changes: attributes of `Field` and their new values: `missing="impute", impute=0`.

    Raises:
        ConfigError: there is no such field or attribute, or the field would make no sense.

    Example:
        >>> ages = Signature(inputs=(Field(name="age", kind="number"),), outputs=())
        >>> with_field(ages, "age", missing="impute", impute=40).inputs[0].impute
        40
    """
    names = [field.name for field in signature.inputs]
    if name not in names:
        raise ConfigError(f"There is no input field '{name}'.", hint=_did_you_mean(name, names))
    place = names.index(name)
    known = Field.__struct_fields__
    for attribute in changes:
        if attribute not in known:
            raise ConfigError(
                f"A field has no attribute '{attribute}'.", hint=_did_you_mean(attribute, known)
            )
    plain = msgspec.to_builtins(signature.inputs[place]) | msgspec.to_builtins(changes)
    try:
        changed = msgspec.convert(plain, Field)
    except msgspec.ValidationError as error:
        raise ConfigError(f"Field '{name}' cannot be changed: {error}.") from None
    check_field(changed)
    if changed.name != name and changed.name in names:
        raise ConfigError(f"There is an input field '{changed.name}' already.")
    inputs = (*signature.inputs[:place], changed, *signature.inputs[place + 1 :])
    return msgspec.structs.replace(signature, inputs=inputs)


def check_field(field: Field) -> None:
    """Refuse an input field that contradicts itself.

    Raises:
        ConfigError: says what does not go together.
    """
    imputes = "impute" in (field.missing, field.unknown)
    if not field.name:
        raise ConfigError("A field needs a name.")
    if field.kind == "tensor" and field.missing != "error":
        raise ConfigError(f"Field '{field.name}' is a tensor, and those cannot be missing.")
    if field.unknown != "error" and field.kind != "category":
        raise ConfigError(f"Field '{field.name}' is no category: `unknown` does not apply to it.")
    if field.coerce and field.kind not in ("number", "integer"):
        raise ConfigError(f"Field '{field.name}' is no number: `coerce` does not apply to it.")
    if imputes and field.impute is None:
        raise ConfigError(f"Field '{field.name}' has the policy impute, but no value for it.")
    if imputes:
        try:
            imputed(field)
        except Refused as refused:
            expected = RULES[field.kind].expected(field)
            raise ConfigError(
                f"The value to impute for '{field.name}' does not fit: "
                f"expected {expected}, got {refused.got}."
            ) from None


def _did_you_mean(word: str, known: tuple[str, ...] | list[str]) -> str:
    likely = nearest(word, known)
    return f"Did you mean '{likely}'?" if likely else f"Known are {', '.join(known)}."
