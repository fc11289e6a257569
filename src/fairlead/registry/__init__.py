"""Models, their numbered versions, aliases, tags and evaluations."""

from fairlead.registry.registry import Registry
from fairlead.registry.types import Evaluated, Lineage, Measured, Model, Version

__all__ = ["Evaluated", "Lineage", "Measured", "Model", "Registry", "Version"]
