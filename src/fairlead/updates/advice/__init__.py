"""What a history of labelled rows says of how often, on what and how a model is to be trained."""
