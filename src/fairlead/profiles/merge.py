"""Adding profiles up, and writing them as bytes."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from operator import add

import msgspec

from fairlead.errors import ConflictError, StorageError
from fairlead.profiles.types import FORMAT, Categorical, Named, Numeric, Profile, Summary

_DECODER = msgspec.json.Decoder(Profile)


def merge(a: Profile, b: Profile) -> Profile:
    """The profile of the rows of both: exact in every count, in mean and m2 within rounding.

    Moments by Chan, Golub and LeVeque (1979), "Updating formulae and a pairwise algorithm for
    computing sample variances".

    Raises:
        ConflictError: they are not on the edges and categories of one reference.
    """
    return Profile(
        rows=a.rows + b.rows,
        inputs=_merge_all(a.inputs, b.inputs),
        outputs=_merge_all(a.outputs, b.outputs),
    )


def empty(reference: Profile) -> Profile:
    """The profile of no rows, on a reference's edges and categories."""
    return Profile(
        rows=0,
        inputs={name: _emptied(summary) for name, summary in reference.inputs.items()},
        outputs={name: _emptied(summary) for name, summary in reference.outputs.items()},
    )


def encode(profile: Profile) -> bytes:
    """Write a profile as JSON."""
    return msgspec.json.encode(profile)


def decode(raw: bytes) -> Profile:
    """Read a profile back.

    Raises:
        StorageError: the bytes are damaged, or were written by a newer Fairlead.
    """
    try:
        profile = _DECODER.decode(raw)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise StorageError(f"A profile cannot be read: {error}.") from error
    if profile.format > FORMAT:
        raise StorageError(
            f"A profile has format {profile.format}; this Fairlead reads up to {FORMAT}.",
            hint="Upgrade Fairlead on this machine.",
        )
    return profile


def _merge_all(a: Mapping[str, Summary], b: Mapping[str, Summary]) -> dict[str, Summary]:
    if a.keys() != b.keys():
        raise _differ()
    return {name: _merge(summary, b[name]) for name, summary in a.items()}


def _merge(a: Summary, b: Summary) -> Summary:
    if isinstance(a, Numeric) and isinstance(b, Numeric):
        return _merge_numbers(a, b)
    if isinstance(a, Categorical) and isinstance(b, Categorical):
        return _merge_categories(a, b)
    if isinstance(a, Named) and isinstance(b, Named) and a.parts.keys() == b.parts.keys():
        return Named(parts={n: _merge_numbers(part, b.parts[n]) for n, part in a.parts.items()})
    raise _differ()


def _merge_numbers(a: Numeric, b: Numeric) -> Numeric:
    if a.edges != b.edges:
        raise _differ()
    count = a.count + b.count
    mean, m2 = _moments(a, b, count)
    return Numeric(
        edges=a.edges,
        counts=tuple(map(add, a.counts, b.counts)),
        count=count,
        missing=a.missing + b.missing,
        mean=mean,
        m2=m2,
        low=min((x for x in (a.low, b.low) if x is not None), default=None),
        high=max((x for x in (a.high, b.high) if x is not None), default=None),
    )


def _moments(a: Numeric, b: Numeric, count: int) -> tuple[float, float]:
    if not a.count or not b.count:
        return (b.mean, b.m2) if b.count else (a.mean, a.m2)
    mean = a.mean * (a.count / count) + b.mean * (b.count / count)
    apart = b.mean - a.mean
    m2 = a.m2 + b.m2 + apart * apart * (a.count * b.count / count)
    return mean, min(m2, sys.float_info.max)


def _merge_categories(a: Categorical, b: Categorical) -> Categorical:
    if a.categories != b.categories:
        raise _differ()
    return Categorical(
        categories=a.categories,
        counts=tuple(map(add, a.counts, b.counts)),
        other=a.other + b.other,
        missing=a.missing + b.missing,
    )


def _emptied(summary: Summary) -> Summary:
    if isinstance(summary, Numeric):
        return _emptied_numbers(summary)
    if isinstance(summary, Categorical):
        return Categorical(categories=summary.categories, counts=(0,) * len(summary.counts))
    return Named(parts={name: _emptied_numbers(part) for name, part in summary.parts.items()})


def _emptied_numbers(summary: Numeric) -> Numeric:
    return Numeric(edges=summary.edges, counts=(0,) * len(summary.counts))


def _differ() -> ConflictError:
    return ConflictError(
        "Profiles of different references cannot be merged.",
        hint="Build both with `observe` on the same reference.",
    )
