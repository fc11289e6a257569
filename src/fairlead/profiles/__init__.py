"""Mergeable summaries of many rows, in counts on edges that a reference has frozen."""

from fairlead.profiles.build import make_reference, observe, observe_columns
from fairlead.profiles.categories import code_values, tally_codes, tally_values
from fairlead.profiles.digests import add_field, digest_rows, no_fields
from fairlead.profiles.distinct import distinct_count
from fairlead.profiles.fields import count_field, empty_field, reference_field
from fairlead.profiles.measures import describe_media
from fairlead.profiles.merge import decode, empty, encode, merge
from fairlead.profiles.quantile import quantile
from fairlead.profiles.repeats import buckets_of, loads_of, sketch_rows, unpack_repeats
from fairlead.profiles.table import observe_table
from fairlead.profiles.types import (
    REFERENCE,
    Categorical,
    Leaf,
    LogBuckets,
    Named,
    Numeric,
    Profile,
    Repeats,
    Summary,
)

__all__ = [
    "REFERENCE",
    "Categorical",
    "Leaf",
    "LogBuckets",
    "Named",
    "Numeric",
    "Profile",
    "Repeats",
    "Summary",
    "add_field",
    "buckets_of",
    "code_values",
    "count_field",
    "decode",
    "describe_media",
    "digest_rows",
    "distinct_count",
    "empty",
    "empty_field",
    "encode",
    "loads_of",
    "make_reference",
    "merge",
    "no_fields",
    "observe",
    "observe_columns",
    "observe_table",
    "quantile",
    "reference_field",
    "sketch_rows",
    "tally_codes",
    "tally_values",
    "unpack_repeats",
]
