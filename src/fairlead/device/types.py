"""The values of this package: what a package says of itself, and windows of what was seen."""

from __future__ import annotations

import msgspec

from fairlead.profiles.types import Profile

FORMAT = 1
MANIFEST = "device.json"
"""The file of a package that says what it holds."""

BUNDLE = "bundle/"
"""Where the bundle lies in a package."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The whole of `device.json`. What a later format adds is passed over.

    Args:
        model: the model's name.
        number: of the version.
        digest: of the bundle.
        signer: public key in hex that its signature must be of.
        left_out: files of the bundle that are not needed to answer, such as what an update
            starts from.
        format: of this file.
    """

    model: str
    number: int
    digest: str
    signer: str
    left_out: tuple[str, ...] = ()
    format: int = FORMAT

    @property
    def version(self) -> str:
        """The version's name: `churn:3`."""
        return f"{self.model}:{self.number}"


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen in a stretch of rows, as counts on the reference's edges.

    Args:
        id: the same however often the window is made, so that it counts once wherever it
            arrives twice. While a stretch grows, so do its rows, under the one id.
        device: whose rows.
        version: that answered.
        digest: of its bundle.
        first: number of the first row; a device numbers the rows that it keeps from 1.
        rows: how many.
        from_us: the earliest time on its rows, microseconds since 1970; the device's clock.
        to_us: the latest.
        last_id: id of the last prediction; empty without rows.
        profile: of the rows.
        format: of these bytes.
    """

    id: str
    device: str
    version: str
    digest: str
    first: int
    rows: int
    from_us: int
    to_us: int
    last_id: str
    profile: Profile
    format: int = FORMAT
