"""What executes models: one small class per kind of payload."""
