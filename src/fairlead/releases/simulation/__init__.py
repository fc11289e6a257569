"""A plan tried on drawn traffic, thousands of times, on a clock that is turned by hand."""
