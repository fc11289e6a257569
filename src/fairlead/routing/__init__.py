"""Which version answers which request: routes as values, assignment as a pure function."""
