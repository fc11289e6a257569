"""Who answers, in which order, where the model is not the first or does not answer."""
