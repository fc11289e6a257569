"""The values of this package: checks and what came of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import msgspec

if TYPE_CHECKING:
    from fairlead.conformance.server import Session

Json = dict[str, Any]
Result = Literal["pass", "fail", "skip"]


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """What came of one check.

    Args:
        group: of the check.
        name: what the server should do.
        required: whether a server must pass it.
        result: `pass`, `fail` or `skip`.
        reason: why not `pass`.
    """

    group: str
    name: str
    required: bool
    result: Result
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that a server should do.

    Args:
        group: of checks about the same.
        name: what it should do.
        look: asks the server; raises `Failed` or `Skipped`, or returns if all is well.
        required: whether the protocol, or its reference client, relies on it.
        extension: that must be announced for the check to be made; required then.
    """

    group: str
    name: str
    look: Callable[[Session], None]
    required: bool = True
    extension: str = ""


class Failed(Exception):  # noqa: N818  # a verdict, caught where checks are run
    """The server does not do what it should."""


class Skipped(Exception):  # noqa: N818  # a verdict, caught where checks are run
    """What the check needs is not there."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply of the server.

    Args:
        status: of HTTP.
        headers: names in lower case.
        body: as sent, decompressed.
    """

    status: int
    headers: dict[str, str]
    body: bytes
