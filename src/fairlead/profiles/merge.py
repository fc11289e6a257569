"""Adding profiles up, and writing them as bytes."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import msgspec

from fairlead.errors import StorageError
from fairlead.profiles.fields import differ, empty_field, merge_field
from fairlead.profiles.numbers import merge_numbers
from fairlead.profiles.repeats import merge_repeats
from fairlead.profiles.types import FORMAT, Numeric, Profile, Summary

DECODED_BYTES_MAX = 64 * 1024 * 1024
GZIP = zlib.MAX_WBITS | 16

_DECODER = msgspec.json.Decoder(Profile)


def merge(a: Profile, b: Profile) -> Profile:
    """The profile of the rows of both: exact in every count, in mean and m2 within rounding.

    Raises:
        ConflictError: they are not on the edges and categories of one reference.
    """
    return Profile(
        rows=a.rows + b.rows,
        inputs=_merge_all(a.inputs, b.inputs),
        outputs=_merge_all(a.outputs, b.outputs),
        metrics=_merge_metrics(a.metrics, b.metrics),
        repeats=merge_repeats(a.repeats, b.repeats),
    )


def empty(reference: Profile) -> Profile:
    """The profile of no rows, on a reference's edges and categories."""
    metrics = {n: metric for n, metric in reference.metrics.items() if metric.edges}
    return Profile(
        rows=0,
        inputs={name: empty_field(summary) for name, summary in reference.inputs.items()},
        outputs={name: empty_field(summary) for name, summary in reference.outputs.items()},
        metrics={
            n: Numeric(edges=metric.edges, counts=(0,) * len(metric.counts))
            for n, metric in metrics.items()
        },
    )


def encode(profile: Profile) -> bytes:
    """Write a profile as JSON in gzip."""
    packer = zlib.compressobj(6, zlib.DEFLATED, GZIP)
    return packer.compress(msgspec.json.encode(profile)) + packer.flush()


def decode(raw: bytes) -> Profile:
    """Read a profile back.

    Raises:
        StorageError: the bytes are damaged, or were written by a newer Fairlead.
    """
    try:
        unpacker = zlib.decompressobj(GZIP)
        text = unpacker.decompress(raw, DECODED_BYTES_MAX)
        if not unpacker.eof:
            raise StorageError("A profile cannot be read: it is cut off, or far too large.")
        profile = _DECODER.decode(text)
    except (zlib.error, msgspec.DecodeError, UnicodeError) as error:
        raise StorageError(f"A profile cannot be read: {error}.") from error
    if profile.format > FORMAT:
        raise StorageError(
            f"A profile has format {profile.format}; this Fairlead reads up to {FORMAT}.",
            hint="Upgrade Fairlead on this machine.",
        )
    return profile


def _merge_all(a: Mapping[str, Summary], b: Mapping[str, Summary]) -> dict[str, Summary]:
    if a.keys() != b.keys():
        raise differ()
    return {name: merge_field(summary, b[name]) for name, summary in a.items()}


def _merge_metrics(a: Mapping[str, Numeric], b: Mapping[str, Numeric]) -> dict[str, Numeric]:
    """Those of both; what only one of them has stays as it is."""
    if any(a[name].edges != b[name].edges for name in a.keys() & b.keys()):
        raise differ()
    both = {n: merge_numbers(metric, b[n]) if n in b else metric for n, metric in a.items()}
    return {**both, **{name: metric for name, metric in b.items() if name not in a}}
