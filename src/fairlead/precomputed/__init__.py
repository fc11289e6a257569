"""Predictions that were made before anyone asked: how they lie in a table that is looked up."""

from fairlead.precomputed.read import answers_of, made_of, parent_of
from fairlead.precomputed.types import Precomputed, about, key_text, table_of

__all__ = [
    "Precomputed",
    "about",
    "answers_of",
    "key_text",
    "made_of",
    "parent_of",
    "table_of",
]
