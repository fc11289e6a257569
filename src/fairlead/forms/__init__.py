"""A form made from a signature, for every page on which a model is tried."""

from fairlead.forms.form import Control, answer_of, controls_of, neutral, options_of, to_json
from fairlead.forms.parts import FORMS

__all__ = ["FORMS", "Control", "answer_of", "controls_of", "neutral", "options_of", "to_json"]
