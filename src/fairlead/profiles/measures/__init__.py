"""What is measured of values that are not single numbers or categories, one file for each kind.

Each gives, by name, one number per row (NaN where there is none) or a tally of categories.
"""
