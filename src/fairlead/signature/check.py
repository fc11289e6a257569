"""Whether a version can answer what callers of an endpoint send."""

from __future__ import annotations

from fairlead.signature.read import families, shape_in_words
from fairlead.signature.types import Field, Signature

_CARRIES: dict[str, frozenset[str]] = {
    "number": frozenset({"number", "integer"}),
    "text": frozenset({"text", "category"}),
}
"""Which endpoint's kinds a version's kind takes beside its own."""


def fits(endpoint: Signature, version: Signature) -> tuple[str, ...]:
    """Why a version cannot answer requests that were checked against an endpoint's signature.

    Fields that the version does not use, other ranges and other categories are fine: what was
    seen in reference data differs between versions, and the policies of the endpoint hold.

    Args:
        endpoint: what requests are checked against.
        version: of the model that shall answer them.

    Returns:
        Reasons, as sentences; empty if it fits.

    Example:
        >>> age, plan = Field(name="age", kind="number"), Field(name="plan", kind="text")
        >>> narrow = Signature(inputs=(age,), outputs=())
        >>> wide = Signature(inputs=(age, plan), outputs=())
        >>> fits(wide, narrow), fits(narrow, wide)
        ((), ("Input 'plan' is not among the endpoint's fields.",))
    """
    given = {field.name: field for field in endpoint.inputs}
    reasons = []
    for field in version.inputs:
        if field.name in given:
            reasons += _differences(given[field.name], field)
        else:
            reasons.append(f"Input '{field.name}' is not among the endpoint's fields.")
    return (*reasons, *_answers(endpoint, version))


def _differences(given: Field, wanted: Field) -> list[str]:
    name = wanted.name
    if given.kind != wanted.kind and given.kind not in _CARRIES.get(wanted.kind, ()):
        return [f"Input '{name}' is {wanted.kind} for the version, {given.kind} for the endpoint."]
    if wanted.kind == "tensor" and not _shape_fits(given.shape, wanted.shape):
        have, want = shape_in_words(given.shape), shape_in_words(wanted.shape)
        return [f"Input '{name}' has shape {want} for the version, {have} for the endpoint."]
    if wanted.kind == given.kind == "category" and not families(given) <= families(wanted):
        have, want = (" or ".join(sorted(families(f))) for f in (given, wanted))
        return [f"Input '{name}' has categories of {want} for the version, {have} here."]
    if given.missing == "allow" and wanted.missing != "allow":
        why = "the version needs a value, as an imputer in its pipeline would give"
        return [f"Input '{name}' may be missing for the endpoint; {why}."]
    return []


def _shape_fits(given: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    return len(given) == len(wanted) and all(
        want in (-1, have) for have, want in zip(given, wanted, strict=True)
    )


def _answers(endpoint: Signature, version: Signature) -> list[str]:
    """Callers of an endpoint go on finding the fields they read."""
    answered = {field.name: field for field in version.outputs}
    reasons = []
    for field in endpoint.outputs:
        found = answered.get(field.name)
        if found is None:
            reasons.append(f"Output '{field.name}' is not among the version's answers.")
        elif found.kind != field.kind:
            reasons.append(
                f"Output '{field.name}' is {found.kind} from the version, "
                f"{field.kind} for the endpoint."
            )
    return reasons
