"""What is known of a key: materialised for look-up, and joined to training rows by their time."""

from fairlead.features.join import join
from fairlead.features.materialize import materialize
from fairlead.features.types import FeatureSettings, FeatureSpec, Missing, spec_of

__all__ = ["FeatureSettings", "FeatureSpec", "Missing", "join", "materialize", "spec_of"]
