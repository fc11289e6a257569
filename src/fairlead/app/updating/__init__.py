"""One attempt at an update in a process of its own: data, training, packaging, evaluation."""
