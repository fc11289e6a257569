"""The values of this package: Profile, and the summaries of single fields it is made of."""

from __future__ import annotations

import msgspec

from fairlead.signature import FieldKind, Scalar

FORMAT = 2
REFERENCE = "reference.json.gz"
"""The file of a bundle that holds the profile of its reference rows."""


class _Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True,
            forbid_unknown_fields=True):  # fmt: skip
    """Settings that every part of a profile shares."""


class LogBuckets(_Part, frozen=True, kw_only=True):
    """Counts of magnitudes in buckets about 2 % wide, wherever the values lie; for show.

    An octave has 32 buckets of equal width (3.1 % of the value at its start, 1.6 % at its end),
    for each sign. Only the 320 occupied buckets of the largest magnitudes are kept; what is
    smaller than all of them is one count. Which ones those are depends on the values alone, not
    on the order they came in, so buckets merge exactly.

    Args:
        steps: of the keys of occupied buckets, rising, the first key and then the differences:
            little-endian int32. A key is twice the top 16 bits of the magnitude as a double (11
            of exponent, 5 of fraction), plus 1 for negative values.
        counts: of each bucket: little-endian unsigned integers, as narrow as the largest allows.
        below: values that are not zero and smaller in magnitude than every bucket kept.
    """

    steps: bytes = b""
    counts: bytes = b""
    below: int = 0


NO_BUCKETS = LogBuckets()
"""Of no values; this very one is left out of what is written."""


class Numeric(_Part, frozen=True, kw_only=True, tag="numeric"):
    """Counts and moments of one number per row.

    Args:
        edges: never falling, frozen from the reference; bin i (from 1) holds
            edges[i-1] <= x < edges[i], the last one its upper edge too.
        counts: under the first edge, per bin, over the last edge: len(edges) + 1.
        count: values that are there and finite.
        missing: values that are missing or infinite.
        mean: of the values; 0 if there are none.
        m2: sum of squared differences from the mean.
        low: the smallest; None if there are none.
        high: the largest.
        negative: values below zero.
        zero: values that are zero.
        logs: the values that are not zero, by magnitude.
        distinct: a sketch of which values there were, see `distinct_count`.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    count: int = 0
    missing: int = 0
    mean: float = 0.0
    m2: float = 0.0
    low: float | None = None
    high: float | None = None
    negative: int = 0
    zero: int = 0
    logs: LogBuckets = NO_BUCKETS
    distinct: bytes = b""


class Categorical(_Part, frozen=True, kw_only=True, tag="categorical"):
    """Counts of categories.

    Args:
        categories: of the reference, at most 255: its most frequent ones.
        counts: of each of them.
        other: values that are in the reference, but not among those.
        new: values that are not in the reference. Where it has more than 255 categories, the
            rest of them is known by a filter, and some 2 % of new values count as other.
        missing: values that are missing.
        known: that filter, see `WordFilter`; empty if there are at most 255.
        distinct: a sketch of which values there were, see `distinct_count`.
    """

    categories: tuple[Scalar, ...]
    counts: tuple[int, ...]
    other: int = 0
    new: int = 0
    missing: int = 0
    known: bytes = b""
    distinct: bytes = b""


class Named(_Part, frozen=True, kw_only=True, tag="named"):
    """Summaries of several measures of one field.

    ========= ==========================================================================
    text      characters, words, unknown (share of words that are not among the 1024 most
              frequent of every other row of the reference), empty
    image     size_bytes; with Pillow width, height, mode, brightness and contrast (mean
              and standard deviation of grey, 0 to 1), sharpness (variance of its
              Laplacian)
    audio     size_bytes; of WAV duration_s, sample_rate_hz, loudness_dbfs, silence
              (share of time below -60 dBFS); of FLAC the first two
    timestamp hour, weekday (0 is Monday; both UTC), lag_s (the row's own time less
              this one)
    tensor    norm, mean, axis1 to axis3 (projections on the principal axes of
              every other row of the reference); with named places, such as probabilities,
              each of the first 32 by its name, and confidence (the largest of all) unless
              one is called so
    ========= ==========================================================================

    A measure that could not be taken at all of some rows, such as the brightness of pictures of
    which the log kept only the size, counts them neither as values nor as missing.

    Args:
        parts: by name, in order.
        kind: of the field.
        known: of text: a filter that knows the reference's words, see `WordFilter`.
        places: of tensors with named places: their names, at most 32.
        axes: of other tensors: the principal axes, an int8 for each element, in proportion.
    """

    parts: dict[str, Numeric | Categorical]
    kind: FieldKind
    known: bytes = b""
    places: tuple[str, ...] = ()
    axes: tuple[bytes, ...] = ()


Leaf = Numeric | Categorical
Summary = Numeric | Categorical | Named


class Repeats(_Part, frozen=True, kw_only=True):
    """How often rows repeat each other.

    Args:
        known: how many digests are kept: the least 256 of those that rows have.
        steps: of these, rising, the first one and then the differences: little-endian unsigned
            integers, as narrow as the largest allows.
        counts: rows that have each of them, likewise.
        loads: of all rows, how many are in each of 128 buckets by the last bits of their
            digests, likewise; empty where all digests are kept.
    """

    known: int = 0
    steps: bytes = b""
    counts: bytes = b""
    loads: bytes = b""


NO_REPEATS = Repeats()
"""Of no rows; this very one is left out of what is written."""


class Profile(_Part, frozen=True, kw_only=True, omit_defaults=False):
    """The summary of many rows: what was asked and, where there was one, what was answered.

    Profiles on the edges and categories of one reference form a commutative monoid under
    `merge`, with `empty(reference)` as its unit.

    Args:
        rows: how many there were.
        inputs: by field.
        outputs: by field.
        metrics: by name: what else is known of rows, such as revenue or a loss. Those that the
            reference lacks are counted too, without edges.
        repeats: which of them have the same inputs, as far as these are known row by row.
        format: of these bytes.
    """

    rows: int
    inputs: dict[str, Summary]
    outputs: dict[str, Summary] = {}
    metrics: dict[str, Numeric] = {}
    repeats: Repeats = NO_REPEATS
    format: int = FORMAT
