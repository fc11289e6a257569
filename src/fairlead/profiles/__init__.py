"""Mergeable summaries of many rows, in counts on edges that a reference has frozen."""

from fairlead.profiles.build import make_reference, observe, observe_columns
from fairlead.profiles.categories import tally_codes, tally_values
from fairlead.profiles.distinct import distinct_count
from fairlead.profiles.measures import describe_media
from fairlead.profiles.merge import decode, empty, encode, merge
from fairlead.profiles.quantile import quantile
from fairlead.profiles.repeats import buckets_of, loads_of, unpack_repeats
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
    "buckets_of",
    "decode",
    "describe_media",
    "distinct_count",
    "empty",
    "encode",
    "loads_of",
    "make_reference",
    "merge",
    "observe",
    "observe_columns",
    "observe_table",
    "quantile",
    "tally_codes",
    "tally_values",
    "unpack_repeats",
]
