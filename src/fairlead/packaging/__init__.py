"""From a fitted model to a bundle: inferred, exported, proven, measured, signed."""

from fairlead.packaging.package import make_bundle

__all__ = ["make_bundle"]
