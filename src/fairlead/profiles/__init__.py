"""Mergeable summaries of many rows, in counts on edges that a reference has frozen."""

from fairlead.profiles.build import make_reference, observe
from fairlead.profiles.merge import decode, empty, encode, merge
from fairlead.profiles.types import Categorical, Named, Numeric, Profile, Summary

__all__ = [
    "Categorical",
    "Named",
    "Numeric",
    "Profile",
    "Summary",
    "decode",
    "empty",
    "encode",
    "make_reference",
    "merge",
    "observe",
]
