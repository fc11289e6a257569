"""Model bundles: a directory of data, digests and a signature."""
