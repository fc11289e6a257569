"""The log of every prediction and of what came later under its id."""
