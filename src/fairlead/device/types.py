"""What a package says of itself."""

from __future__ import annotations

import msgspec

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
