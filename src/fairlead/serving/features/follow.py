"""The features that requests to endpoints may leave out, as they are looked up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from fairlead.clock import Clock
from fairlead.errors import StorageError, UnavailableError
from fairlead.features import FeatureSpec
from fairlead.serving.features.fill import Asked, Fill, fill, taken
from fairlead.serving.lookup.follow import Followed
from fairlead.signature.findings import Findings


class FeatureTables:
    """Looks up what requests leave out.

    Args:
        followed: the tables that are kept open.
        specs: of the features that requests to each endpoint may leave out.
        clock: for ages.
    """

    def __init__(
        self, followed: Followed, specs: Mapping[str, tuple[FeatureSpec, ...]], clock: Clock
    ) -> None:
        self._followed = followed
        self._specs = specs
        self._clock = clock
        for spec in {spec.table: spec for own in specs.values() for spec in own}.values():
            followed.follow(spec.table, f"features {spec.name}", "they were not materialised")

    @property
    def waits(self) -> bool:
        """Whether a look-up waits for another process, which the loop must not do."""
        return self._followed.waits

    def of(self, endpoint: str) -> tuple[FeatureSpec, ...]:
        """The features that requests to an endpoint may leave out."""
        return self._specs.get(endpoint, ())

    def fill(
        self, spec: FeatureSpec, asked: Sequence[Asked], fields: frozenset[str], findings: Findings
    ) -> list[Fill]:
        """Look up what rows of a request leave out.

        Args:
            spec: of the features.
            asked: the rows.
            fields: that the model takes.
            findings: takes what is wrong.

        Raises:
            UnavailableError: it cannot be looked up now.
        """
        try:
            snapshot, found = self._followed.get(spec.table, [one.key for one in asked])
        except StorageError as error:
            raise UnavailableError(
                f"The features '{spec.name}' cannot be looked up now.", hint="Try again later."
            ) from error
        return fill(spec, snapshot, found, asked, fields, self._clock.now_us(), findings)

    def wanted(self, spec: FeatureSpec, fields: frozenset[str]) -> AbstractSet[str]:
        """The fields that may be filled in; any, before it is known which those are."""
        snapshot = self._followed.snapshot(spec.table)
        if snapshot is None:
            return fields.intersection(spec.defaults or fields)
        return taken(snapshot.columns, fields).keys()
