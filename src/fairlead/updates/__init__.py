"""Updates: a model is trained on newer data, proven better than what answers, and released."""
