"""What the user says of fields, over what was inferred of them."""

from __future__ import annotations

from collections.abc import Mapping

from fairlead.errors import ConfigError
from fairlead.signature import Signature, with_field

POLICIES = frozenset({"missing", "unknown", "impute", "coerce"})

Changes = Mapping[str, Mapping[str, object]]
"""By field, attributes of `Field` and their new values."""


def describe_fields(signature: Signature, changes: Changes) -> Signature:
    """Apply what is said of kinds, shapes, ranges and categories, before a model is asked.

    Raises:
        ConfigError: there is no such field or attribute, or it makes no sense.
    """
    return _apply(signature, changes, policies=False)


def set_policies(signature: Signature, changes: Changes) -> Signature:
    """Apply what is said of missing and unknown values, after a model was asked.

    Args:
        signature: with the policies that the model was found to have.
        changes: may refuse or impute what the model answers, but not allow what it does not.

    Raises:
        ConfigError: there is no such attribute, it makes no sense, or the model cannot do it.

    Example:
        >>> from fairlead.signature import Field
        >>> age = Signature(inputs=(Field(name="age", kind="number"),), outputs=())
        >>> set_policies(age, {"age": {"missing": "impute", "impute": 40}}).inputs[0].missing
        'impute'
    """
    changed = _apply(signature, changes, policies=True)
    for before, after in zip(signature.inputs, changed.inputs, strict=True):
        for what in ("missing", "unknown"):
            if getattr(after, what) == "allow" != getattr(before, what):
                raise ConfigError(
                    f"The model does not answer rows whose '{after.name}' is {what}.",
                    hint="Use 'error', or 'impute' with a value for it.",
                )
    return changed


def _apply(signature: Signature, changes: Changes, *, policies: bool) -> Signature:
    for name, attributes in changes.items():
        wanted = {a: v for a, v in attributes.items() if (a in POLICIES) == policies}
        signature = with_field(signature, name, **wanted)
    return signature
