"""What executes models: one small class per kind of payload."""

from fairlead.runners.types import Runner

__all__ = ["Runner"]
