"""Runs a model of river, from a state that names river's own types and holds no code."""

from fairlead.runners.river.model import RiverModel, dump_river, load_river, of_river, steps_of

__all__ = ["RiverModel", "dump_river", "load_river", "of_river", "steps_of"]
