"""Two sets of rows beside each other: what moved, what broke, and whether that is an alarm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from fairlead.errors import InputError, NotFoundError
from fairlead.monitor.frames import FORMS, profiles_of, read_frame
from fairlead.monitor.show import as_html, as_text
from fairlead.monitoring import Comparison, Drift, Quality, Rule
from fairlead.monitoring import compare as compare_profiles
from fairlead.monitoring.draw import draw_field, draw_fields
from fairlead.nearest import nearest
from fairlead.profiles import Profile


class Compared(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What differs between two sets of rows; shows itself in a notebook.

    Args:
        reference: the profile of the rows that were compared with.
        current: of the others, on the same bins.
        comparison: what was found.
        rule: that it was judged by.
        ignored: columns that were not compared, each with the reason.
    """

    reference: Profile
    current: Profile
    comparison: Comparison
    rule: Rule
    ignored: Mapping[str, str] = {}

    @property
    def alarm(self) -> bool:
        """Whether anything moved or broke.

        Where nothing did, with chance `rule.alpha` at most, if rows have nothing to do with each
        other: of a few users who ask often it is larger.
        """
        return self.comparison.alarm

    @property
    def fields(self) -> dict[str, Drift]:
        """By field: `drifted`, `effect`, `p_value`, `adjusted_p`, `test`, `why`."""
        return self.comparison.fields

    @property
    def drifted(self) -> tuple[str, ...]:
        """The fields that did."""
        return self.comparison.drifted

    @property
    def broken(self) -> tuple[Quality, ...]:
        """What is wrong with the values: `field`, `kind`, `share`, `why`."""
        return self.comparison.broken

    def figure(self, field: str | None = None) -> Any:
        """Draw how far all fields moved, or how one is distributed, then and now.

        Args:
            field: one of `fields`; all of them if not given.

        Returns:
            A `plotly.graph_objects.Figure`.

        Raises:
            NotFoundError: there is no such field, or the current rows lack it.
        """
        import plotly.graph_objects

        if field is None:
            drawn = draw_fields(self.comparison, self.rule.effect_min)
        else:
            found = draw_field(self.reference, self.current, field)
            if found is None:
                raise self._unknown(field)
            drawn = found
        return plotly.graph_objects.Figure(drawn)

    def _unknown(self, field: str) -> NotFoundError:
        close = nearest(field, self.fields)
        return NotFoundError(
            f"Both sets of rows have no field '{field}' that could be drawn.",
            hint=f"Did you mean '{close}'?" if close else f"There are {', '.join(self.fields)}.",
        )

    def __repr__(self) -> str:
        return as_text(self.comparison, self.ignored)

    def _repr_html_(self) -> str:
        return as_html(self.comparison, self.ignored)


def compare(reference: object, current: object, *, rule: Rule | None = None) -> Compared:
    """Compare rows with reference rows, field by field; no server is needed.

    Fields are inferred from the reference as packaging infers them. Each gets a two-sample
    chi-square test over the reference's bins, and an effect: its population stability index
    less its mean by chance. Missing values, values out of range, new categories, constant
    fields and rows that repeat an earlier one are tested too. All p-values are adjusted together
    (Benjamini and Hochberg), and what is significant and large enough is an alarm; see
    `fairlead.monitor.Rule` for the limits.

    Args:
        reference: rows to compare with, as those the model was fitted on: a pandas or Polars
            frame, a NumPy array, a dictionary of arrays or a list of records; or a Profile.
        current: other rows, in any of these forms; a Profile on the reference's bins if the
            reference is one.
        rule: when to alarm; at a chance of 1 % for any false alarm if not given, of rows that are
            independent of each other.

    Returns:
        A value with `alarm`, `fields`, `broken` and `figure()`.

    Raises:
        InputError: the rows cannot be read, or only one of the two is a Profile.

    Example:
        >>> import numpy as np
        >>> random = np.random.default_rng(7)
        >>> found = compare(
        ...     {"age": random.normal(40, 9, 2000), "visits": random.poisson(3, 2000)},
        ...     {"age": random.normal(46, 9, 500), "visits": random.poisson(3, 500)},
        ... )
        >>> found.alarm, found.fields["age"].drifted, found.fields["visits"].drifted
        (True, True, False)
    """
    rule = rule or Rule()
    ignored: Mapping[str, str] = {}
    untested: Mapping[str, str] = {}
    if isinstance(reference, Profile) and isinstance(current, Profile):
        before, after = reference, current
    elif isinstance(reference, Profile) or isinstance(current, Profile):
        raise InputError(
            "A profile can be compared with a profile only.", hint=f"Give two, or twice {FORMS}."
        )
    else:
        tables = read_frame(reference), read_frame(current)
        before, after, ignored, untested = profiles_of(*tables)
    return Compared(
        reference=before,
        current=after,
        comparison=compare_profiles(before, after, rule=rule, untested=untested),
        rule=rule,
        ignored=ignored,
    )
