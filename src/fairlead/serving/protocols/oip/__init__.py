"""The Open Inference Protocol, version 2: an endpoint is a model, its fields are tensors."""
