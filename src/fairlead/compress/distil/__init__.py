"""A small student in the place of a model, taught by the model's own answers."""
