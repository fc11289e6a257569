"""What a person should think of before a version answers anybody, in words."""

from __future__ import annotations

from collections.abc import Iterator

from fairlead.registry.types import Version


def warnings(version: Version) -> tuple[str, ...]:
    """Say what is doubtful about a version, the gravest first.

    Args:
        version: of the registry.
    """
    return tuple(_warnings(version))


def _warnings(version: Version) -> Iterator[str]:
    lineage = version.lineage
    if version.pickle:
        yield "It is a pickle: loading it runs whatever code is in it."
    if version.proof is None:
        yield "How exactly it answers as the original did was not measured when it was packaged."
    elif version.proof.differing:
        yield (
            f"{version.proof.differing} of the {version.proof.rows} rows of its receipt were not "
            "answered as the original did."
        )
    if not version.metrics:
        yield "It was packaged without labels, so that it is not known how good its answers are."
    if lineage.changed:
        yield (
            "Its code had changes that were not committed, so that the revision alone does not "
            "give it again."
        )
