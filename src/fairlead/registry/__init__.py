"""Models, their numbered versions, aliases, tags and evaluations."""

from fairlead.registry.check import check_kept
from fairlead.registry.registry import Registry
from fairlead.registry.types import Evaluated, Lineage, Model, Version

__all__ = ["Evaluated", "Lineage", "Model", "Registry", "Version", "check_kept"]
