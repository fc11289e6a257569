"""The commands: each parses, calls one function of `app`, and prints what came of it."""
