"""A candidate that sees requests and answers nobody, held against what callers were given."""
